"""Curves of quality and cost, and what is believed of local answers that nobody has seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from services.scorer.recalibrate.goal import Goal
from services.scorer.recalibrate.sample import Floats, Sample, sample_of, split
from services.scorer.recalibrate.tradeoff import (
    DOUBT,
    NEIGHBOURS,
    Routing,
    curve_of,
    local_quality,
    resamples,
    routing_of,
)
from services.scorer.recalibrate.traffic import Request

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)


def routing(odds: list[float], weak: list[float], cost: list[float] | None = None) -> Routing:
    return Routing(*map(np.array, (odds, weak, [1.0] * len(odds), cost or [1.0] * len(odds))))


def test_a_curve_goes_from_all_local_to_all_cloud_by_the_order_of_the_odds() -> None:
    curve = curve_of(routing([0.0, 2.0, 1.0, -1.0], [1, 0, 0, 1], [1, 1, 2, 4]))
    assert list(curve.cost) == pytest.approx([0, 1 / 8, 3 / 8, 4 / 8, 1])
    assert list(curve.quality) == pytest.approx([0.5, 0.75, 1, 1, 1])
    assert list(curve.threshold) == [np.inf, 2, 1, 0, -1]


def test_equal_odds_go_together() -> None:
    curve = curve_of(routing([1.0, 1.0, 0.0], [0, 1, 1]))
    assert list(curve.threshold) == [np.inf, 1, 0]
    assert list(curve.quality) == pytest.approx([2 / 3, 1, 1])


def test_between_two_thresholds_a_mix_of_both_is_meant() -> None:
    curve = curve_of(routing([1.0, 0.0], [0, 0]))
    assert curve.quality_at(0.25) == pytest.approx(0.25)
    assert curve.cost_of(0.75) == pytest.approx(0.75)
    assert curve.cost_of(0.0) == 0.0


def test_a_quality_that_is_never_reached_costs_the_whole_cloud() -> None:
    assert curve_of(routing([1.0, 0.0], [0, 0])).cost_of(1.5) == 1.0


def test_a_request_that_was_drawn_twice_counts_twice() -> None:
    drawn = curve_of(routing([1.0, 0.0], [0, 1]), np.array([2.0, 1.0]))
    twice = curve_of(routing([1.0, 1.0, 0.0], [0, 0, 1]))
    assert list(drawn.quality) == pytest.approx(list(twice.quality))
    assert list(drawn.cost) == pytest.approx(list(twice.cost))


def test_resamples_are_the_same_for_the_same_seed_and_keep_their_size() -> None:
    one, other = ([list(counts) for counts in resamples(20, 3, seed=4)] for _ in range(2))
    assert one == other
    assert [sum(counts) for counts in one] == [20, 20, 20]


def request(number: int, weak: float | None, **changes: object) -> Request:
    fields = {"id": str(number), "complexity": 0.5, "signals": {}, "weak": weak, "local": weak is not None}
    return Request(**{**fields, **changes})  # type: ignore[arg-type]


def mixed(unknown_odds: float) -> tuple[Sample, Floats]:
    """100 local requests with log-odds 0 to 99, good ones below 50 and bad ones above, and one cloud request."""
    requests = [request(number, float(number < 50)) for number in range(100)] + [request(100, None)]
    return sample_of(requests), np.array([*range(100), unknown_odds], dtype=float)


@pytest.mark.parametrize(
    ("odds", "quality"),
    [
        (-5.0, 1.0),
        (25.0, 1.0),
        (50.0, 1 - DOUBT * 0.5),  # half of those around it are bad
        (60.0, 1 - DOUBT * 0.7 if DOUBT * 0.7 < 1 else 0.0),
        (74.5, 0.0),
        (99.5, 0.0),  # nothing as hard as this was ever answered locally
    ],
)
def test_an_unknown_local_answer_is_thought_worse_than_known_ones_that_seem_alike(odds: float, quality: float) -> None:
    sample, all_odds = mixed(odds)
    assert local_quality(sample, all_odds)[-1] == pytest.approx(quality)
    assert list(local_quality(sample, all_odds)[:-1]) == list(sample.weak[:-1])


def test_beyond_what_was_answered_locally_an_answer_is_worth_nothing_even_where_all_were_good() -> None:
    requests = [*(request(number, 1.0) for number in range(100)), request(100, None), request(101, None)]
    odds = np.array([*range(100), 70.0, 80.0])
    assert list(local_quality(sample_of(requests), odds)[-2:]) == [1.0, 0.0]


def test_with_fewer_known_answers_than_neighbours_none_is_believed() -> None:
    requests = [*(request(number, 1.0) for number in range(NEIGHBOURS - 1)), request(999, None)]
    assert local_quality(sample_of(requests), np.zeros(NEIGHBOURS))[-1] == 0.0


def test_local_requests_without_an_outcome_are_stood_for_by_those_with_one() -> None:
    requests = [request(0, 1.0), *(request(number, None, local=True) for number in range(1, 4)), request(4, None)]
    sample = sample_of(requests)
    assert list(sample.weight) == [4.0, 1.0]
    assert list(routing_of(sample, sample.odds, np.ones(2)).cost) == [4.0, 1.0]


def test_what_no_threshold_decides_is_not_part_of_the_routing() -> None:
    sample = sample_of([request(0, 1.0), request(1, 0.0, automatic=False)])
    assert list(routing_of(sample, sample.odds, sample.weak).weak) == [1.0]


@pytest.mark.parametrize(
    ("costs", "expected"),
    [(["1", None, "3"], [1.0, 2.0, 3.0]), ([None, None, None], [1.0] * 3), (["0", "0", None], [1.0] * 3)],
)
def test_an_unknown_price_is_the_mean_of_the_known_ones(costs: list[str | None], expected: list[float]) -> None:
    requests = [request(number, 1.0, cost=Decimal(cost) if cost else None) for number, cost in enumerate(costs)]
    assert list(sample_of(requests).cost) == expected


def test_the_latest_three_tenths_are_held_back_or_as_many_by_their_ids() -> None:
    requests = [request(number, 1.0, at=BEGIN + timedelta(number)) for number in range(1000)]
    sample = sample_of(requests)
    marked = replace(sample, complexity=np.arange(1000.0))
    fitting, held = split(marked, by_time=True)
    assert (list(fitting.complexity), list(held.complexity)) == (list(range(700)), list(range(700, 1000)))
    fitting, held = split(marked, by_time=False)
    assert 250 < len(held) < 350
    assert sorted([*fitting.complexity, *held.complexity]) == list(range(1000))
    again = split(replace(marked.take(np.arange(1000)[::-1])), by_time=False)[1]
    assert set(again.complexity) == set(held.complexity)


def test_a_wanted_saving_is_kept_to_the_last_cent() -> None:
    made = routing([3.0, 2.0, 1.0, 0.0], [0, 0, 1, 1])
    assert Goal("saving", 0.5).threshold(made, made.strong) == 2.0
    assert Goal("saving", 0.51).threshold(made, made.strong) == 3.0
    assert Goal("saving", 1.0).threshold(made, made.strong) == np.inf


def test_a_wanted_quality_is_reached_with_caution_for_the_least_cost() -> None:
    random = np.random.default_rng(1)
    odds = random.normal(size=4_000)
    weak = (random.random(4_000) > 1 / (1 + np.exp(-odds))).astype(float)
    made = routing(list(odds), list(weak))
    for wanted in (0.7, 0.9, 0.95):
        threshold = Goal("quality", wanted).threshold(made, made.strong)
        got = made.quality(threshold).mean()
        assert wanted <= got < wanted + 0.02
    assert Goal("quality", 1.0).threshold(made, made.strong) <= odds[weak == 0].min()
    assert Goal("quality", 0.0).threshold(made, made.strong) == np.inf


def test_the_same_quality_is_that_of_the_routing_now() -> None:
    made = routing([3.0, 2.0, 1.0, 0.0], [0, 0, 1, 1])
    now = made.quality(2.0)
    assert Goal().threshold(made, now) == 2.0


def test_a_slack_in_quality_is_used_as_far_as_it_goes() -> None:
    random = np.random.default_rng(2)
    weak = np.where(random.random(100_000) < 0.01, 0.0, 1.0)  # one in a hundred is worse, wherever
    made = routing(list(random.normal(size=100_000)), list(weak))
    threshold = Goal().threshold(made, made.strong, slack=0.005)
    assert 0.5 < made.spent(threshold).mean() + 0.05 < 0.6
    assert made.quality(threshold).mean() >= 0.995
    assert Goal().threshold(made, made.strong) <= made.odds[weak == 0].min()


@pytest.mark.parametrize(
    ("limit", "quality", "cost"),
    [
        (1.5, 0.5, 0.25),  # just what the threshold gives
        (-9.0, 0.5, 0.25),  # down from all in the cloud, past what is better
        (np.inf, 0.5, 0.25),  # up from all local
        (np.inf, 0.625, 0.375),
        (np.inf, 0.25, 0.0),
        (-9.0, 0.2, 0.0),
        (1.5, 1.1, 1.0),
    ],
)
def test_the_nearest_cost_of_a_quality_is_looked_for_from_a_threshold(
    limit: float, quality: float, cost: float
) -> None:
    curve = curve_of(routing([2.0, 1.0, 0.0, -1.0], [0, 0, 0, 1]))
    assert list(curve.quality) == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert curve.cost_near(limit, quality) == pytest.approx(cost)


def test_a_rise_by_chance_far_from_the_threshold_is_not_used() -> None:
    made = Routing(*map(np.array, ([3.0, 2.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 1.0], [1.0] * 4)))
    curve = curve_of(made)
    assert list(curve.quality * 3) == pytest.approx([1, 2, 1, 2, 3])
    assert curve.cost_of(2 / 3) == 0.25
    assert curve.cost_near(1.0, 2 / 3) == 0.75
