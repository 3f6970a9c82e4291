"""The ledger's cloud usage against the provider's own report of it."""
