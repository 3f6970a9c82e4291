-- The ledger's questions to PostgreSQL.

-- name: take_turn()!
-- One transaction at a time changes the books. A statement of its own: what follows sees all before it.
-- Its statements are small and always the same: to plan them anew each time took longer than they take.
SELECT pg_advisory_xact_lock(1279607879, 1), set_config('plan_cache_mode', 'force_generic_plan', true);

-- name: take_requests(request_ids)
-- Waits for its turn, and says what the books know of some requests.
SELECT * FROM ledger.take_requests(:request_ids);

-- name: book_new(rows)$
SELECT ledger.book_new(:rows::json);

-- name: append(reversals, rows)!
SELECT ledger.append(:reversals::json, :rows::json);

-- name: request_state(request_id)^
SELECT
    (SELECT amount FROM ledger.reservations WHERE request_id = :request_id) AS amount,
    (SELECT expires_at FROM ledger.reservations WHERE request_id = :request_id) AS expires_at,
    (SELECT entry::text FROM ledger.reservations WHERE request_id = :request_id) AS entry,
    EXISTS (SELECT FROM ledger.requests WHERE request_id = :request_id) AS booked,
    EXISTS (SELECT FROM ledger.budgets WHERE mode = 'hard') AS hard_budgets;

-- name: expired_reservations(now)
SELECT request_id, entry::text FROM ledger.reservations WHERE expires_at <= :now ORDER BY expires_at LIMIT 1000;

-- name: reserve(request_id, created_at, expires_at, amount, model, key_id, user_name, tags, entry)!
INSERT INTO ledger.reservations (
    request_id, created_at, expires_at, amount, model, key_id, user_name, tags, entry
)
VALUES (:request_id, :created_at, :expires_at, :amount, :model, :key_id, :user_name, :tags, :entry);

-- name: release(request_id)!
DELETE FROM ledger.reservations WHERE request_id = :request_id;

-- name: standings(periods)
-- Every budget in its present period. `periods` is a JSON array of period, period_start and period_end.
-- `spent` is NULL where the period was not asked for before.
SELECT
    budgets.*, periods.period_start, periods.period_end, spending.spent,
    (
        SELECT coalesce(sum(amount), 0) FROM ledger.reservations
        WHERE created_at >= periods.period_start AND created_at < periods.period_end
            AND ledger.applies(scope, subject, key_id, user_name, tags, model)
    ) AS reserved
FROM ledger.budgets
JOIN json_to_recordset(:periods::json)
    AS periods (period text, period_start timestamptz, period_end timestamptz) USING (period)
LEFT JOIN ledger.spending
    ON spending.budget_id = budgets.id
    AND spending.period_start = periods.period_start AND spending.period_end = periods.period_end
ORDER BY budgets.id;

-- name: standings_for(periods, key_id, user_name, tags, model)
-- As `standings`, of the budgets that count a request with these labels.
SELECT
    budgets.*, periods.period_start, periods.period_end, spending.spent,
    (
        SELECT coalesce(sum(amount), 0) FROM ledger.reservations AS open
        WHERE created_at >= periods.period_start AND created_at < periods.period_end
            AND ledger.applies(scope, subject, open.key_id, open.user_name, open.tags, open.model)
    ) AS reserved
FROM ledger.budgets
JOIN json_to_recordset(:periods::json)
    AS periods (period text, period_start timestamptz, period_end timestamptz) USING (period)
LEFT JOIN ledger.spending
    ON spending.budget_id = budgets.id
    AND spending.period_start = periods.period_start AND spending.period_end = periods.period_end
WHERE ledger.applies(scope, subject, :key_id, :user_name, :tags::text[], :model)
ORDER BY budgets.id;

-- name: open_period(budget_id, period_start, period_end)!
-- Adds up what was charged to a budget in a period so far; what is long past is not kept.
WITH forgotten AS (
    DELETE FROM ledger.spending
    WHERE budget_id = :budget_id AND period_end < :period_start::timestamptz - interval '90 days'
)
INSERT INTO ledger.spending (budget_id, period_start, period_end, spent)
SELECT budgets.id, :period_start, :period_end, coalesce(sum(entries.cost), 0)
FROM ledger.budgets
LEFT JOIN ledger.entries
    ON charged_at >= :period_start AND charged_at < :period_end
    AND ledger.applies(scope, subject, key_id, user_name, tags, model)
WHERE budgets.id = :budget_id
GROUP BY budgets.id
ON CONFLICT DO NOTHING;

-- name: set_budget(scope, subject, period, limit_usd, mode, when_spent)^
INSERT INTO ledger.budgets (scope, subject, period, limit_usd, mode, when_spent)
VALUES (:scope, :subject, :period, :limit_usd, :mode, :when_spent)
ON CONFLICT (scope, subject, period, mode)
DO UPDATE SET limit_usd = excluded.limit_usd, when_spent = excluded.when_spent
RETURNING id, xmax = 0 AS is_new;

-- name: remove_budget(id)!
DELETE FROM ledger.budgets WHERE id = :id;

-- name: entries_after(after, page)
SELECT
    id, request_id, correction, sign, occurred_at, booked_at, model, backend, status,
    input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
    batch, inference_geo,
    cost, price_input, price_output, price_cache_read, price_cache_write_5m, price_cache_write_1h, price_source,
    baseline_model, baseline_cost,
    latency_seconds, routing_seconds, model_seconds,
    tier, complexity, reasoning, key_id, user_name, tags, dialect, error_code
FROM ledger.entries
WHERE id > :after
ORDER BY id
LIMIT :page;

-- name: last_entry()$
SELECT coalesce(
    greatest((SELECT max(id) FROM ledger.entries), (SELECT max(last_id) FROM ledger.closed_months)), 0
);

-- name: first_moment()$
SELECT least((SELECT min(occurred_at) FROM ledger.entries), (SELECT min(first_entry) FROM ledger.closed_months));

-- name: stats()^
-- Savings count answers whose price is known; what failed requests cost is taken off.
SELECT
    coalesce(sum(requests) FILTER (WHERE status = 'ok'), 0)::bigint AS total_requests,
    coalesce(sum(requests) FILTER (WHERE status = 'ok' AND backend = 'local'), 0)::bigint AS local_requests,
    coalesce(sum(requests) FILTER (WHERE status = 'ok' AND backend = 'cloud'), 0)::bigint AS cloud_requests,
    coalesce(sum(requests) FILTER (WHERE status = 'ok' AND backend = 'cache'), 0)::bigint AS cached_requests,
    coalesce(sum(requests) FILTER (WHERE status = 'error'), 0)::bigint AS failed_requests,
    coalesce(sum(requests) FILTER (WHERE status = 'unconfirmed'), 0)::bigint AS unconfirmed_requests,
    coalesce(sum(unpriced), 0)::bigint AS unpriced_requests,
    coalesce(sum(cost), 0) AS total_cost,
    sum(complexity) FILTER (WHERE status = 'ok')
        / nullif(sum(complexity_count) FILTER (WHERE status = 'ok'), 0)::float AS avg_complexity,
    coalesce(sum(baseline_cost), 0) AS baseline_cost
FROM ledger.hourly
WHERE dimension = 'ever';

-- name: summarise(since, until, baseline)
-- A row for each model, one for each backend, and one for all. `last_id` bounds what comes after it.
SELECT
    model,
    backend,
    GROUPING(model, backend) AS level,
    coalesce(sum(requests) FILTER (WHERE status = 'ok'), 0)::bigint AS requests,
    coalesce(sum(requests) FILTER (WHERE status = 'error'), 0)::bigint AS failed_requests,
    coalesce(sum(requests) FILTER (WHERE status = 'unconfirmed'), 0)::bigint AS unconfirmed_requests,
    coalesce(sum(cost) FILTER (WHERE status = 'unconfirmed'), 0) AS unconfirmed_cost,
    coalesce(sum(unpriced), 0)::bigint AS unpriced_requests,
    coalesce(sum(input_tokens), 0) AS input_tokens,
    coalesce(sum(output_tokens), 0) AS output_tokens,
    coalesce(sum(cache_read_tokens), 0) AS cache_read_tokens,
    coalesce(sum(cache_write_5m_tokens), 0) AS cache_write_5m_tokens,
    coalesce(sum(cache_write_1h_tokens), 0) AS cache_write_1h_tokens,
    -- Unknown when no price was known for any of them.
    CASE WHEN sum(unpriced) < sum(requests) THEN sum(cost) END AS cost,
    sum(latency_seconds) FILTER (WHERE status = 'ok')
        / nullif(sum(latency_count) FILTER (WHERE status = 'ok'), 0)::float AS avg_latency_seconds,
    coalesce(sum(baseline_cost) FILTER (WHERE baseline_model = :baseline), 0) AS baseline_cost,
    coalesce(sum(requests) FILTER (WHERE baseline_model <> :baseline), 0)::bigint AS other_baseline,
    (SELECT coalesce(max(id), 0) FROM ledger.entries) AS last_id
FROM ledger.figures('total', :since, :until)
GROUP BY GROUPING SETS ((model), (backend), ())
HAVING GROUPING(model, backend) = 3 OR sum(requests) <> 0 OR sum(cost) <> 0
ORDER BY cost DESC NULLS LAST, requests DESC, model, backend;

-- name: closed_with_other_baseline(since, until, baseline)
-- The closed months that were compared with another model: their tokens cannot be priced anew.
SELECT DISTINCT to_char(month, 'YYYY-MM') AS month, baseline_model
FROM ledger.closed_months
JOIN ledger.hourly
    ON dimension = 'total'
    AND hour >= greatest(month::timestamp AT TIME ZONE 'UTC', :since)
    AND hour < least((month + interval '1 month') AT TIME ZONE 'UTC', :until)
WHERE status = 'ok' AND requests > unpriced AND baseline_model <> :baseline
ORDER BY 1, 2;

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

-- name: register_key(id, name, key_hash, prefix, expires_at, rate_limit, allowed_models)^
-- Nothing when the hash is known already.
INSERT INTO ledger.api_keys (id, name, key_hash, prefix, expires_at, rate_limit, allowed_models)
VALUES (:id, :name, :key_hash, :prefix, :expires_at, :rate_limit, :allowed_models)
ON CONFLICT (key_hash) DO NOTHING
RETURNING id, name, key_hash, prefix, created_at, revoked_at, expires_at, rate_limit, allowed_models;

-- name: key_by_hash(key_hash)^
SELECT id, name, key_hash, prefix, created_at, revoked_at, expires_at, rate_limit, allowed_models
FROM ledger.api_keys
WHERE key_hash = :key_hash;

-- name: all_keys()
SELECT id, name, key_hash, prefix, created_at, revoked_at, expires_at, rate_limit, allowed_models
FROM ledger.api_keys
ORDER BY created_at, id;

-- name: active_keys(now)
SELECT id, name, key_hash, prefix, created_at, revoked_at, expires_at, rate_limit, allowed_models
FROM ledger.api_keys
WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now)
ORDER BY created_at, id;

-- name: revoke_key(id)$
UPDATE ledger.api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = :id RETURNING id;

-- name: change_key(id, changes)^
-- Changes what the JSON object names, null included; nothing when there is no such key or it was revoked.
UPDATE ledger.api_keys AS k
SET (name, expires_at, rate_limit, allowed_models) = (
    SELECT n.name, n.expires_at, n.rate_limit, n.allowed_models FROM json_populate_record(k, :changes::json) AS n
)
WHERE k.id = :id AND k.revoked_at IS NULL
RETURNING id, name, key_hash, prefix, created_at, revoked_at, expires_at, rate_limit, allowed_models;

-- name: key_by_id(id)^
SELECT id, name, key_hash, prefix, created_at, revoked_at, expires_at, rate_limit, allowed_models
FROM ledger.api_keys
WHERE id = :id;

-- name: cloud_usage_by_day(since, until)
-- Days are UTC days. Reversals carry negative tokens, so the sums are what was used.
SELECT
    (occurred_at AT TIME ZONE 'UTC')::date AS day,
    model,
    sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens,
    sum(cache_read_tokens) AS cache_read_tokens,
    sum(cache_write_5m_tokens) AS cache_write_5m_tokens,
    sum(cache_write_1h_tokens) AS cache_write_1h_tokens,
    coalesce(sum(cost), 0) AS cost,
    count(*) FILTER (WHERE cost IS NULL) AS unpriced_requests
FROM ledger.entries
WHERE backend = 'cloud' AND occurred_at >= :since AND occurred_at < :until
GROUP BY 1, 2
ORDER BY 1, 2;
