"""How long the ledger takes over HTTP, and how much of the processor."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from tests.integration.cost_ledger.service import Client, Service, entry
from tests.postgres import PostgresServer

SINGLE_ENTRIES = 300
BATCHES = 7
SCRAPES = 20
LOOKS = 7
_names = count(1)


@dataclass(frozen=True)
class Measured:
    """Times of one question, in milliseconds. `wanted` bounds the median; None: nothing is wished for."""

    question: str
    times: tuple[float, ...]
    wanted: float | None = None

    @property
    def median(self) -> float:
        """The time that half of the questions stay under."""
        return statistics.median(self.times)

    @property
    def p95(self) -> float:
        """The time that 95 of 100 questions stay under."""
        return statistics.quantiles(self.times, n=20, method="inclusive")[-1]

    @property
    def is_met(self) -> bool:
        """Whether the median is as wanted."""
        return self.wanted is None or self.median < self.wanted


def measure(service: Service, postgres: PostgresServer) -> tuple[list[Measured], list[str]]:
    """The times of every question, and a line on the load of one client and of four."""
    client = service.client()
    found = [
        _reads(client, path, wanted)
        for path, wanted in (
            (f"/v1/reports/summary?{_month()}", 300),
            (f"/v1/reports/daily?{_month()}", 300),
            (f"/v1/reports/summary?{_month()}&baseline=claude-haiku", None),
            ("/v1/stats", None),
            ("/v1/budgets", None),
            ("/v1/entries?after=1000&limit=1000", None),
        )
    ]
    reads = [one for one in found if one is not None]
    scrapes = Measured("GET /metrics", _time(lambda: _expect(client, 200, "GET", "/metrics"), SCRAPES), 50)
    loads = []
    single, load = _book(service, postgres, clients=1)
    loads.append(load)
    loads.append(_book(service, postgres, clients=4)[1])
    batches = Measured("POST /v1/entries, a batch of 1,000", _time(lambda: _book_batch(client), BATCHES))
    limit = {"scope": "global", "period": "monthly", "limit": "100000000", "mode": "hard"}
    client.call("PUT", "/v1/budgets", limit)
    client.get("/v1/budgets")  # adds the month up once
    reserve = Measured("POST /v1/reservations", _time(lambda: _reserve(client), SINGLE_ENTRIES))
    return [*reads, scrapes, single, batches, reserve], loads


def _month() -> str:
    today = datetime.now(UTC).date()
    return f"from={today - timedelta(days=30)}&to={today}"


def _reads(client: Client, path: str, wanted: float | None) -> Measured | None:
    """None when this ledger has no such report."""
    if client.call("GET", path)[0] == 404:
        return None
    name = path.replace(_month(), "30 days")
    return Measured(f"GET {name}", _time(lambda: _expect(client, 200, "GET", path), LOOKS), wanted)


def _book(service: Service, postgres: PostgresServer, clients: int) -> tuple[Measured, str]:
    cpu, database_cpu, started = _cpu(service.process.pid), postgres.cpu_seconds(), time.perf_counter()
    each = SINGLE_ENTRIES // clients

    def work(_: int) -> tuple[float, ...]:
        client = service.client()
        return _time(lambda: _expect(client, 201, "POST", "/v1/entries", _entry()), each)

    with ThreadPoolExecutor(clients) as pool:
        times = tuple(one for many in pool.map(work, range(clients)) for one in many)
    seconds = time.perf_counter() - started
    load = (
        f"| {clients} | {len(times) / seconds:.0f} | {1000 * (_cpu(service.process.pid) - cpu) / len(times):.2f} ms "
        f"| {1000 * (postgres.cpu_seconds() - database_cpu) / len(times):.2f} ms |"
    )
    return Measured("POST /v1/entries, one entry", times, 5), load


def _book_batch(client: Client) -> None:
    _expect(client, 201, "POST", "/v1/entries", {"entries": [_entry() for _ in range(1000)]})


def _reserve(client: Client) -> None:
    body = {"request_id": f"bench-{next(_names)}", "model": "claude-sonnet", "input_tokens": 1000}
    labels = {"key_id": "key-1", "user": "user-1", "tags": ["team-1"]}
    _expect(client, 201, "POST", "/v1/reservations", body | labels | {"max_output_tokens": 1000})


def _entry() -> dict[str, Any]:
    return entry(
        f"bench-{next(_names)}",
        occurred_at=datetime.now(UTC).isoformat(),
        latency_seconds=1.25,
        routing_seconds=0.004,
        model_seconds=1.2,
        tier="cloud",
        complexity=0.71,
        reasoning="Asks for a proof, which small models get wrong.",
        key_id="key-1",
        user="user-1",
        tags=["team-1", "app-1"],
        dialect="openai",
    )


def _expect(client: Client, status: int, method: str, path: str, body: Any = None) -> None:
    found, document = client.call(method, path, body)
    assert found == status, document


def _time(action: Callable[[], None], times: int) -> tuple[float, ...]:
    found = []
    for _ in range(times):
        started = time.perf_counter()
        action()
        found.append(1000 * (time.perf_counter() - started))
    return tuple(found)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
