-- Keys of callers. Only the hash of a key is kept; `prefix` is for people to tell keys apart.
CREATE TABLE ledger.api_keys (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
    key_hash text NOT NULL UNIQUE CHECK (key_hash ~ '^[0-9a-f]{64}$'),
    prefix text,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);
