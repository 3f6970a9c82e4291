-- What reports and the cost page ask. They add up ledger.hourly; entries are only read at the edges of an hour.

-- name: figures_by(dimension, unit, since, until)
-- The sums of a period, by the values of a dimension ('model' or one of ledger.hourly) and by 'day' or 'month'
-- (UTC; NULL: not by time). Requests with several tags count for each, so tags bring the true sums along.
SELECT
    start,
    label,
    backend,
    is_total,
    coalesce(sum(requests) FILTER (WHERE status = 'ok'), 0)::bigint AS requests,
    coalesce(sum(requests) FILTER (WHERE status = 'error'), 0)::bigint AS failed_requests,
    coalesce(sum(requests) FILTER (WHERE status = 'unconfirmed'), 0)::bigint AS unconfirmed_requests,
    coalesce(sum(cost) FILTER (WHERE status = 'unconfirmed'), 0) AS unconfirmed_cost,
    sum(unpriced)::bigint AS unpriced_requests,
    sum(input_tokens)::bigint AS input_tokens,
    sum(output_tokens)::bigint AS output_tokens,
    sum(cache_read_tokens)::bigint AS cache_read_tokens,
    sum(cache_write_5m_tokens)::bigint AS cache_write_5m_tokens,
    sum(cache_write_1h_tokens)::bigint AS cache_write_1h_tokens,
    sum(cost) AS cost,
    sum(baseline_cost) AS baseline_cost,
    coalesce(sum(latency_seconds) FILTER (WHERE status = 'ok'), 0) AS latency_seconds,
    coalesce(sum(latency_count) FILTER (WHERE status = 'ok'), 0)::bigint AS latency_count
FROM (
    SELECT
        CASE WHEN :unit::text IS NOT NULL THEN date_trunc(:unit::text, hour, 'UTC') END AS start,
        CASE WHEN :dimension::text = 'model' THEN model ELSE value END AS label,
        CASE WHEN :dimension::text = 'route' THEN sums.backend END AS backend,
        false AS is_total,
        status, requests, unpriced, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens,
        cache_write_1h_tokens, cost, baseline_cost, latency_seconds, latency_count
    FROM ledger.figures(
        CASE WHEN :dimension::text = 'model' THEN 'total' ELSE :dimension::text END, :since, :until
    ) AS sums
    UNION ALL
    SELECT
        NULL, NULL, NULL, true,
        status, requests, unpriced, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens,
        cache_write_1h_tokens, cost, baseline_cost, latency_seconds, latency_count
    FROM ledger.figures('total', :since, :until)
    WHERE :dimension::text = 'tag'
) AS figures
GROUP BY start, label, backend, is_total
HAVING sum(requests) <> 0 OR sum(cost) <> 0
ORDER BY start, is_total, sum(cost) DESC, sum(requests) DESC, label, backend;

-- name: baselines(since, until)
-- The models that savings of a period were measured against when they were booked.
SELECT DISTINCT baseline_model FROM ledger.figures('total', :since, :until) ORDER BY 1;

-- name: latest_entries(page)
-- The rows booked last that still hold, the last one first. What takes a row back is booked after it, and so it
-- is among the latest whenever the row is.
WITH latest AS (
    SELECT
        id, request_id, sign, occurred_at, model, backend, tier, status, cost, latency_seconds, error_code,
        input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens
    FROM ledger.entries
    ORDER BY id DESC
    LIMIT 10 * :page
)
SELECT * FROM latest
WHERE sign > 0 AND NOT EXISTS (
    SELECT FROM latest AS later WHERE later.request_id = latest.request_id AND later.id > latest.id AND later.sign < 0
)
ORDER BY id DESC
LIMIT :page;
