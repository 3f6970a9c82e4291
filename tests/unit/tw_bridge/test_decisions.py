"""An entry of the ledger as a task."""

from __future__ import annotations

from typing import Any

import pytest

from services.tw_bridge.decisions import LONGEST_REASON, describe, one_line, task_from_entry, task_uuid
from services.tw_bridge.errors import LedgerUnreadable

USAGE = {
    "input_tokens": 10,
    "output_tokens": 7,
    "cache_read_tokens": 200,
    "cache_write_5m_tokens": 3000,
    "cache_write_1h_tokens": 40000,
}


def entry(**more: Any) -> dict[str, Any]:
    return {
        "request_id": "r-1",
        "occurred_at": "2026-11-22T03:10:11.900000Z",
        "model": "claude-sonnet-5-5",
        "backend": "cloud",
        "status": "ok",
        "usage": USAGE,
        "cost": "0.0123",
        "latency_seconds": 2.34567,
        "complexity": 0.82,
        "reasoning": "asks for a proof",
        "error_code": None,
        "tier": "cloud",
        **more,
    }


def test_an_entry_becomes_a_completed_task_of_the_router() -> None:
    assert task_from_entry(entry()) == {
        "uuid": task_uuid("r-1"),
        "status": "completed",
        "project": "vps_ai.router",
        "tags": ["routing", "cloud"],
        "description": "claude-sonnet-5-5 0.0123 USD complexity 0.82: asks for a proof",
        "entry": "20261122T031011Z",
        "end": "20261122T031014Z",
        "model": "claude-sonnet-5-5",
        "backend": "cloud",
        "cost": "0.0123",
        "complexity": "0.82",
        "latency": "2.346",
        "request_id": "r-1",
        "tokens_in": "43210",
        "tokens_out": "7",
    }


@pytest.mark.parametrize(("backend", "tag"), [("local", "local"), ("cloud", "cloud"), ("cache", "cached")])
def test_the_backend_is_a_tag(backend: str, tag: str) -> None:
    assert task_from_entry(entry(backend=backend))["tags"] == ["routing", tag]


def test_the_uuid_of_a_request_never_changes() -> None:
    """A new name space would record all that is in users' stores a second time."""
    assert task_uuid("r-1") == "792a5c8d-64fc-5cd2-96c1-d75cb4ba9454"
    assert task_uuid("r-2") != task_uuid("r-1")


def test_what_is_not_known_is_left_out() -> None:
    task = task_from_entry(entry(cost=None, complexity=None, latency_seconds=None, reasoning=None))
    assert not {"cost", "complexity", "latency"} & task.keys()
    assert task["description"] == "claude-sonnet-5-5 unpriced"
    assert task["end"] == task["entry"]


def test_an_amount_keeps_all_its_digits() -> None:
    task = task_from_entry(entry(cost="123456.789012345678", complexity=1e-7))
    assert task["cost"] == "123456.789012345678"
    assert task["complexity"] == "0.0000001"


def test_a_failure_is_told_in_the_description() -> None:
    failed = describe(entry(status="error", error_code="model_timeout", cost="0.00", reasoning=None, complexity=None))
    assert failed == "claude-sonnet-5-5 failed (model_timeout) 0.00 USD"


def test_a_long_reason_is_cut() -> None:
    line = describe(entry(reasoning="why " * 1000))
    assert line.endswith("…")
    assert len(line) < LONGEST_REASON + 100


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("two\nlines\r\n\tand a tab", "two lines and a tab"),
        ("\x1b[31mred\x00\x9b0m", "[31mred 0m"),
        ("a\u2028b\u0085c", "a b c"),
        ("&open;x&close;", "[x]"),
        ('C:\\new "q" [b] é 😀', 'C:\\new "q" [b] é 😀'),
    ],
)
def test_a_text_becomes_one_line_as_taskwarrior_keeps_it(text: str, line: str) -> None:
    assert one_line(text) == line


@pytest.mark.parametrize(
    ("occurred_at", "moment"),
    [
        ("1970-01-01T00:00:00.000000Z", "19800101T000000Z"),
        ("0001-01-01T00:00:00.000000Z", "19800101T000000Z"),
        ("9999-12-31T23:59:59.999999Z", "21000101T000000Z"),
    ],
)
def test_times_that_crash_taskwarrior_are_moved_into_its_calendar(occurred_at: str, moment: str) -> None:
    task = task_from_entry(entry(occurred_at=occurred_at, latency_seconds=0.2))
    assert (task["entry"], task["end"]) == (moment, moment)


@pytest.mark.parametrize(
    "broken",
    [
        {"occurred_at": "yesterday"},
        {"usage": None},
        {"usage": {}},
        {"cost": "a lot"},
        {"cost": "NaN"},
        {"complexity": float("nan")},
        {"latency_seconds": 1e300},
        {"model": None},
        {"request_id": 7},
    ],
)
def test_an_entry_of_another_shape_is_named(broken: dict[str, Any]) -> None:
    with pytest.raises(LedgerUnreadable, match=str(broken.get("request_id", "r-1"))):
        task_from_entry(entry(**broken))


@pytest.mark.parametrize("thing", [None, [], "text", {}])
def test_what_is_no_entry_is_refused(thing: Any) -> None:
    with pytest.raises(LedgerUnreadable):
        task_from_entry(thing)
