-- The scorer's questions to PostgreSQL. One statement is one transaction.

-- name: record_routes(routes)!
-- Writes the rows of a JSON array; a request that is known already stays as it is.
INSERT INTO scorer.routes (
    request_id, at, decision, tier, model, complexity, tuned_complexity, unsure, automatic, signals,
    estimated_cost, cloud_cost, prompt
)
SELECT
    request_id, at, decision, tier, model, complexity, tuned_complexity, unsure, automatic, signals,
    estimated_cost, cloud_cost, prompt
FROM json_populate_recordset(NULL::scorer.routes, :routes::json)
ON CONFLICT (request_id) DO NOTHING;

-- name: record_outcomes(outcomes)!
INSERT INTO scorer.outcomes (request_id, outcome, at, model, reason)
SELECT request_id, outcome, at, model, reason
FROM json_populate_recordset(NULL::scorer.outcomes, :outcomes::json)
ON CONFLICT (request_id, outcome) DO NOTHING;

-- name: prune_routes(before, most)!
DELETE FROM scorer.routes
WHERE request_id IN (SELECT request_id FROM scorer.routes WHERE at < :before ORDER BY at LIMIT :most);

-- name: prune_outcomes(before, most)!
DELETE FROM scorer.outcomes
WHERE (request_id, outcome) IN (
    SELECT request_id, outcome FROM scorer.outcomes WHERE at < :before ORDER BY at LIMIT :most
);

-- name: routes_before(since, before_at, before_id, page)
-- A page of routes from the latest back to `since`, each with its outcomes, the earliest first.
SELECT
    route.request_id, route.at, route.decision, route.tier, route.model, route.complexity,
    route.tuned_complexity, route.unsure, route.automatic, route.signals, route.estimated_cost, route.cloud_cost,
    coalesce(told.outcomes, '[]'::json) AS outcomes
FROM (
    SELECT * FROM scorer.routes
    WHERE at >= :since AND (at, request_id) < (:before_at, :before_id)
    ORDER BY at DESC, request_id DESC
    LIMIT :page
) AS route
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object('outcome', outcome, 'model', model) ORDER BY at) AS outcomes
    FROM scorer.outcomes
    WHERE outcomes.request_id = route.request_id
) AS told ON true
ORDER BY route.at DESC, route.request_id DESC;
