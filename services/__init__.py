"""The Python services of the Hybrid AI Stack: they decide, account and bridge."""
