"""How fast the ledger books: `python -m tests.integration.cost_ledger.measure [ENTRIES]`.

One client on a keep-alive connection, then four; PostgreSQL with its own defaults (fsync on). CPU is
the whole processor time of the ledger's process and of PostgreSQL. Then the time of reports.
"""

from __future__ import annotations

import os
import statistics
import sys
import threading
import time
from pathlib import Path

import psycopg

from tests.integration.cost_ledger.service import Service, entry, running_ledger
from tests.postgres import PostgresServer, running_postgres


def main(count: int) -> None:
    with running_postgres({}) as postgres:
        url = postgres.create_database()
        with running_ledger(url) as service:
            _book(service, 200, "warm")
            _measure(service, postgres, count, clients=1)
            _measure(service, postgres, count, clients=4)
            _fill(url, 1_000_000 - count * 2)
            for path in ("/v1/stats", "/v1/reports/summary?from=2026-11-01&baseline=claude-haiku"):
                started = time.perf_counter()
                service.client().get(path)
                print(f"GET {path} over 1,000,000 entries: {time.perf_counter() - started:.2f} s")


def _measure(service: Service, postgres: PostgresServer, count: int, clients: int) -> None:
    cpu, database_cpu, started = _cpu(service.process.pid), postgres.cpu_seconds(), time.perf_counter()
    times: list[float] = []
    threads = [
        threading.Thread(target=lambda n=n: times.extend(_book(service, count // clients, f"{clients}-{n}")))
        for n in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    cuts = statistics.quantiles(times, n=100)
    print(
        f"POST /v1/entries, {clients} client(s), {len(times)} entries: "
        f"p50 {cuts[49] * 1000:.2f} ms, p95 {cuts[94] * 1000:.2f} ms, {len(times) / seconds:.0f} a second, "
        f"CPU {1000 * (_cpu(service.process.pid) - cpu) / len(times):.2f} ms ledger + "
        f"{1000 * (postgres.cpu_seconds() - database_cpu) / len(times):.2f} ms PostgreSQL an entry"
    )


def _book(service: Service, count: int, prefix: str) -> list[float]:
    client = service.client()
    times = []
    for number in range(count):
        body = entry(
            f"{prefix}-{number}",
            latency_seconds=1.25,
            tier="cloud",
            complexity=0.71,
            reasoning="Asks for a proof, which small models get wrong.",
            key_id="9f4c0c0e-6b0a-4bb0-9a53-0a1a45a1d001",
            user="ada",
            tags=["bench"],
            dialect="openai",
        )
        started = time.perf_counter()
        status, document = client.call("POST", "/v1/entries", body)
        times.append(time.perf_counter() - started)
        assert status == 201, document
    return times


def _fill(url: str, count: int) -> None:
    with psycopg.connect(url) as conn:
        conn.execute(
            """
            INSERT INTO ledger.entries (
                request_id, occurred_at, model, backend, status, input_tokens, output_tokens, cache_read_tokens,
                cache_write_5m_tokens, cache_write_1h_tokens, cost, price_input, price_output, price_cache_read,
                price_cache_write_5m, price_cache_write_1h, price_source, baseline_model, baseline_cost, complexity
            )
            SELECT 'fill-' || n, timestamptz '2026-11-01Z' + n * interval '1 second', 'claude-sonnet-5-5', 'cloud',
                'ok', 1000, 500, 0, 0, 0, 0.007, 2, 10, 0.1, 2.5, 4, 'genai-prices', 'claude-sonnet-5-5', 0.007, 0.5
            FROM generate_series(1, %s) AS n
            """,
            (count,),
        )
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("VACUUM ANALYZE ledger.entries")


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
