"""How good a local answer was, by what was told of it; and requests read from rows and files."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.scorer.recalibrate.reading import WrongRow, parse_moment, requests_in_file
from services.scorer.recalibrate.traffic import Request, judge_local_answer, request_of_row

ALWAYS = datetime.min.replace(tzinfo=UTC)


def judge(*told: str, local: bool = True) -> float | None:
    """`told` are outcomes in their order, such as "good" or "bad by cloud"; models with "local" in their name are."""
    outcomes = []
    for text in told:
        word, _, model = text.partition(" by ")
        outcomes.append({"outcome": word, "model": model or None})
    return judge_local_answer(local, outcomes, lambda model: "local" in model)


@pytest.mark.parametrize(
    ("told", "quality"),
    [
        ((), None),
        (("accepted",), 1.0),
        (("escalated",), 0.0),
        (("failed",), None),
        (("good",), 1.0),
        (("bad",), 0.0),
        # A person goes before the checks, whatever came first; of two words the later counts.
        (("accepted", "bad"), 0.0),
        (("bad", "accepted"), 0.0),
        (("good", "bad"), 0.0),
        (("bad", "good"), 1.0),
        # After an escalation the person saw the stronger model's answer, unless a model is named.
        (("escalated", "good"), 0.0),
        (("good", "escalated"), 0.0),
        (("escalated", "good by local-small"), 1.0),
        (("escalated by local-small",), 0.0),
        (("escalated by cloud",), 0.0),
        # The first local model's answer failed its check, a second one's passed: local models were good enough.
        (("escalated by local-small", "accepted by local-large"), 1.0),
        (("good by cloud",), None),
        (("accepted by cloud",), None),
        (("failed by local-small", "accepted by local-large"), 1.0),
    ],
)
def test_local_answer_is_judged(told: tuple[str, ...], quality: float | None) -> None:
    assert judge(*told) == quality


@pytest.mark.parametrize(
    ("told", "quality"),
    [
        (("good",), None),
        (("bad",), None),
        (("accepted",), None),
        (("failed by cloud", "accepted by local-large"), 1.0),
        (("bad by local-large",), 0.0),
        (("escalated",), None),
    ],
)
def test_what_is_told_of_a_cloud_route_says_little_of_local_answers(
    told: tuple[str, ...], quality: float | None
) -> None:
    assert judge(*told, local=False) == quality


def test_a_row_of_the_store_becomes_a_request() -> None:
    row: dict[str, Any] = {
        "request_id": "r-1",
        "at": datetime(2026, 11, 1, tzinfo=UTC),
        "decision": "local",
        "complexity": 0.2,
        "signals": {"code": 1.0},
        "automatic": False,
        "cloud_cost": Decimal("0.01"),
        "outcomes": [{"outcome": "escalated", "model": None}],
    }
    got = request_of_row(row, lambda model: False)
    assert got == Request("r-1", 0.2, {"code": 1.0}, 0.0, 1.0, Decimal("0.01"), True, False, row["at"])
    assert request_of_row({**row, "decision": "cloud", "outcomes": []}, lambda model: False).weak is None


def write(path: Path, *rows: Any) -> Path:
    path.write_text("\n\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n")
    return path


FULL = {
    "id": "a",
    "at": "2026-11-02T00:00:00Z",
    "signals": {"x": 1},
    "complexity": 0.5,
    "weak": 0.25,
    "strong": 0.75,
    "cost": 0.004,
    "local": False,
}


def test_a_file_needs_signals_complexity_and_weak_only(tmp_path: Path) -> None:
    short = {"signals": {}, "complexity": 1, "weak": 0}
    full, bare, unknown = requests_in_file(write(tmp_path / "x", FULL, short, {**short, "weak": None}), ALWAYS)
    moment = datetime(2026, 11, 2, tzinfo=UTC)
    assert full == Request("a", 0.5, {"x": 1.0}, 0.25, 0.75, Decimal("0.004"), False, True, moment)
    assert bare == Request("3", 1.0, {}, 0.0)  # lines without content count, too
    assert (unknown.weak, unknown.local) == (None, False)


def test_requests_with_times_come_in_their_order_and_those_before_a_date_are_left_out(tmp_path: Path) -> None:
    rows = [{**FULL, "id": day, "at": f"2026-11-{day}"} for day in ("03", "01", "02")]
    file = write(tmp_path / "x", *rows)
    assert [request.id for request in requests_in_file(file, ALWAYS)] == ["01", "02", "03"]
    assert [request.id for request in requests_in_file(file, parse_moment("2026-11-02"))] == ["02", "03"]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("{", "line 3 is not JSON"),
        ([], "line 3: must be an object"),
        ({**FULL, "prompt": "x"}, "line 3: unknown field prompt"),
        ({**FULL, "complexity": 1.5}, "line 3: complexity must be a number from 0 to 1"),
        ({**FULL, "complexity": True}, "line 3: complexity must be"),
        ({**FULL, "weak": "good"}, "line 3: weak must be"),
        ({**FULL, "strong": None}, "line 3: strong must be"),
        ({**FULL, "signals": [1]}, "line 3: signals must be an object"),
        ({**FULL, "signals": {"x": None}}, "line 3: signals.x must be a finite number"),
        ({**FULL, "cost": "cheap"}, "line 3: cost must be an amount in USD"),
        ({**FULL, "cost": -1}, "line 3: cost must be an amount in USD"),
        ({**FULL, "at": "soon"}, "line 3: at must be a time"),
        ({**FULL, "at": 5}, "line 3: at must be a time"),
        ({**FULL, "local": 1}, "line 3: local must be true or false"),
    ],
)
def test_a_wrong_line_is_named_with_its_field(tmp_path: Path, row: Any, problem: str) -> None:
    with pytest.raises(WrongRow, match=problem):
        requests_in_file(write(tmp_path / "x", FULL, row), ALWAYS)
