"""Books with many entries, made inside PostgreSQL: sixty days up to now, as even as a clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg

DAYS = 60

_DAY = """
    INSERT INTO ledger.entries (
        request_id, occurred_at, charged_at, model, backend, status, input_tokens, output_tokens, cache_read_tokens,
        cache_write_5m_tokens, cache_write_1h_tokens, cost, price_input, price_output, price_cache_read,
        price_cache_write_5m, price_cache_write_1h, price_source, baseline_model, baseline_cost,
        latency_seconds, routing_seconds, model_seconds, tier, complexity, reasoning, key_id, user_name, tags, dialect
    )
    SELECT
        'fill-' || n, moment, moment, model, backend, CASE WHEN n %% 97 = 0 THEN 'error' ELSE 'ok' END,
        tokens, tokens / 2, 0, 0, 0,
        (tokens * input + tokens / 2 * output) / 1000000, input, output, 0, 0, 0, source,
        'claude-sonnet-5-5', (tokens * 2 + tokens / 2 * 10) / 1000000.0,
        0.2 + n %% 71 / 10.0, 0.002 + n %% 13 / 1000.0, 0.2 + n %% 67 / 10.0, tier, n %% 101 / 100.0,
        'Asks for a proof, which small models get wrong.',
        'key-' || n %% 20, 'user-' || n * 7919 %% 50,
        CASE n %% 3 WHEN 0 THEN '{}'::text[] ELSE ARRAY['team-' || n * 31 %% 12, 'app-' || n * 17 %% 8] END, 'openai'
    FROM (
        SELECT
            n, %(since)s::timestamptz + (n - %(first)s) * (%(until)s::timestamptz - %(since)s::timestamptz) / %(count)s
                AS moment,
            200 + n * 7919 %% 3000 AS tokens, n * 104729 %% 100 AS dice
        FROM generate_series(%(first)s::bigint, %(first)s::bigint + %(count)s - 1) AS n
    ) AS drawn
    JOIN (
        VALUES
            (0, 45, 'tinyllama', 'local', 'small', 0, 0, 'local'),
            (45, 65, 'mistral-7b', 'local', 'large', 0, 0, 'local'),
            (65, 75, 'tinyllama', 'cache', 'small', 0, 0, 'cache'),
            (75, 85, 'claude-haiku-5-5', 'cloud', 'cloud', 0.1, 0.5, 'genai-prices'),
            (85, 96, 'claude-sonnet-5-5', 'cloud', 'cloud', 2, 10, 'genai-prices'),
            (96, 100, 'claude-opus-5-5', 'cloud', 'cloud', 4, 20, 'genai-prices')
    ) AS mix (low, high, model, backend, tier, input, output, source) ON dice >= low AND dice < high
    ORDER BY n
"""
_NOTE = """
    INSERT INTO ledger.requests (request_id, entry_id, occurred_at, unconfirmed)
    SELECT request_id, id, occurred_at, false FROM ledger.entries
    WHERE occurred_at >= %(since)s AND occurred_at < %(until)s
"""
_ADD_UP = """
    SELECT ledger.add_figures(array_agg(entry))
    FROM (
        SELECT entries AS entry, row_number() OVER () / 10000 AS part FROM ledger.entries
        WHERE occurred_at >= %(since)s AND occurred_at < %(until)s
    ) AS parts
    GROUP BY part
"""


def fill(url: str, entries: int) -> None:
    """Book `entries` entries in the sixty days before now, by way of the ledger's own tables and sums."""
    end = datetime.now(UTC).replace(microsecond=0)
    with psycopg.connect(url, autocommit=True) as conn:
        for day in range(DAYS):
            first, next_first = entries * day // DAYS, entries * (day + 1) // DAYS
            since, until = end - timedelta(days=DAYS - day), end - timedelta(days=DAYS - day - 1)
            span = {"first": first, "count": next_first - first, "since": since, "until": until}
            if first == next_first:
                continue
            with conn.transaction():
                conn.execute("SELECT ledger.make_month(%s), ledger.make_month(%s)", (since, until))
                for statement in (_DAY, _NOTE, _ADD_UP):
                    conn.execute(statement.encode(), span)
        conn.execute("VACUUM ANALYZE ledger.entries, ledger.requests, ledger.hourly, ledger.durations")
