"""The shipped thresholds beside the proposed ones on requests that nothing was fitted to."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from services.scorer.recalibrate.goal import TOLERANCE, Goal
from services.scorer.recalibrate.sample import Floats, Sample
from services.scorer.recalibrate.tradeoff import Curve, Routing, curve_of, local_quality, resamples, routing_of

LEVEL = 0.95
"""Of the intervals."""

_RESAMPLES = 1000


@dataclass(frozen=True)
class Estimate:
    """A figure with its bootstrap interval; NaN where it has no meaning."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """Quality and cost, as shares of the cloud's, with the shipped and with the proposed thresholds.

    `saving` is what the proposal saves of the shipped cost when its threshold is moved to where it
    gives just the shipped quality. `usd` is what the requests
    cost in the cloud alone. `unseen` counts those that the proposal answers locally although nobody
    knows how good a local answer to them is: their quality is an estimate.
    """

    requests: int
    unseen: int
    usd: float
    quality: dict[str, Estimate]
    cost: dict[str, Estimate]
    saving: Estimate
    curves: dict[str, Curve]

    def not_worse(self, goal: Goal) -> bool:
        """Whether the shipped order of requests would not give more for the same cost.

        Where the same quality is wanted, neither quality, to TOLERANCE, nor cost may be worse than now.
        """
        quality, cost = self.quality["proposed"].value, self.cost["proposed"].value
        if quality < self.curves["shipped"].quality_at(cost) - 1e-9:
            return False
        if goal.kind != "same":
            return True
        return quality >= self.quality["shipped"].value - TOLERANCE and cost <= self.cost["shipped"].value + 1e-9


def compare(held: Sample, odds: Floats, shipped_limit: float, limit: float) -> Comparison:
    """The comparison on `held`; `odds` are the proposed log-odds, the limits go with the shipped and the proposed."""
    weak = local_quality(held, odds)
    sides = {
        "shipped": (routing_of(held, held.odds, weak), shipped_limit),
        "proposed": (routing_of(held, odds, weak), limit),
    }
    size = int(held.free.sum())
    drawn = [_figures(sides, counts) for counts in resamples(size, _RESAMPLES)]
    found = _figures(sides, np.ones(size))
    estimates = {name: _estimate(value, [one[name] for one in drawn]) for name, value in found.items()}
    return Comparison(
        requests=size,
        unseen=int((held.free & ~held.known & (odds < limit)).sum()),
        usd=float((held.cost * held.weight)[held.free].sum()),
        quality={name: estimates[f"quality {name}"] for name in (*sides, "difference")},
        cost={name: estimates[f"cost {name}"] for name in (*sides, "difference")},
        saving=estimates["saving"],
        curves={name: curve_of(routing) for name, (routing, _) in sides.items()},
    )


def _figures(sides: dict[str, tuple[Routing, float]], counts: Floats) -> dict[str, float]:
    figures = {}
    for name, (routing, limit) in sides.items():
        figures[f"quality {name}"] = share_of(counts, routing.quality(limit), routing.strong)
        figures[f"cost {name}"] = share_of(counts, routing.spent(limit), routing.cost)
    for what in ("quality", "cost"):
        figures[f"{what} difference"] = figures[f"{what} proposed"] - figures[f"{what} shipped"]
    routing, limit = sides["proposed"]
    needed = curve_of(routing, counts).cost_near(limit, figures["quality shipped"])
    figures["saving"] = 1 - needed / figures["cost shipped"] if figures["cost shipped"] else math.nan
    return figures


def share_of(counts: Floats, part: Floats, whole: Floats) -> float:
    """The sum of `part` as a share of that of `whole`, for requests drawn so often; NaN where that is 0."""
    total = float((counts * whole).sum())
    return float((counts * part).sum()) / total if total else math.nan


def _estimate(value: float, drawn: list[float]) -> Estimate:
    known = [one for one in drawn if not math.isnan(one)]
    if math.isnan(value) or not known:
        return Estimate(value, math.nan, math.nan)
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high))
