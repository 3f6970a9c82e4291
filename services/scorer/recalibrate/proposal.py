"""From requests to a proposal: a correction, thresholds, and how both do on requests held back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.scorer.policy import Thresholds
from services.scorer.recalibrate.comparison import Comparison, compare, share_of
from services.scorer.recalibrate.goal import TOLERANCE, Goal
from services.scorer.recalibrate.regression import (
    WEIGHTLESS,
    Scaling,
    choose_penalty,
    fit,
    identity,
    out_of_fold,
    scaling_of,
)
from services.scorer.recalibrate.sample import Floats, Sample, split
from services.scorer.recalibrate.tradeoff import curve_of, local_quality, resamples, routing_of
from services.scorer.tuning import Correction, log_odds, probability

LEAST_KNOWN = 200
"""Requests with a known local answer that a recalibration needs."""
LEAST_OF_EACH = 30
"""Good ones, and bad ones, that there must be among them."""

_RESAMPLES = 400
_SURE = 0.01  # the chance, by the bootstrap, that a correction that is proposed gains nothing
_WORTHWHILE = 0.02  # of the cloud's cost, or quality, that a change must gain
_A_LOT = 0.1  # of the cloud's cost


class TooLittle(Exception):
    """There is too little to learn from; the message says what is missing."""


@dataclass(frozen=True)
class Proposal:
    """What is proposed, and how it does on the requests held back.

    `correction` is None when the scorer's order of requests could not surely be improved, and
    `thresholds` is None when nothing is to change at all.
    """

    goal: Goal
    shipped: Thresholds
    thresholds: Thresholds | None
    correction: Correction | None
    penalty: float | None
    fitted: int
    comparison: Comparison

    @property
    def changes(self) -> bool:
        """Whether anything is to change."""
        return self.thresholds is not None

    @property
    def not_worse(self) -> bool:
        """Whether the requests held back speak for it, or at least not against it."""
        return not self.changes or self.comparison.not_worse(self.goal)


def propose(sample: Sample, shipped: Thresholds, goal: Goal, *, by_time: bool) -> Proposal:
    """The proposal for a sample; TooLittle says how many requests are missing."""
    fitting, held = split(sample, by_time=by_time)
    _require_enough(sample, fitting, held)
    scaling = scaling_of(fitting)
    penalty = _worthwhile_penalty(fitting, scaling, shipped, goal)
    odds = out_of_fold(fitting, scaling, penalty)
    limit = _limit(fitting, odds, shipped, goal)
    if limit is None:
        same = log_odds(shipped.large)
        return Proposal(goal, shipped, None, None, None, len(fitting), compare(held, held.odds, same, same))
    known = fitting.known
    regression = identity(len(scaling.names))
    if penalty is not None:
        regression = fit(fitting.odds[known], scaling.of(fitting)[known], fitting.worse[known], penalty)
    fitted_odds = regression.odds(fitting.odds, scaling.of(fitting))
    thresholds = _thresholds(fitting, fitted_odds, limit, shipped, moved=penalty is not None)
    held_odds = regression.odds(held.odds, scaling.of(held))
    comparison = compare(held, held_odds, log_odds(shipped.large), log_odds(thresholds.large))
    correction = None if penalty is None else regression.correction(scaling)
    return Proposal(goal, shipped, thresholds, correction, penalty, len(fitting), comparison)


def _require_enough(sample: Sample, fitting: Sample, held: Sample) -> None:
    known = int(sample.known.sum())
    bad = int((sample.worse[sample.known] >= 0.5).sum())
    missing = []
    if known < LEAST_KNOWN:
        missing.append(f"{LEAST_KNOWN - known} more requests with a known local answer (there are {known})")
    for name, count in (("good", known - bad), ("bad", bad)):
        if count < LEAST_OF_EACH:
            missing.append(f"{LEAST_OF_EACH - count} more {name} local answers (there are {count})")
    for part in (fitting, held):
        if not missing and (part.known.sum() < LEAST_OF_EACH or part.free.sum() < LEAST_OF_EACH):
            missing.append(f"{LEAST_OF_EACH} requests with a known local answer in each part of the split")
    if missing:
        raise TooLittle(f"There is too little to learn from. Missing: {'; '.join(missing)}.")


def _worthwhile_penalty(fitting: Sample, scaling: Scaling, shipped: Thresholds, goal: Goal) -> float | None:
    """The penalty of a correction that, out of fold, surely gains something at the goal; None when none does.

    Without weights the order of requests stays as it is, and only the order matters to the routing.
    """
    penalty = choose_penalty(fitting, scaling)
    if penalty is None or penalty == WEIGHTLESS:
        return None
    odds = out_of_fold(fitting, scaling, penalty)
    weak = local_quality(fitting, odds)
    now, then = routing_of(fitting, fitting.odds, weak), routing_of(fitting, odds, weak)
    quality = now.quality(log_odds(shipped.large))
    gains = [
        goal.gain(curve_of(then, counts), curve_of(now, counts), share_of(counts, quality, now.strong))
        for counts in resamples(len(quality), _RESAMPLES)
    ]
    return penalty if np.quantile(gains, _SURE) > 0 and np.median(gains) >= _WORTHWHILE else None


def _limit(fitting: Sample, odds: Floats, shipped: Thresholds, goal: Goal) -> float | None:
    """The log-odds from which on the cloud answers; None when the same quality is not worthwhile cheaper.

    A quality that is the same only to TOLERANCE must be a lot cheaper: so it is where the cloud is of no use.
    """
    weak, same = local_quality(fitting, odds), log_odds(shipped.large)
    now, then = routing_of(fitting, fitting.odds, weak), routing_of(fitting, odds, weak)
    for slack, least in ((0.0, _WORTHWHILE), (TOLERANCE, _A_LOT)):
        limit = goal.threshold(then, now.quality(same), slack)
        saved = (now.spent(same).sum() - then.spent(limit).sum()) / (now.cost.sum() or 1.0)
        if goal.kind != "same" or saved >= least:
            return limit
    return None


def _thresholds(fitting: Sample, odds: Floats, limit: float, shipped: Thresholds, *, moved: bool) -> Thresholds:
    """The cloud's threshold is the proposed limit. Among local requests the small and the medium model keep
    their shares when complexities moved, and else their thresholds, as far as those are not above the cloud's."""
    large = round(probability(limit), 4)
    if not moved:
        return Thresholds(min(shipped.small, large), _other(shipped.medium, shipped.large, large), large)
    before = fitting.complexity[fitting.free & (fitting.odds < log_odds(shipped.large))]
    after = odds[fitting.free & (odds < limit)]
    kept = []
    for threshold in (shipped.small, shipped.medium):
        share = float((before < threshold).mean()) if len(before) else 1.0
        whole = share >= 1 or not len(after)
        kept.append(large if whole else min(round(probability(float(np.quantile(after, share))), 4), large))
    return Thresholds(kept[0], kept[1], large)


def _other(medium: float, shipped_large: float, large: float) -> float:
    return large if medium == shipped_large else min(medium, large)
