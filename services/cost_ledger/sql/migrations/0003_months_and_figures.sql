-- Entries by month, so that an old month can be exported and dropped whole; corrections as rows of their
-- own; and figures by the hour, which reports add up instead of entries.
ALTER TABLE ledger.entries RENAME TO entries_of_0001;
DROP INDEX ledger.entries_occurred_at;

CREATE SEQUENCE ledger.entry_ids AS bigint;

-- A row is never changed. What turns out wrong is taken back by a row with the sign -1, whose tokens and
-- amounts are negative, so that sums over rows are always right, and a row with what is true follows.
CREATE TABLE ledger.entries (
    id bigint NOT NULL DEFAULT nextval('ledger.entry_ids'),
    request_id text NOT NULL CHECK (length(request_id) BETWEEN 1 AND 128),
    correction text CHECK (length(correction) BETWEEN 1 AND 128),
    sign smallint NOT NULL DEFAULT 1 CHECK (sign IN (1, -1)),
    occurred_at timestamptz NOT NULL,
    -- When it counts for budgets: when it was reserved, else when it occurred.
    charged_at timestamptz NOT NULL,
    booked_at timestamptz NOT NULL DEFAULT now(),
    model text NOT NULL,
    backend text NOT NULL CHECK (backend IN ('local', 'cloud', 'cache')),
    -- 'unconfirmed': reserved, but nobody told what became of it; booked at its worst case.
    status text NOT NULL CHECK (status IN ('ok', 'error', 'unconfirmed')),
    input_tokens integer NOT NULL CHECK (sign * input_tokens BETWEEN 0 AND 1000000000),
    output_tokens integer NOT NULL CHECK (sign * output_tokens BETWEEN 0 AND 1000000000),
    cache_read_tokens integer NOT NULL CHECK (sign * cache_read_tokens BETWEEN 0 AND 1000000000),
    cache_write_5m_tokens integer NOT NULL CHECK (sign * cache_write_5m_tokens BETWEEN 0 AND 1000000000),
    cache_write_1h_tokens integer NOT NULL CHECK (sign * cache_write_1h_tokens BETWEEN 0 AND 1000000000),
    batch boolean NOT NULL DEFAULT false,
    inference_geo text,
    -- USD. NULL: no price was known, so the cost is not known either. NaN is above infinity here.
    cost numeric CHECK (sign * cost >= 0 AND sign * cost < 'Infinity'),
    -- USD per million tokens, as charged.
    price_input numeric,
    price_output numeric,
    price_cache_read numeric,
    price_cache_write_5m numeric,
    price_cache_write_1h numeric,
    price_source text,
    -- What the same tokens would have cost on another model at that time.
    baseline_model text NOT NULL,
    baseline_cost numeric CHECK (sign * baseline_cost >= 0 AND sign * baseline_cost < 'Infinity'),
    latency_seconds double precision CHECK (latency_seconds >= 0),
    routing_seconds double precision CHECK (routing_seconds >= 0),
    model_seconds double precision CHECK (model_seconds >= 0),
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
) PARTITION BY RANGE (occurred_at);

-- Months whose entries were exported and dropped: what is left of them are sums by the day (UTC).
CREATE TABLE ledger.closed_months (
    month date PRIMARY KEY CHECK (extract(day FROM month) = 1),
    closed_at timestamptz NOT NULL DEFAULT now(),
    entries bigint NOT NULL,
    cost numeric NOT NULL,
    -- SHA-256 of the exported file.
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    -- Of the dropped entries; NULL where there were none.
    first_entry timestamptz,
    last_id bigint
);

-- The partition of a UTC month is made when its first entry comes; none is made for a closed month.
CREATE FUNCTION ledger.make_month(moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first timestamptz := date_trunc('month', moment, 'UTC');
    name text := 'entries_' || to_char(first AT TIME ZONE 'UTC', 'YYYY_MM');
BEGIN
    IF EXISTS (SELECT FROM ledger.closed_months WHERE month = (first AT TIME ZONE 'UTC')::date) THEN
        RAISE EXCEPTION 'this month is closed'
            USING ERRCODE = 'LE001', COLUMN = 'occurred_at', DETAIL = to_char(first AT TIME ZONE 'UTC', 'YYYY-MM');
    END IF;
    IF to_regclass('ledger.' || name) IS NULL THEN
        EXECUTE format(
            'CREATE TABLE ledger.%I PARTITION OF ledger.entries FOR VALUES FROM (%L) TO (%L)',
            name, first, date_trunc('month', first + interval '32 days', 'UTC')
        );
        -- The parent's trigger does not see a statement that names the partition.
        EXECUTE format(
            'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.%I'
            ' FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()', name
        );
    END IF;
END
$$;

CREATE TRIGGER book_in_order BEFORE INSERT ON ledger.entries
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.book_in_order();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.entries
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

SELECT ledger.make_month(month)
FROM (SELECT DISTINCT date_trunc('month', occurred_at, 'UTC') AS month FROM ledger.entries_of_0001) AS months;

INSERT INTO ledger.entries (
    id, request_id, occurred_at, charged_at, booked_at, model, backend, status,
    input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
    cost, price_input, price_output, price_cache_read, price_cache_write_5m, price_cache_write_1h, price_source,
    baseline_model, baseline_cost,
    latency_seconds, tier, complexity, reasoning, key_id, user_name, tags, dialect, error_code
)
SELECT
    id, request_id, occurred_at, occurred_at, booked_at, model, backend, status,
    input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
    cost, price_input, price_output, price_cache_read, price_cache_write_5m, price_cache_write_1h, price_source,
    baseline_model, baseline_cost,
    latency_seconds, tier, complexity, reasoning, key_id, user_name, tags, dialect, error_code
FROM ledger.entries_of_0001
ORDER BY id;

CREATE INDEX entries_id ON ledger.entries (id);
CREATE INDEX entries_occurred_at ON ledger.entries (occurred_at);
-- Only for adding up a budget's period anew; entries come nearly in this order, so a small index does.
CREATE INDEX entries_charged_at ON ledger.entries USING brin (charged_at);

SELECT setval('ledger.entry_ids', max(id)) FROM ledger.entries_of_0001 HAVING max(id) IS NOT NULL;

-- What the books know of a request: the row that holds, and which corrections were booked. It is what
-- makes booking idempotent; a unique index over partitions could not.
CREATE TABLE ledger.requests (
    request_id text PRIMARY KEY,
    entry_id bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    unconfirmed boolean NOT NULL,
    corrections text[] NOT NULL DEFAULT '{}'
);

CREATE INDEX requests_occurred_at ON ledger.requests USING brin (occurred_at);

INSERT INTO ledger.requests (request_id, entry_id, occurred_at, unconfirmed)
SELECT request_id, id, occurred_at, false FROM ledger.entries_of_0001 ORDER BY id;

DROP TABLE ledger.entries_of_0001;

-- Sums over the entries of an hour (UTC) with the same value of a dimension: 'total' (value ''), 'key',
-- 'user', 'tag' and 'route' ('' where an entry has none), and 'ever' for the metrics: all hours in one,
-- as first booked (value '') or by correction ('correction').
CREATE TABLE ledger.hourly (
    hour timestamptz NOT NULL,
    dimension text NOT NULL,
    value text NOT NULL,
    model text NOT NULL,
    backend text NOT NULL,
    status text NOT NULL,
    baseline_model text NOT NULL,
    requests bigint NOT NULL,
    unpriced bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_write_5m_tokens bigint NOT NULL,
    cache_write_1h_tokens bigint NOT NULL,
    cost numeric NOT NULL,
    -- Of answers whose price is known: what savings are measured against.
    baseline_cost numeric NOT NULL,
    latency_seconds double precision NOT NULL,
    latency_count bigint NOT NULL,
    complexity double precision NOT NULL,
    complexity_count bigint NOT NULL,
    PRIMARY KEY (dimension, hour, value, model, backend, status, baseline_model)
);

-- What an entry adds to the sums: a row a dimension.
CREATE FUNCTION ledger.figures_of(entry ledger.entries) RETURNS SETOF ledger.hourly LANGUAGE sql STABLE AS $$
    SELECT
        CASE WHEN of_entry.dimension = 'ever' THEN '-infinity' ELSE date_trunc('hour', entry.occurred_at, 'UTC') END,
        of_entry.dimension,
        of_entry.value,
        entry.model,
        entry.backend,
        entry.status,
        entry.baseline_model,
        entry.sign::bigint,
        CASE WHEN entry.cost IS NULL THEN entry.sign ELSE 0 END::bigint,
        entry.input_tokens::bigint,
        entry.output_tokens::bigint,
        entry.cache_read_tokens::bigint,
        entry.cache_write_5m_tokens::bigint,
        entry.cache_write_1h_tokens::bigint,
        coalesce(entry.cost, 0),
        CASE WHEN entry.status = 'ok' AND entry.cost IS NOT NULL THEN coalesce(entry.baseline_cost, 0) ELSE 0 END,
        entry.sign * coalesce(entry.latency_seconds, 0),
        CASE WHEN entry.latency_seconds IS NULL THEN 0 ELSE entry.sign END::bigint,
        entry.sign * coalesce(entry.complexity, 0),
        CASE WHEN entry.complexity IS NULL THEN 0 ELSE entry.sign END::bigint
    FROM (
        VALUES
            ('total', ''),
            ('key', coalesce(entry.key_id, '')),
            ('user', coalesce(entry.user_name, '')),
            ('route', coalesce(entry.tier, '')),
            ('ever', CASE WHEN entry.correction IS NULL THEN '' ELSE 'correction' END)
        UNION ALL
        SELECT 'tag', unnest(CASE WHEN entry.tags = '{}' THEN '{""}' ELSE entry.tags END)
    ) AS of_entry (dimension, value)
$$;

-- How long requests, routing and models took since ever, as counts in buckets, for the metrics' histograms.
CREATE TABLE ledger.durations (
    metric text NOT NULL CHECK (metric IN ('request', 'routing', 'model')),
    model text NOT NULL,
    backend text NOT NULL,
    -- The number of bounds that the duration reaches.
    bucket smallint NOT NULL,
    requests bigint NOT NULL,
    seconds double precision NOT NULL,
    PRIMARY KEY (metric, model, backend, bucket)
);

-- The bounds of the buckets in seconds; a change would mix buckets of two meanings.
CREATE VIEW ledger.duration_bounds AS
SELECT '{0.001,0.0025,0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10,30,60,120,300}'::double precision[] AS upper;

-- Adds entries to the sums.
CREATE FUNCTION ledger.add_figures(booked ledger.entries[])
RETURNS void LANGUAGE sql AS $$
    INSERT INTO ledger.hourly AS known
    SELECT
        added.hour, added.dimension, added.value, added.model, added.backend, added.status, added.baseline_model,
        sum(added.requests), sum(added.unpriced), sum(added.input_tokens),
        sum(added.output_tokens), sum(added.cache_read_tokens), sum(added.cache_write_5m_tokens),
        sum(added.cache_write_1h_tokens), sum(added.cost), sum(added.baseline_cost),
        sum(added.latency_seconds), sum(added.latency_count), sum(added.complexity),
        sum(added.complexity_count)
    FROM (SELECT one AS entry FROM unnest(booked) AS one OFFSET 0) AS entries  -- the planner trips over less
    CROSS JOIN LATERAL ledger.figures_of(entry) AS added
    GROUP BY 1, 2, 3, 4, 5, 6, 7
    ON CONFLICT (dimension, hour, value, model, backend, status, baseline_model) DO UPDATE SET
        requests = known.requests + excluded.requests,
        unpriced = known.unpriced + excluded.unpriced,
        input_tokens = known.input_tokens + excluded.input_tokens,
        output_tokens = known.output_tokens + excluded.output_tokens,
        cache_read_tokens = known.cache_read_tokens + excluded.cache_read_tokens,
        cache_write_5m_tokens = known.cache_write_5m_tokens + excluded.cache_write_5m_tokens,
        cache_write_1h_tokens = known.cache_write_1h_tokens + excluded.cache_write_1h_tokens,
        cost = known.cost + excluded.cost,
        baseline_cost = known.baseline_cost + excluded.baseline_cost,
        latency_seconds = known.latency_seconds + excluded.latency_seconds,
        latency_count = known.latency_count + excluded.latency_count,
        complexity = known.complexity + excluded.complexity,
        complexity_count = known.complexity_count + excluded.complexity_count;

    INSERT INTO ledger.durations AS known
    SELECT timed.metric, model, backend, width_bucket(timed.seconds, bounds.upper), count(*), sum(timed.seconds)
    FROM unnest(booked)
    CROSS JOIN LATERAL (
        VALUES ('request', latency_seconds), ('routing', routing_seconds), ('model', model_seconds)
    ) AS timed (metric, seconds)
    CROSS JOIN ledger.duration_bounds AS bounds
    WHERE correction IS NULL AND status <> 'unconfirmed' AND timed.seconds IS NOT NULL
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (metric, model, backend, bucket) DO UPDATE SET
        requests = known.requests + excluded.requests,
        seconds = known.seconds + excluded.seconds
$$;

-- True; or an error when a period begins or ends within a day of which only the sum is left.
CREATE FUNCTION ledger.leaves_days_whole(since timestamptz, until timestamptz)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    cut record;
BEGIN
    SELECT edges.name, to_char(month, 'YYYY-MM') AS month INTO cut
    FROM (VALUES ('from', since), ('to', until)) AS edges (name, moment)
    JOIN ledger.closed_months ON month = date_trunc('month', moment AT TIME ZONE 'UTC')::date
    WHERE moment <> date_trunc('day', moment, 'UTC')
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'only sums by the day are left'
            USING ERRCODE = 'LE002', COLUMN = cut.name, DETAIL = cut.month;
    END IF;
    RETURN true;
END
$$;

-- The sums of a dimension from a moment to another (not included): whole hours, and the entries at the edges.
CREATE FUNCTION ledger.figures(kind text, since timestamptz, until timestamptz)
RETURNS SETOF ledger.hourly LANGUAGE sql STABLE AS $$
    SELECT * FROM ledger.hourly
    WHERE dimension = kind
        AND (SELECT ledger.leaves_days_whole(since, until))
        AND hour >= date_trunc('hour', since + interval '1 hour' - interval '1 microsecond', 'UTC')
        AND hour < date_trunc('hour', until, 'UTC')
    UNION ALL
    SELECT figures.*
    FROM (
        SELECT entries AS entry FROM ledger.entries
        WHERE occurred_at >= since AND occurred_at < least(
                until, date_trunc('hour', since + interval '1 hour' - interval '1 microsecond', 'UTC')
            )
            OR occurred_at < until AND occurred_at >= greatest(
                date_trunc('hour', until, 'UTC'),
                date_trunc('hour', since + interval '1 hour' - interval '1 microsecond', 'UTC')
            )
        OFFSET 0  -- the planner trips over less
    ) AS edges
    CROSS JOIN LATERAL ledger.figures_of(entry) AS figures
    WHERE figures.dimension = kind
$$;

SELECT ledger.add_figures(array_agg(entry))
FROM (SELECT entries AS entry, row_number() OVER () / 10000 AS part FROM ledger.entries) AS parts
GROUP BY part;
