"""A ledger that is killed in the middle of its work: nothing is lost, and nothing counts twice."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.integration.cost_ledger.service import Service, entry, running_ledger
from tests.postgres import PostgresServer, running_postgres

ENTRIES = 5_000
A_SECOND = 200
SENDERS = 8
SPOOL_BATCH = 500  # as the Log Cost node replays what waits
KILLED_AT = (1_000, 2_500, 4_000)


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """As safe as by default: what was answered is on disk."""
    with running_postgres({}) as server:
        yield server


class Stream:
    """Senders that book entries at a steady pace, and keep those whose answer did not come."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._numbers = iter(range(ENTRIES))
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self.reached = {number: threading.Event() for number in KILLED_AT}
        self.spool: list[dict[str, Any]] = []

    def run(self) -> None:
        """Send until there is none left."""
        client = self._service.client()
        while (number := self._next()) is not None:
            time.sleep(max(0.0, self._started + number / A_SECOND - time.monotonic()))
            if number in self.reached:
                self.reached[number].set()
            body = numbered(number)
            try:
                status = client.call("POST", "/v1/entries", body)[0]
            except (OSError, http.client.HTTPException):
                client.connection.close()
                status = 0
            if status not in (200, 201):
                self.spool.append(body)

    def _next(self) -> int | None:
        with self._lock:
            return next(self._numbers, None)


def numbered(number: int) -> dict[str, Any]:
    usage = {"input_tokens": number, "output_tokens": 1}
    return entry(f"r-{number}", usage=usage, user=f"user-{number % 7}", tags=["stream"], latency_seconds=0.5)


@pytest.mark.timeout(180)
def test_a_ledger_that_is_killed_again_and_again_books_each_entry_once(postgres: PostgresServer) -> None:
    url = postgres.create_database()
    with running_ledger(url) as service:
        stream = Stream(service)
        senders = [threading.Thread(target=stream.run) for _ in range(SENDERS)]
        for sender in senders:
            sender.start()
        for reached in stream.reached.values():
            assert reached.wait(60)
            service.kill_and_start_again()
        for sender in senders:
            sender.join(60)
        service.wait_ready()
        assert 0 < len(stream.spool) < ENTRIES
        client = service.client()
        for waiting in _batches(stream.spool):
            client.book(*waiting)
        cost = sum((Decimal(2 * number + 10) / 1_000_000 for number in range(ENTRIES)), Decimal(0))
        stats = client.get("/v1/stats")
        assert (stats["total_requests"], Decimal(stats["total_cost"])) == (ENTRIES, cost)
        summary = client.get("/v1/reports/summary?from=2026-11-20&to=2026-11-20")["totals"]
        assert summary["input_tokens"] == sum(range(ENTRIES))
    with psycopg.connect(url) as conn:
        found = conn.execute("SELECT count(*), count(DISTINCT request_id), sum(cost) FROM ledger.entries").fetchone()
        assert found == (ENTRIES, ENTRIES, cost)
        for dimension in ("total", "user", "tag", "key", "route", "ever"):
            sums = "SELECT sum(requests), sum(cost) FROM ledger.hourly WHERE dimension = %s"
            assert conn.execute(sums, (dimension,)).fetchone() == (ENTRIES, cost), dimension
        timed = "SELECT sum(requests) FROM ledger.durations WHERE metric = 'request'"
        assert conn.execute(timed).fetchone() == (ENTRIES,)


def _batches(entries: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(entries), SPOOL_BATCH):
        yield entries[start : start + SPOOL_BATCH]
