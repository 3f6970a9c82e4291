"""The cost ledger: what every request cost, who may ask, and what the routing saved."""
