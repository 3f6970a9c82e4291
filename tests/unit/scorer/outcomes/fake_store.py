"""A store in memory, and records to put into it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg

from services.runtime.errors import Unavailable
from services.scorer.outcomes.records import OutcomeRecord, RouteRecord

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


class FakeStore:
    """Keeps records in lists; may be `away`, refuse some ids as a database does, or stand still in a write."""

    def __init__(self) -> None:
        self.routes: list[RouteRecord] = []
        self.outcomes: list[OutcomeRecord] = []
        self.pruned: list[datetime] = []
        self.away = False
        self.refused: set[str] = set()
        self.closed = False
        self.go_on = threading.Event()
        self.go_on.set()

    def record_routes(self, routes: Sequence[RouteRecord]) -> None:
        self._check(routes)
        self.routes += routes

    def record_outcomes(self, outcomes: Sequence[OutcomeRecord]) -> None:
        self._check(outcomes)
        self.outcomes += outcomes

    def prune(self, before: datetime) -> int:
        if self.away:
            raise Unavailable
        self.pruned.append(before)
        return 1

    def check(self) -> str | None:
        return "PostgreSQL does not answer." if self.away else None

    def close(self) -> None:
        self.closed = True

    def _check(self, records: Sequence[RouteRecord | OutcomeRecord]) -> None:
        self.go_on.wait(5)
        if self.away:
            raise Unavailable
        if any(record.request_id in self.refused for record in records):
            raise psycopg.DataError("what was in the row")


def route(request_id: str, **changes: Any) -> RouteRecord:
    """A record of a local route."""
    fields: dict[str, Any] = {
        "request_id": request_id,
        "at": NOW,
        "decision": "local",
        "tier": "small",
        "model": "tiny",
        "complexity": 0.2,
        "tuned_complexity": 0.25,
        "unsure": False,
        "automatic": True,
        "signals": {"code": 0.5, "length": 12.0},
        "estimated_cost": Decimal(0),
        "cloud_cost": Decimal("0.0052"),
    }
    return RouteRecord(**fields | changes)


def outcome(
    request_id: str, word: str = "accepted", *, minutes: float = 0.0, model: str | None = None
) -> OutcomeRecord:
    """A record of what became of it, some minutes after NOW."""
    return OutcomeRecord(request_id, word, NOW + timedelta(minutes=minutes), model)
