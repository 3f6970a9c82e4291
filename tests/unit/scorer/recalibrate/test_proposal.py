"""What is proposed to users whose traffic is known through and through, judged on requests that come later."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from services.scorer.policy import Thresholds
from services.scorer.recalibrate import comparison
from services.scorer.recalibrate.goal import Goal
from services.scorer.recalibrate.proposal import LEAST_KNOWN, LEAST_OF_EACH, Proposal, TooLittle, propose
from services.scorer.recalibrate.sample import Floats, sample_of
from services.scorer.recalibrate.traffic import Request
from services.scorer.tuning import Tuning
from tests.unit.scorer.recalibrate.simulated_user import (
    BEGIN,
    PURE_NOISE,
    SHIPPED_LIMIT,
    TWO_FAMILIES,
    User,
    as_recorded,
    requests_of,
)

SHIPPED = Thresholds(0.3, SHIPPED_LIMIT, SHIPPED_LIMIT)
WELL_CALIBRATED = User(0, easy=0.0, hard=0.0, spread=1.5, sight=0.9, shows=0.0)
SEEDS = range(8)


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that run many recalibrations and look at no interval of the comparison."""
    monkeypatch.setattr(comparison, "_RESAMPLES", 20)


def proposed(requests: list[Request], goal: Goal | None = None) -> Proposal:
    return propose(sample_of(requests), SHIPPED, goal or Goal(), by_time=True)


class Future:
    """Four thousand later requests of a user, routed as the scorer would: both answers are known."""

    def __init__(self, user: User) -> None:
        self.requests = requests_of(user, 4_000, part="future")
        self.cost = np.array([float(request.cost or 0) for request in self.requests])
        self.weak = np.array([request.weak for request in self.requests], dtype=float)
        self.shipped = np.array([request.complexity for request in self.requests])

    def tuned(self, proposal: Proposal) -> Floats:
        tuning = Tuning(BEGIN, correction=proposal.correction)
        return np.array([tuning.apply(request.complexity, request.signals) for request in self.requests])

    def outcome(self, complexity: Floats, limit: float) -> tuple[float, float]:
        """Quality and cost, as shares of the cloud's."""
        cloud = complexity >= limit
        return float(np.where(cloud, 1.0, self.weak).mean()), float(self.cost[cloud].sum() / self.cost.sum())

    def least_cost(self, complexity: Floats, quality: float) -> float:
        """The least cost, over all thresholds, of a quality."""
        outcomes = [self.outcome(complexity, float(limit)) for limit in np.quantile(complexity, np.linspace(0, 1, 301))]
        return min(cost for reached, cost in outcomes if reached >= quality)


@cache
def future(user: User) -> Future:
    return Future(user)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_user_with_two_families_pays_at_least_15_percent_less_for_the_same_quality(seed: int) -> None:
    user = replace(TWO_FAMILIES, seed=seed)
    proposal = proposed(requests_of(user, 3_000))
    assert proposal.changes
    assert proposal.not_worse
    # On the requests held back, for sure ...
    assert proposal.comparison.saving.value >= 0.15
    assert proposal.comparison.saving.low > 0
    # ... and in truth, by the tuning as it is applied.
    later = future(user)
    quality, cost = later.outcome(later.shipped, SHIPPED.large)
    assert later.least_cost(later.tuned(proposal), quality) <= 0.85 * cost


@pytest.mark.parametrize("user", [TWO_FAMILIES, PURE_NOISE, WELL_CALIBRATED, User(0, easy=-1.5, hard=-0.3, shows=0.7)])
@pytest.mark.parametrize("recorded", [False, True])
def test_what_would_be_applied_is_never_worse_later(user: User, recorded: bool, few_resamples: None) -> None:
    for seed in SEEDS:
        one = replace(user, seed=seed)
        past = requests_of(one, 2_000)
        proposal = proposed(as_recorded(past) if recorded else past)
        if not (proposal.changes and proposal.not_worse and proposal.thresholds):
            continue
        later = future(one)
        quality, cost = later.outcome(later.tuned(proposal), proposal.thresholds.large)
        quality_now, cost_now = later.outcome(later.shipped, SHIPPED.large)
        assert quality >= quality_now - 0.01, seed
        assert cost <= cost_now + 0.01, seed


@pytest.mark.parametrize("user", [PURE_NOISE, WELL_CALIBRATED])
@pytest.mark.parametrize("recorded", [False, True])
def test_where_nothing_is_to_be_learned_nothing_is_proposed(user: User, recorded: bool, few_resamples: None) -> None:
    for seed in range(20):
        past = requests_of(replace(user, seed=seed), 1_000)
        proposal = proposed(as_recorded(past) if recorded else past)
        assert not proposal.changes, seed
        assert proposal.thresholds is None
        assert proposal.correction is None
        assert proposal.comparison.quality["difference"].value == 0


def test_with_only_local_answers_known_the_promised_quality_is_kept(few_resamples: None) -> None:
    kept = 0
    for seed in SEEDS:
        user = replace(TWO_FAMILIES, seed=seed)
        proposal = proposed(as_recorded(requests_of(user, 3_000)))
        if not proposal.not_worse or proposal.thresholds is None:
            continue
        later = future(user)
        quality, _ = later.outcome(later.tuned(proposal), proposal.thresholds.large)
        assert proposal.comparison.unseen > 0
        assert quality >= proposal.comparison.quality["proposed"].value - 0.03, seed
        kept += 1
    assert kept >= len(SEEDS) / 2


def test_the_quality_and_cost_of_a_comparison_are_those_of_the_routing_held_back() -> None:
    past = requests_of(TWO_FAMILIES, 2_000)
    proposal = proposed(past)
    assert proposal.thresholds is not None
    assert proposal.correction is not None
    held = past[1_400:]
    for name, complexities, limit in (
        ("shipped", [request.complexity for request in held], SHIPPED.large),
        (
            "proposed",
            [proposal.correction.apply(one.complexity, one.signals) for one in held],
            proposal.thresholds.large,
        ),
    ):
        cloud = [complexity >= limit for complexity in complexities]
        quality = sum(1.0 if up else float(one.weak or 0) for up, one in zip(cloud, held, strict=True)) / len(held)
        spent = sum(float(one.cost or 0) for up, one in zip(cloud, held, strict=True) if up)
        assert proposal.comparison.quality[name].value == pytest.approx(quality, abs=2e-3)
        cost = spent / sum(float(one.cost or 0) for one in held)
        assert proposal.comparison.cost[name].value == pytest.approx(cost, abs=4e-3)
    assert proposal.comparison.requests == 600
    assert proposal.comparison.unseen == 0
    assert proposal.fitted == 1_400


@pytest.mark.parametrize("wanted", [0.8, 0.9, 0.97])
def test_a_wanted_quality_is_reached_later(wanted: float) -> None:
    proposal = proposed(requests_of(TWO_FAMILIES, 3_000), Goal("quality", wanted))
    assert proposal.thresholds is not None
    assert proposal.not_worse
    later = future(TWO_FAMILIES)
    quality, _ = later.outcome(later.tuned(proposal), proposal.thresholds.large)
    assert wanted - 0.01 <= quality <= wanted + 0.04


@pytest.mark.parametrize("wanted", [0.5, 0.8])
def test_a_wanted_saving_is_reached_later(wanted: float) -> None:
    proposal = proposed(requests_of(TWO_FAMILIES, 3_000), Goal("saving", wanted))
    assert proposal.thresholds is not None
    later = future(TWO_FAMILIES)
    _, cost = later.outcome(later.tuned(proposal), proposal.thresholds.large)
    assert cost == pytest.approx(1 - wanted, abs=0.04)


def test_without_a_better_order_a_goal_moves_the_thresholds_alone() -> None:
    proposal = proposed(requests_of(WELL_CALIBRATED, 2_000), Goal("quality", 0.95))
    assert proposal.correction is None
    assert proposal.thresholds is not None
    assert proposal.thresholds.large < SHIPPED.large
    assert proposal.thresholds.medium == proposal.thresholds.large
    assert proposal.thresholds.small == min(SHIPPED.small, proposal.thresholds.large)
    assert proposal.not_worse


def test_small_models_keep_their_share_of_the_local_requests() -> None:
    past = requests_of(TWO_FAMILIES, 3_000)
    proposal = proposed(past)
    assert proposal.thresholds is not None
    assert proposal.correction is not None
    tuned = [proposal.correction.apply(request.complexity, request.signals) for request in past]

    def share(complexities: list[float], thresholds: Thresholds) -> float:
        local = [one for one in complexities if one < thresholds.large]
        return sum(one < thresholds.small for one in local) / len(local)

    before = share([request.complexity for request in past], SHIPPED)
    assert share(tuned, proposal.thresholds) == pytest.approx(before, abs=0.03)
    assert proposal.thresholds.medium == proposal.thresholds.large


def test_a_user_whose_local_model_is_as_good_as_the_cloud_need_not_pay() -> None:
    as_good = User(0, easy=-6.0, hard=-6.0)
    proposal = proposed([*requests_of(as_good, 30_000), *requests_of(TWO_FAMILIES, 100)])
    assert proposal.thresholds is not None
    assert proposal.not_worse
    assert proposal.correction is None
    assert proposal.comparison.cost["proposed"].value < proposal.comparison.cost["shipped"].value - 0.1


def test_a_comparison_that_speaks_against_the_proposal_is_seen() -> None:
    """A user whose families change sides just when the requests held back begin."""
    past = requests_of(TWO_FAMILIES, 2_100)
    turned = requests_of(replace(TWO_FAMILIES, easy=TWO_FAMILIES.hard, hard=TWO_FAMILIES.easy), 3_000)[2_100:]
    proposal = proposed([*past, *turned])
    assert proposal.changes
    assert not proposal.not_worse


def flags(good: int, bad: int) -> list[Request]:
    words = [1.0] * good + [0.0] * bad
    return [Request(str(number), (number % 97) / 97, {}, weak) for number, weak in enumerate(words)]


@pytest.mark.parametrize(
    ("good", "bad", "missing"),
    [
        (0, 0, f"{LEAST_KNOWN} more requests with a known local answer"),
        (LEAST_KNOWN - 100, 90, "10 more requests with a known local answer .there are 190."),
        (LEAST_KNOWN, LEAST_OF_EACH - 1, "1 more bad local answers .there are 29."),
        (LEAST_OF_EACH - 2, LEAST_KNOWN, "2 more good local answers .there are 28."),
    ],
)
def test_too_little_is_refused_with_what_is_missing(good: int, bad: int, missing: str) -> None:
    with pytest.raises(TooLittle, match=missing):
        propose(sample_of(flags(good, bad)), SHIPPED, Goal(), by_time=False)


def test_the_documented_minimum_is_enough() -> None:
    past = requests_of(TWO_FAMILIES, 600)
    bad = [request for request in past if request.weak == 0][: LEAST_OF_EACH + 20]
    good = [request for request in past if request.weak == 1][: LEAST_KNOWN - len(bad)]
    assert len(good) + len(bad) == LEAST_KNOWN
    propose(sample_of([*good, *bad]), SHIPPED, Goal(), by_time=False)


def test_cloud_requests_alone_are_too_little() -> None:
    past = [replace(request, weak=None, local=False) for request in requests_of(TWO_FAMILIES, 500)]
    with pytest.raises(TooLittle, match="there are 0"):
        proposed(past)


def test_known_answers_on_one_side_of_the_split_only_are_too_little() -> None:
    past = requests_of(TWO_FAMILIES, 1_000)
    late = [replace(request, weak=None, local=False) for request in past[690:]]
    with pytest.raises(TooLittle, match="in each part of the split"):
        proposed([*past[:690], *late])


@pytest.mark.parametrize("shipped", [Thresholds(0.0, 0.0, 0.0), Thresholds(1.0, 1.0, 1.0)])
@pytest.mark.parametrize("goal", [Goal(), Goal("quality", 0.9), Goal("saving", 0.0), Goal("saving", 1.0)])
def test_thresholds_at_the_ends_are_no_trouble(shipped: Thresholds, goal: Goal) -> None:
    proposal = propose(sample_of(requests_of(TWO_FAMILIES, 800)), shipped, goal, by_time=True)
    if proposal.thresholds is not None:
        limits = [proposal.thresholds.small, proposal.thresholds.medium, proposal.thresholds.large]
        assert sorted(limits) == limits
        assert 0 <= limits[0] <= limits[2] <= 1
