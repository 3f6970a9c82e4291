-- Closing old months.

-- name: months_with_entries()
-- The first days of the months that have a partition.
SELECT to_date(right(relname, 7), 'YYYY_MM') AS month
FROM pg_inherits
JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = 'ledger.entries'::regclass
ORDER BY month;

-- name: month_totals(since, until)^
SELECT
    count(*) AS rows, coalesce(sum(cost), 0) AS cost, min(occurred_at) AS first_entry, max(id) AS last_id
FROM ledger.entries
WHERE occurred_at >= :since AND occurred_at < :until;

-- name: month_entries(since, until)
SELECT
    id, request_id, correction, sign, occurred_at, booked_at, model, backend, status,
    input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
    batch, inference_geo,
    cost, price_input, price_output, price_cache_read, price_cache_write_5m, price_cache_write_1h, price_source,
    baseline_model, baseline_cost,
    latency_seconds, routing_seconds, model_seconds,
    tier, complexity, reasoning, key_id, user_name, tags, dialect, error_code
FROM ledger.entries
WHERE occurred_at >= :since AND occurred_at < :until
ORDER BY id;

-- name: merge_days(since, until)!
-- A day's sums take the place of its hours' sums.
WITH hours AS (
    DELETE FROM ledger.hourly WHERE dimension <> 'ever' AND hour >= :since AND hour < :until RETURNING *
)
INSERT INTO ledger.hourly
SELECT
    date_trunc('day', hour, 'UTC'), dimension, value, model, backend, status, baseline_model,
    sum(requests), sum(unpriced), sum(input_tokens), sum(output_tokens), sum(cache_read_tokens),
    sum(cache_write_5m_tokens), sum(cache_write_1h_tokens), sum(cost), sum(baseline_cost),
    sum(latency_seconds), sum(latency_count), sum(complexity), sum(complexity_count)
FROM hours
GROUP BY 1, 2, 3, 4, 5, 6, 7;

-- name: forget_requests(since, until)!
DELETE FROM ledger.requests WHERE occurred_at >= :since AND occurred_at < :until;

-- name: close_month(month, entries, cost, sha256, first_entry, last_id)!
INSERT INTO ledger.closed_months (month, entries, cost, sha256, first_entry, last_id)
VALUES (:month, :entries, :cost, :sha256, :first_entry, :last_id);
