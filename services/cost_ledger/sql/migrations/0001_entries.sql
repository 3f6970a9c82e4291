-- One row a request, never changed afterwards.
CREATE TABLE ledger.entries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id text NOT NULL UNIQUE CHECK (length(request_id) BETWEEN 1 AND 128),
    occurred_at timestamptz NOT NULL,
    booked_at timestamptz NOT NULL DEFAULT now(),
    model text NOT NULL,
    backend text NOT NULL CHECK (backend IN ('local', 'cloud', 'cache')),
    status text NOT NULL CHECK (status IN ('ok', 'error')),
    input_tokens integer NOT NULL CHECK (input_tokens BETWEEN 0 AND 1000000000),
    output_tokens integer NOT NULL CHECK (output_tokens BETWEEN 0 AND 1000000000),
    cache_read_tokens integer NOT NULL CHECK (cache_read_tokens BETWEEN 0 AND 1000000000),
    cache_write_5m_tokens integer NOT NULL CHECK (cache_write_5m_tokens BETWEEN 0 AND 1000000000),
    cache_write_1h_tokens integer NOT NULL CHECK (cache_write_1h_tokens BETWEEN 0 AND 1000000000),
    -- USD. NULL: no price was known, so the cost is not known either. NaN is above infinity here.
    cost numeric CHECK (cost >= 0 AND cost < 'Infinity'),
    -- USD per million tokens, as charged.
    price_input numeric,
    price_output numeric,
    price_cache_read numeric,
    price_cache_write_5m numeric,
    price_cache_write_1h numeric,
    price_source text,
    -- What the same tokens would have cost on another model at that time.
    baseline_model text NOT NULL,
    baseline_cost numeric CHECK (baseline_cost >= 0 AND baseline_cost < 'Infinity'),
    latency_seconds double precision CHECK (latency_seconds >= 0),
    tier text,
    complexity double precision CHECK (complexity BETWEEN 0 AND 1),
    reasoning text,
    key_id text,
    user_name text,
    tags text[] NOT NULL DEFAULT '{}',
    dialect text,
    error_code text,
    CHECK ((cost IS NULL) = (price_source IS NULL)),
    CHECK (num_nulls(cost, price_input, price_output, price_cache_read, price_cache_write_5m, price_cache_write_1h)
           IN (0, 6))
);

CREATE INDEX entries_occurred_at ON ledger.entries (occurred_at);

-- Readers follow the ledger by id. An id is given out before its transaction commits, so without a
-- lock a reader could see id 8 while 7 is still uncommitted, and then never come back for 7. One
-- booking transaction at a time, from before the first id to after the commit, rules that out.
CREATE FUNCTION ledger.book_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1279607879, 1);
    RETURN NULL;
END
$$;

CREATE TRIGGER book_in_order BEFORE INSERT ON ledger.entries
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.book_in_order();

CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'entries of the ledger are never changed or removed';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.entries
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
