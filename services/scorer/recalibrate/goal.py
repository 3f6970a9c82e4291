"""What a recalibration is to reach, and the threshold that reaches it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from services.scorer.recalibrate.sample import Floats
from services.scorer.recalibrate.tradeoff import Curve, Routing, curve_of

CAUTION = 1.28
"""Standard errors by which the wanted quality must be reached where the threshold is chosen.

With one chance in ten it is missed on other requests, where without caution it were one in two.
"""


TOLERANCE = 0.005
"""By how much a quality, as a share of the cloud's, may be lower and still be the same."""


@dataclass(frozen=True)
class Goal:
    """The same quality as now for the least cost, some quality for the least cost, or some saving.

    `value` is the quality as a share of what the cloud alone gives, or the saving as a share of what
    the cloud alone costs.
    """

    kind: Literal["same", "quality", "saving"] = "same"
    value: float = 0.0

    def text(self) -> str:
        """In words."""
        if self.kind == "same":
            return "the same quality for the least cost"
        if self.kind == "quality":
            return f"{self.value:.1%} of the cloud's quality for the least cost"
        return f"the best quality for {self.value:.1%} less than the cloud alone costs"

    def gain(self, proposed: Curve, shipped: Curve, quality_now: float) -> float:
        """By how much one curve is better than another at the goal: less cost, or more quality."""
        if self.kind == "saving":
            return proposed.quality_at(1 - self.value) - shipped.quality_at(1 - self.value)
        quality = quality_now if self.kind == "same" else self.value
        return shipped.cost_of(quality) - proposed.cost_of(quality)

    def threshold(self, routing: Routing, quality_now: Floats, slack: float = 0.0) -> float:
        """The log-odds from which on the cloud must answer.

        `quality_now` is the quality that each request has with the shipped thresholds; the same
        quality may be lower by `slack`, as a share of the cloud's.
        """
        limits = routing.thresholds
        if self.kind == "saving":
            return float(limits[curve_of(routing).cost <= 1 - self.value + 1e-12][-1])
        wanted = quality_now - slack * routing.strong if self.kind == "same" else self.value * routing.strong
        margin = _margin(routing.strong - wanted, routing.weak - wanted, routing)
        reached = np.flatnonzero(margin >= -1e-12)
        return float(limits[reached[0]]) if len(reached) else float(limits[-1])


def _margin(strong: Floats, weak: Floats, routing: Routing) -> Floats:
    """For each cut the mean surplus of quality, less CAUTION standard errors of it."""
    order, cuts = routing.order, routing.cuts

    def moment(power: int) -> Floats:
        cloud = np.append(0.0, np.cumsum(strong[order] ** power))
        local = np.append(0.0, np.cumsum(weak[order] ** power))
        result: Floats = (cloud[cuts] + local[-1] - local[cuts]) / len(order)
        return result

    mean = moment(1)
    deviation = np.sqrt(np.maximum(moment(2) - mean**2, 0.0))
    result: Floats = mean - CAUTION * deviation / np.sqrt(len(order))
    return result
