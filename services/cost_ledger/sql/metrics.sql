-- What the metrics read at each scrape.

-- name: sums_ever()
SELECT
    model, backend, status, value = 'correction' AS corrected,
    sum(requests)::bigint AS requests, sum(unpriced)::bigint AS unpriced, sum(cost) AS cost
FROM ledger.hourly
WHERE dimension = 'ever'
GROUP BY model, backend, status, corrected
ORDER BY model, backend, status, corrected;

-- name: durations_ever()
SELECT metric, model, backend, bucket, requests, seconds
FROM ledger.durations
ORDER BY metric, model, backend, bucket;

-- name: duration_bounds()$
SELECT upper FROM ledger.duration_bounds;

-- name: open_reservations()^
SELECT count(*) AS requests, coalesce(sum(amount), 0) AS amount FROM ledger.reservations;
