"""A ledger and a Taskwarrior store in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.tw_bridge.decisions import Task
from services.tw_bridge.errors import CursorAhead, TaskwarriorMissing
from services.tw_bridge.ledger import PAGE, Page

USAGE = dict.fromkeys(
    ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens"), 1
)


def entry(number: int) -> dict[str, Any]:
    return {
        "request_id": f"r-{number}",
        "occurred_at": "2026-11-22T03:10:11.000000Z",
        "model": "m",
        "backend": "local",
        "status": "ok",
        "usage": USAGE,
        "cost": "0.00",
        "latency_seconds": 1,
        "complexity": 0.1,
        "reasoning": None,
        "error_code": None,
    }


class FakeLedger:
    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.error: Exception | None = None
        self.asked: list[str | None] = []
        self.closed = False

    def add(self, count: int) -> None:
        self.entries += [entry(len(self.entries) + number) for number in range(count)]

    def read(self, after: str | None) -> Page:
        self.asked.append(after)
        if self.error:
            raise self.error
        start = int(after or 0)
        if start > len(self.entries):
            raise CursorAhead
        page = self.entries[start : start + PAGE]
        return Page(page, str(start + len(page)))

    def close(self) -> None:
        self.closed = True


class FakeStore:
    def __init__(self) -> None:
        self.tasks: list[str] = []
        self.imports: list[int] = []
        self.looked = 0
        self.missing = False
        self.error: Exception | None = None

    def require(self) -> str:
        if self.missing:
            raise TaskwarriorMissing
        return "task"

    def uuids(self) -> frozenset[str]:
        self.looked += 1
        return frozenset(self.tasks)

    def import_tasks(self, tasks: Sequence[Task]) -> None:
        if self.error:
            raise self.error
        self.imports.append(len(tasks))
        self.tasks += [task["uuid"] for task in tasks]
