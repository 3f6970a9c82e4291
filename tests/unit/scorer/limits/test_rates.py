"""Rates: GCRA against what it promises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime import ConfigError
from services.scorer.limits.rate import RateLimit, read_rate, take

limits = st.builds(RateLimit, st.integers(1, 200), st.sampled_from([1, 60, 3_600, 86_400]))
pauses = st.lists(st.floats(0, 120), min_size=1, max_size=80)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("60/minute", RateLimit(60, 60)),
        ("5 / second", RateLimit(5, 1)),
        ("1000/HOUR", RateLimit(1_000, 3_600)),
        ("7/day", RateLimit(7, 86_400)),
        ("off", None),
        ("OFF", None),
    ],
)
def test_rates_are_read(text: str, limit: RateLimit | None) -> None:
    assert read_rate("RATE_LIMIT", text) == limit


@pytest.mark.parametrize("text", ["", "60", "0/minute", "-1/minute", "60/fortnight", "1.5/minute", "60/minute/key"])
def test_a_wrong_rate_is_named(text: str) -> None:
    with pytest.raises(ConfigError, match="RATE_LIMIT"):
        read_rate("RATE_LIMIT", text)


@given(limits)
def test_a_rested_key_may_send_all_at_once_and_not_one_more(limit: RateLimit) -> None:
    full_at, states = 0.0, []
    for _ in range(limit.requests + 1):
        full_at, state = take(full_at, 1e9, limit)
        states.append(state)
    assert [state.retry_after > 0 for state in states] == [False] * limit.requests + [True]
    assert [state.remaining for state in states[:-1]] == list(reversed(range(limit.requests)))


@given(limits, pauses)
def test_who_waits_as_long_as_told_is_let_through(limit: RateLimit, waits: list[float]) -> None:
    full_at, now = 0.0, 1e9
    for wait in waits:
        now += wait
        full_at, state = take(full_at, now, limit)
        if state.retry_after > 0:
            now += state.retry_after
            full_at, state = take(full_at, now, limit)
        assert state.retry_after == 0


@given(limits, pauses)
def test_no_window_of_the_period_holds_more_than_twice_the_limit_and_the_long_run_keeps_to_it(
    limit: RateLimit, waits: list[float]
) -> None:
    full_at, now, begun = 0.0, 1e9, 1e9
    taken: list[float] = []
    for wait in waits * 3:
        now += wait / 50
        full_at, state = take(full_at, now, limit)
        if state.retry_after == 0:
            taken.append(now)
    share = limit.seconds / limit.requests
    assert len(taken) <= limit.requests + (now - begun + 0.001 * len(taken)) / share + 1
    assert all(sum(at - limit.seconds < one <= at for one in taken) < 2 * limit.requests + 1 for at in taken)


def test_a_refused_request_costs_nothing() -> None:
    limit = RateLimit(1, 60)
    full_at, _ = take(0.0, 100.0, limit)
    assert take(full_at, 110.0, limit)[0] == full_at
    assert take(full_at, 110.0, limit)[1].retry_after == pytest.approx(50)
