-- Budgets, what was spent of them, and what requests that are under way may still cost.
CREATE TABLE ledger.budgets (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope text NOT NULL CHECK (scope IN ('global', 'key', 'user', 'tag', 'model')),
    -- Whose: a key's id, a user, a tag, a model's name; '' for all.
    subject text NOT NULL CHECK ((subject = '') = (scope = 'global') AND length(subject) <= 256),
    period text NOT NULL CHECK (period IN ('daily', 'monthly')),
    limit_usd numeric NOT NULL CHECK (limit_usd >= 0 AND limit_usd < 'Infinity'),
    -- 'soft' only warns. 'hard' is never passed.
    mode text NOT NULL CHECK (mode IN ('soft', 'hard')),
    -- What a request gets that no longer fits: refused, or a local model's answer.
    when_spent text NOT NULL CHECK (when_spent IN ('refuse', 'local')),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (scope, subject, period, mode)
);

-- Warnings that a new ledger begins with; change or delete them freely.
INSERT INTO ledger.budgets (scope, subject, period, limit_usd, mode, when_spent)
VALUES ('global', '', 'daily', 10, 'soft', 'refuse'), ('global', '', 'monthly', 200, 'soft', 'refuse');

-- The sum of the entries that were charged to a budget in one of its periods. A row is made, with what was
-- spent by then, when a request first asks for it, and kept up by booking: a new period needs no job.
CREATE TABLE ledger.spending (
    budget_id bigint NOT NULL REFERENCES ledger.budgets ON DELETE CASCADE,
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL,
    spent numeric NOT NULL,
    PRIMARY KEY (budget_id, period_start, period_end)
);

-- Requests under way. One is removed when its entry is booked, or booked as unconfirmed after its time.
CREATE TABLE ledger.reservations (
    request_id text PRIMARY KEY,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- USD: the most that it can cost; 0 for a model without a price.
    amount numeric NOT NULL CHECK (amount >= 0 AND amount < 'Infinity'),
    model text NOT NULL,
    key_id text,
    user_name text,
    tags text[] NOT NULL,
    -- The row that is booked if nobody tells what became of it.
    entry json NOT NULL
);

CREATE INDEX reservations_expires_at ON ledger.reservations (expires_at);

-- Whether a budget counts a request with these labels.
CREATE FUNCTION ledger.applies(scope text, subject text, key_id text, user_name text, tags text[], model text)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(
        CASE scope
            WHEN 'global' THEN true
            WHEN 'key' THEN subject = key_id
            WHEN 'user' THEN subject = user_name
            WHEN 'tag' THEN subject = ANY (tags)
            ELSE subject = model
        END,
        false
    )
$$;

-- Adds entries to what was spent of budgets.
CREATE FUNCTION ledger.charge(booked ledger.entries[])
RETURNS void LANGUAGE sql AS $$
    UPDATE ledger.spending SET spent = spending.spent + charged.cost
    FROM (
        SELECT period.budget_id, period.period_start, period.period_end, sum(entries.cost) AS cost
        FROM unnest(booked) AS entries
        JOIN ledger.spending AS period
            ON entries.charged_at >= period.period_start AND entries.charged_at < period.period_end
        JOIN ledger.budgets ON budgets.id = period.budget_id
        WHERE entries.cost <> 0
            AND ledger.applies(scope, subject, entries.key_id, entries.user_name, entries.tags, entries.model)
        GROUP BY 1, 2, 3
    ) AS charged
    WHERE spending.budget_id = charged.budget_id
        AND spending.period_start = charged.period_start AND spending.period_end = charged.period_end
$$;

-- Waits for its turn, and says what the books know of some requests.
CREATE FUNCTION ledger.take_requests(asked text[])
RETURNS TABLE (
    request_id text, unconfirmed boolean, corrections text[], charged_at timestamptz, cost numeric
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1279607879, 1);
    -- A statement of its own: it sees all that was committed before the lock was had.
    RETURN QUERY
    SELECT known.request_id, known.unconfirmed, known.corrections, entries.charged_at, entries.cost
    FROM ledger.requests AS known
    JOIN ledger.entries ON entries.id = known.entry_id AND entries.occurred_at = known.occurred_at
    WHERE known.request_id = ANY (asked);
END
$$;

-- Takes back what holds for some requests (a JSON array of request_id and correction), books the rows of another
-- JSON array, each of another request, and brings sums and budgets up to date. The requests' reservations end; what
-- was reserved is charged to the time of its reservation.
CREATE FUNCTION ledger.append(reversals json, rows json) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    taken_back ledger.entries[];
    added ledger.entries[];
BEGIN
    PERFORM ledger.make_month(occurred_at)
    FROM (
        SELECT DISTINCT ON (date_trunc('month', occurred_at, 'UTC')) occurred_at
        FROM json_to_recordset(rows) AS months (occurred_at timestamptz)
    ) AS months;
    IF json_array_length(reversals) > 0 THEN
        WITH reversed_rows AS (
            INSERT INTO ledger.entries (
                request_id, correction, sign, occurred_at, charged_at, model, backend, status,
                input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
                batch, inference_geo,
                cost, price_input, price_output, price_cache_read, price_cache_write_5m, price_cache_write_1h, price_source,
                baseline_model, baseline_cost,
                latency_seconds, routing_seconds, model_seconds,
                tier, complexity, reasoning, key_id, user_name, tags, dialect, error_code
            )
            SELECT
                request_id, reversed.correction, -sign, entries.occurred_at, charged_at, model, backend, status,
                -input_tokens, -output_tokens, -cache_read_tokens, -cache_write_5m_tokens, -cache_write_1h_tokens,
                batch, inference_geo,
                -cost, price_input, price_output, price_cache_read, price_cache_write_5m, price_cache_write_1h, price_source,
                baseline_model, -baseline_cost,
                latency_seconds, routing_seconds, model_seconds,
                tier, complexity, reasoning, key_id, user_name, tags, dialect, error_code
            FROM json_to_recordset(reversals) AS reversed (request_id text, correction text)
            JOIN ledger.requests USING (request_id)
            JOIN ledger.entries USING (request_id)
            WHERE entries.id = requests.entry_id AND entries.occurred_at = requests.occurred_at
            RETURNING entries
        )
        SELECT array_agg(reversed_rows.entries) INTO taken_back FROM reversed_rows;
    END IF;
    WITH ended AS (
        DELETE FROM ledger.reservations
        USING json_to_recordset(rows) AS given (request_id text)
        WHERE reservations.request_id = given.request_id
        RETURNING reservations.request_id, reservations.created_at
    ), booked AS (
        INSERT INTO ledger.entries (
            request_id, correction, occurred_at, charged_at, model, backend, status,
            input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
            batch, inference_geo,
            cost, price_input, price_output, price_cache_read, price_cache_write_5m, price_cache_write_1h, price_source,
            baseline_model, baseline_cost,
            latency_seconds, routing_seconds, model_seconds,
            tier, complexity, reasoning, key_id, user_name, tags, dialect, error_code
        )
        SELECT
            request_id, correction, occurred_at, coalesce(ended.created_at, charged_at), model, backend, status,
            input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
            batch, inference_geo,
            cost, price_input, price_output, price_cache_read, price_cache_write_5m, price_cache_write_1h, price_source,
            baseline_model, baseline_cost,
            latency_seconds, routing_seconds, model_seconds,
            tier, complexity, reasoning, key_id, user_name, tags, dialect, error_code
        FROM json_populate_recordset(NULL::ledger.entries, rows) WITH ORDINALITY AS given
        LEFT JOIN ended USING (request_id)
        ORDER BY ordinality
        RETURNING entries, id, request_id, correction, occurred_at, status
    ), noted AS (
        INSERT INTO ledger.requests AS known (request_id, entry_id, occurred_at, unconfirmed, corrections)
        SELECT request_id, id, occurred_at, status = 'unconfirmed', array_remove(ARRAY[correction], NULL) FROM booked
        ON CONFLICT (request_id) DO UPDATE SET
            entry_id = excluded.entry_id,
            occurred_at = excluded.occurred_at,
            unconfirmed = excluded.unconfirmed,
            corrections = known.corrections || excluded.corrections
    )
    SELECT array_agg(booked.entries) INTO added FROM booked;
    PERFORM ledger.add_figures(taken_back || added);
    PERFORM ledger.charge(taken_back || added);
END
$$;

-- Books rows as `append` does when all of them are of requests that the books do not know; else does nothing, and
-- says false. The usual case in one question.
CREATE FUNCTION ledger.book_new(rows json) RETURNS boolean LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1279607879, 1);
    IF EXISTS (
        SELECT FROM json_to_recordset(rows) AS given (request_id text) JOIN ledger.requests USING (request_id)
    ) THEN
        RETURN false;
    END IF;
    PERFORM ledger.append('[]', rows);
    RETURN true;
END
$$;
