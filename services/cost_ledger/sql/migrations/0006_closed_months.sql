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
CREATE OR REPLACE FUNCTION ledger.make_month(moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
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
CREATE OR REPLACE FUNCTION ledger.figures(kind text, since timestamptz, until timestamptz)
RETURNS SETOF ledger.hourly LANGUAGE sql STABLE AS $$
    SELECT * FROM ledger.hourly
    WHERE dimension = kind
        AND (SELECT ledger.leaves_days_whole(since, until))
        AND hour >= date_trunc('hour', since + interval '1 hour' - interval '1 microsecond', 'UTC')
        AND hour < date_trunc('hour', until, 'UTC')
    UNION ALL
    SELECT
        hour, dimension, value, model, backend, status, baseline_model, requests, unpriced,
        input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
        cost, baseline_cost, latency_seconds, latency_count, complexity, complexity_count
    FROM ledger.entry_figures
    WHERE dimension = kind
        AND (
            occurred_at >= since AND occurred_at < least(
                until, date_trunc('hour', since + interval '1 hour' - interval '1 microsecond', 'UTC')
            )
            OR occurred_at < until AND occurred_at >= greatest(
                date_trunc('hour', until, 'UTC'),
                date_trunc('hour', since + interval '1 hour' - interval '1 microsecond', 'UTC')
            )
        )
$$;

-- As before, but with the entries found by their ids, whatever the planner knows about the other bounds.
CREATE OR REPLACE FUNCTION ledger.add_figures(first bigint, last bigint, since timestamptz, until timestamptz)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO ledger.hourly AS known
    SELECT
        hour, dimension, value, model, backend, status, baseline_model,
        sum(requests), sum(unpriced), sum(input_tokens), sum(output_tokens), sum(cache_read_tokens),
        sum(cache_write_5m_tokens), sum(cache_write_1h_tokens), sum(cost), sum(baseline_cost),
        sum(latency_seconds), sum(latency_count), sum(complexity), sum(complexity_count)
    FROM ledger.entry_figures
    WHERE id = ANY (ARRAY(SELECT generate_series(first, last))) AND occurred_at BETWEEN since AND until
    GROUP BY hour, dimension, value, model, backend, status, baseline_model
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
    FROM ledger.entries
    CROSS JOIN LATERAL (
        VALUES ('request', latency_seconds), ('routing', routing_seconds), ('model', model_seconds)
    ) AS timed (metric, seconds)
    CROSS JOIN ledger.duration_bounds AS bounds
    WHERE id = ANY (ARRAY(SELECT generate_series(first, last))) AND occurred_at BETWEEN since AND until
        AND correction IS NULL AND status <> 'unconfirmed' AND timed.seconds IS NOT NULL
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (metric, model, backend, bucket) DO UPDATE SET
        requests = known.requests + excluded.requests,
        seconds = known.seconds + excluded.seconds
$$;

-- As before, but with the entries found by their ids, as `add_figures` does.
CREATE OR REPLACE FUNCTION ledger.charge(first bigint, last bigint, since timestamptz, until timestamptz)
RETURNS void LANGUAGE sql AS $$
    UPDATE ledger.spending SET spent = spending.spent + charged.cost
    FROM (
        SELECT period.budget_id, period.period_start, period.period_end, sum(entries.cost) AS cost
        FROM ledger.entries
        JOIN ledger.spending AS period
            ON entries.charged_at >= period.period_start AND entries.charged_at < period.period_end
        JOIN ledger.budgets ON budgets.id = period.budget_id
        WHERE entries.id = ANY (ARRAY(SELECT generate_series(first, last))) AND entries.occurred_at BETWEEN since AND until
            AND entries.cost <> 0
            AND ledger.applies(scope, subject, entries.key_id, entries.user_name, entries.tags, entries.model)
        GROUP BY 1, 2, 3
    ) AS charged
    WHERE spending.budget_id = charged.budget_id
        AND spending.period_start = charged.period_start AND spending.period_end = charged.period_end
$$;
