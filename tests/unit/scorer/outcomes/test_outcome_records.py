"""What is recorded of a request, and what is not."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import fields
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime import request_id
from services.scorer.outcomes.records import (
    OutcomeRecord,
    RouteRecord,
    compact_signals,
    outcome_records,
    route_record,
    storable_text,
)
from services.scorer.request import RouteRequest, read_request
from services.scorer.route import Route
from services.scorer.score import Score
from tests.unit.scorer.outcomes.fake_store import NOW
from tests.unit.scorer.outcomes.fake_store import route as record

PROMPT = "My name is Ada Lovelace; what is Python?"


def request(**body: Any) -> RouteRequest:
    return read_request({"prompt": PROMPT, "request_id": "r-1"} | body)


def recorded(decided: Route, asked: RouteRequest, *, keep_prompt: bool = False) -> RouteRecord:
    untuned = Score(0.3, (), 8, unsure=True)
    return route_record(asked, decided, untuned, Decimal("0.0052"), NOW, keep_prompt)


def test_a_record_holds_both_complexities_and_both_costs(route: Callable[..., Route]) -> None:
    got = recorded(route(0.1), request())
    assert (got.request_id, got.at, got.decision, got.tier, got.model) == ("r-1", NOW, "local", "small", "tiny")
    assert (got.complexity, got.tuned_complexity, got.unsure) == (0.3, 0.1, True)
    assert (got.estimated_cost, got.cloud_cost) == (Decimal(0), Decimal("0.0052"))
    in_the_cloud = recorded(route(0.9), request())
    assert (in_the_cloud.decision, in_the_cloud.model) == ("cloud", "sky")
    assert in_the_cloud.estimated_cost is not None
    assert in_the_cloud.estimated_cost > 0


@pytest.mark.parametrize(
    ("body", "automatic"),
    [
        ({}, True),
        ({"model": "tiny"}, False),
        ({"privacy": "local-only"}, False),
        ({"prompt": "Which dose is safe?"}, False),
    ],
)
def test_where_the_caller_or_what_is_at_stake_decided_no_threshold_did(
    route: Callable[..., Route], body: dict[str, Any], automatic: bool
) -> None:
    assert recorded(route(0.1, **body), request(**body)).automatic is automatic


def test_no_word_of_the_caller_is_in_a_row_unless_prompts_are_kept(route: Callable[..., Route]) -> None:
    row = recorded(route(0.1), request()).row()
    words = json.dumps(row)
    assert not any(word in words for word in ("Ada", "Lovelace", "Python", "name"))
    assert recorded(route(0.1), request(), keep_prompt=True).row()["prompt"] == PROMPT
    assert "Ada" not in repr(recorded(route(0.1), request(), keep_prompt=True))


def test_a_request_without_an_id_is_known_by_that_of_its_call(route: Callable[..., Route]) -> None:
    token = request_id.set("call-7")
    try:
        assert recorded(route(0.1), request(request_id=None)).request_id == "call-7"
    finally:
        request_id.reset(token)


def test_a_refused_route_has_no_record(route: Callable[..., Route]) -> None:
    with pytest.raises(ValueError, match="not recorded"):
        recorded(route(0.1, model="gpt-9"), request())


def test_a_row_is_what_json_and_the_table_can_hold() -> None:
    row = record("a", signals={"x": 1 / 3, "zero": 0.0, "bad": math.nan}, cloud_cost=None).row()
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert row["signals"] == {"x": 0.333333}
    assert (row["estimated_cost"], row["cloud_cost"], row["at"]) == ("0", None, "2026-11-01T12:00:00+00:00")
    assert row.keys() == {field.name for field in fields(RouteRecord)}


@given(st.dictionaries(st.text(max_size=3), st.floats()))
def test_signals_are_finite_and_near(signals: dict[str, float]) -> None:
    kept = compact_signals(signals)
    assert all(math.isfinite(value) and value != 0 for value in kept.values())
    for name, value in signals.items():
        if math.isfinite(value) and abs(value) < 1e300:
            assert kept.get(name, 0.0) == pytest.approx(value, rel=1e-5)


@given(st.text())
def test_any_prompt_can_be_stored(text: str) -> None:
    stored = storable_text(text + "\0\ud800")
    assert "\0" not in stored
    stored.encode("utf-8")


def test_a_long_prompt_is_cut() -> None:
    assert len(storable_text("x" * 100_000)) == 10_000


def test_outcomes_are_read_from_bodies() -> None:
    told = [{"request_id": "a", "outcome": "good"}, {"request_id": "b", "outcome": "escalated", "reason": "refused"}]
    assert outcome_records(told, NOW) == [
        OutcomeRecord("a", "good", NOW),
        OutcomeRecord("b", "escalated", NOW, reason="refused"),
    ]
    assert outcome_records(told, NOW)[1].row() == {
        "request_id": "b",
        "outcome": "escalated",
        "at": "2026-11-01T12:00:00+00:00",
        "model": None,
        "reason": "refused",
    }
