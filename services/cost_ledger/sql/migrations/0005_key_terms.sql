-- What a key may do, and how long. NULL: no end, no rate limit, every model.
ALTER TABLE ledger.api_keys
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN rate_limit integer CHECK (rate_limit BETWEEN 1 AND 100000),
    ADD COLUMN allowed_models text[] CHECK (cardinality(allowed_models) BETWEEN 1 AND 100);
