"""A model's breaker: what its failures mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scorer.health.breaker import CLOSED, FIRST_HOLD, LONGEST_HOLD, Breaker, Report, after
from services.scorer.health.model_health import ModelHealth

FAILED = Report(ok=False, status=500)
GOOD = Report(ok=True)
reports = st.builds(
    Report,
    st.booleans(),
    st.sampled_from([None, 200, 400, 401, 404, 413, 429, 500, 503, 529]),
    st.sampled_from([None, "model_timeout"]),
    st.sampled_from([None, 0.0, 1.0, 30.0, 10_000.0]),
)
histories = st.lists(st.tuples(st.floats(0, 400), reports), max_size=40)


def open_after(*told: Report) -> Breaker:
    breaker = CLOSED
    for report in told:
        breaker = after(breaker, report, 0.0)
    return breaker


def test_two_failures_in_a_row_leave_a_model_out_and_one_does_not() -> None:
    assert not open_after(FAILED).is_open(0)
    assert not open_after(FAILED, GOOD, FAILED).is_open(0)
    assert open_after(FAILED, FAILED).open_until == FIRST_HOLD


@pytest.mark.parametrize("status", [429, 529])
def test_an_overloaded_model_is_left_out_for_as_long_as_it_says(status: int) -> None:
    assert after(CLOSED, Report(False, status, retry_after=30), 100).open_until == 130
    assert after(CLOSED, Report(False, status, retry_after=1), 100).open_until == 100 + FIRST_HOLD
    assert after(CLOSED, Report(False, status, retry_after=10_000), 100).open_until == 100 + LONGEST_HOLD
    assert not after(CLOSED, Report(False, status), 100).is_open(100)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_callers_fault_never_counts(status: int) -> None:
    assert open_after(*[Report(False, status, retry_after=9)] * 5) == CLOSED


def test_each_failed_trial_doubles_the_time_up_to_five_minutes() -> None:
    breaker, holds = open_after(FAILED, FAILED), []
    for _ in range(9):
        holds.append(breaker.hold)
        now = breaker.open_until
        assert breaker.is_half_open(now)
        breaker = after(breaker, FAILED, now)
    assert holds == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_calls_that_were_under_way_when_it_opened_do_not_prolong_it() -> None:
    breaker = open_after(FAILED, FAILED)
    assert after(breaker, FAILED, 1.0).open_until == breaker.open_until


@given(histories)
def test_whatever_comes_a_model_is_never_left_out_for_longer_than_five_minutes_and_an_answer_brings_it_back(
    history: list[tuple[float, Report]],
) -> None:
    breaker, now, in_a_row, told = CLOSED, 1e9, 0, False
    for pause, report in history:
        now += pause
        before, breaker = breaker, after(breaker, report, now)
        if report.ok:
            assert breaker == CLOSED
            in_a_row, told = 0, False
        elif report.status in (400, 413, 422):
            assert breaker == before
        else:
            in_a_row += 1
            told = told or (report.status in (429, 529) and report.retry_after is not None)
            assert breaker.open_until >= before.open_until
        assert breaker.open_until <= now + LONGEST_HOLD
        assert breaker.hold == 0 or FIRST_HOLD <= breaker.hold <= LONGEST_HOLD
        assert breaker.failures == in_a_row
        assert (breaker.hold > 0) == (in_a_row >= 2 or told)


def test_one_request_tries_a_model_again_and_its_answer_brings_it_back_for_all() -> None:
    now = [1_000.0]
    health = ModelHealth(None, lambda: now[0])
    for _ in range(2):
        health.report("sky", FAILED)
    assert (health.may_use("sky"), health.may_use("tiny")) == (False, True)
    assert health.left_out() == {"sky": "it answered with status 500 2 times in a row; it is left out for 5 s more"}
    now[0] += FIRST_HOLD
    assert [health.may_use("sky") for _ in range(3)] == [True, False, False]
    assert health.marked() == {"sky"}
    health.report("sky", GOOD)
    assert [health.may_use("sky") for _ in range(2)] == [True, True]
    assert (health.left_out(), health.marked()) == ({}, frozenset())


def test_a_trial_that_nobody_reports_of_is_made_again() -> None:
    now = [1_000.0]
    health = ModelHealth(None, lambda: now[0])
    for _ in range(2):
        health.report("sky", Report(ok=False, code="model_timeout"))
    now[0] += FIRST_HOLD
    assert [health.may_use("sky"), health.may_use("sky")] == [True, False]
    now[0] += 30
    assert health.may_use("sky")
