-- The ledger's questions to PostgreSQL. One statement is one transaction, except for reports.

-- name: record_entries(entries)
-- Books all rows of a JSON array or, when one is wrong, none; returns those that were not booked before.
INSERT INTO ledger.entries (
    request_id, occurred_at, model, backend, status,
    input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
    cost, price_input, price_output, price_cache_read, price_cache_write_5m, price_cache_write_1h, price_source,
    baseline_model, baseline_cost,
    latency_seconds, tier, complexity, reasoning, key_id, user_name, tags, dialect, error_code
)
SELECT
    request_id, occurred_at, model, backend, status,
    input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
    cost, price_input, price_output, price_cache_read, price_cache_write_5m, price_cache_write_1h, price_source,
    baseline_model, baseline_cost,
    latency_seconds, tier, complexity, reasoning, key_id, user_name, tags, dialect, error_code
FROM json_populate_recordset(NULL::ledger.entries, :entries::json)
ON CONFLICT (request_id) DO NOTHING
RETURNING request_id, cost;

-- name: costs_of(request_ids)
SELECT request_id, cost FROM ledger.entries WHERE request_id = ANY(:request_ids);

-- name: entries_after(after, page)
SELECT
    id, request_id, occurred_at, booked_at, model, backend, status,
    input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
    cost, price_input, price_output, price_cache_read, price_cache_write_5m, price_cache_write_1h, price_source,
    baseline_model, baseline_cost,
    latency_seconds, tier, complexity, reasoning, key_id, user_name, tags, dialect, error_code
FROM ledger.entries
WHERE id > :after
ORDER BY id
LIMIT :page;

-- name: last_entry()$
SELECT coalesce(max(id), 0) FROM ledger.entries;

-- name: first_moment()$
SELECT min(occurred_at) FROM ledger.entries;

-- name: stats()^
-- Savings count answers whose price is known; what failed requests cost is taken off.
SELECT
    count(*) FILTER (WHERE status = 'ok') AS total_requests,
    count(*) FILTER (WHERE status = 'ok' AND backend = 'local') AS local_requests,
    count(*) FILTER (WHERE status = 'ok' AND backend = 'cloud') AS cloud_requests,
    count(*) FILTER (WHERE status = 'ok' AND backend = 'cache') AS cached_requests,
    count(*) FILTER (WHERE status = 'error') AS failed_requests,
    count(*) FILTER (WHERE cost IS NULL) AS unpriced_requests,
    coalesce(sum(cost), 0) AS total_cost,
    avg(complexity) FILTER (WHERE status = 'ok') AS avg_complexity,
    coalesce(sum(baseline_cost) FILTER (WHERE status = 'ok' AND cost IS NOT NULL), 0) AS baseline_cost
FROM ledger.entries;

-- name: summarise(since, until, baseline)
-- A row for each model, one for each backend, and one for all. `last_id` bounds what comes after it.
SELECT
    model,
    backend,
    GROUPING(model, backend) AS level,
    count(*) FILTER (WHERE status = 'ok') AS requests,
    count(*) FILTER (WHERE status = 'error') AS failed_requests,
    count(*) FILTER (WHERE cost IS NULL) AS unpriced_requests,
    coalesce(sum(input_tokens), 0) AS input_tokens,
    coalesce(sum(output_tokens), 0) AS output_tokens,
    coalesce(sum(cache_read_tokens), 0) AS cache_read_tokens,
    coalesce(sum(cache_write_5m_tokens), 0) AS cache_write_5m_tokens,
    coalesce(sum(cache_write_1h_tokens), 0) AS cache_write_1h_tokens,
    sum(cost) AS cost,
    avg(latency_seconds) FILTER (WHERE status = 'ok') AS avg_latency_seconds,
    coalesce(sum(baseline_cost) FILTER (
        WHERE status = 'ok' AND cost IS NOT NULL AND baseline_model = :baseline
    ), 0) AS baseline_cost,
    count(*) FILTER (WHERE baseline_model <> :baseline) AS other_baseline,
    max(id) AS last_id
FROM ledger.entries
WHERE occurred_at >= :since AND occurred_at < :until
GROUP BY GROUPING SETS ((model), (backend), ())
ORDER BY cost DESC NULLS LAST, requests DESC, model, backend;

-- name: hours_with_other_baseline(since, until, baseline, last_id)
SELECT DISTINCT date_trunc('hour', occurred_at, 'UTC') AS hour
FROM ledger.entries
WHERE occurred_at >= :since AND occurred_at < :until AND id <= :last_id
    AND status = 'ok' AND cost IS NOT NULL AND baseline_model <> :baseline;

-- name: tokens_by_hour_and_band(since, until, baseline, last_id, bands)
-- The tokens that the baseline has to be worked out for, by hour and by prompt length. `bands` are the
-- lengths that begin a band, ascending.
SELECT
    date_trunc('hour', occurred_at, 'UTC') AS hour,
    width_bucket(
        input_tokens::bigint + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens, :bands::bigint[]
    ) AS band,
    sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens,
    sum(cache_read_tokens) AS cache_read_tokens,
    sum(cache_write_5m_tokens) AS cache_write_5m_tokens,
    sum(cache_write_1h_tokens) AS cache_write_1h_tokens
FROM ledger.entries
WHERE occurred_at >= :since AND occurred_at < :until AND id <= :last_id
    AND status = 'ok' AND cost IS NOT NULL AND baseline_model <> :baseline
GROUP BY 1, 2;

-- name: register_key(name, key_hash, prefix)^
-- Nothing when the hash is known already.
INSERT INTO ledger.api_keys (name, key_hash, prefix)
VALUES (:name, :key_hash, :prefix)
ON CONFLICT (key_hash) DO NOTHING
RETURNING id, name, key_hash, prefix, created_at, revoked_at;

-- name: key_by_hash(key_hash)^
SELECT id, name, key_hash, prefix, created_at, revoked_at FROM ledger.api_keys WHERE key_hash = :key_hash;

-- name: all_keys()
SELECT id, name, key_hash, prefix, created_at, revoked_at FROM ledger.api_keys ORDER BY created_at, id;

-- name: active_keys()
SELECT id, name, key_hash, prefix, created_at, revoked_at
FROM ledger.api_keys
WHERE revoked_at IS NULL
ORDER BY created_at, id;

-- name: revoke_key(id)$
UPDATE ledger.api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = :id RETURNING id;
