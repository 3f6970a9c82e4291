"""What a way of routing costs and how good its answers are.

Costs are shares of what the cloud alone would cost, quality is a share of what the cloud alone would give.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from services.scorer.recalibrate.sample import Flags, Floats, Indices, Sample

NEIGHBOURS = 50
"""Known local answers that tell what an unknown one would have been worth."""
DOUBT = 1.5
"""How much worse an unknown local answer is taken to be than known ones that seem alike."""


@dataclass(frozen=True)
class Routing:
    """A way of routing the free requests of a sample, the arrays in one order.

    `odds` are the log-odds that a threshold is compared with; `weak` and `strong` are what a local and
    the cloud's answer are worth, `cost` what the cloud costs, all times the weight of the request.
    """

    odds: Floats
    weak: Floats
    strong: Floats
    cost: Floats

    @cached_property
    def order(self) -> Indices:
        """The requests from the highest log-odds down."""
        return np.argsort(-self.odds, kind="stable")

    @cached_property
    def cuts(self) -> Indices:
        """How many of them go to the cloud, for every threshold: requests with the same log-odds go together."""
        odds = self.odds[self.order]
        changes = np.flatnonzero(np.diff(odds)) + 1
        return np.concatenate([[0], changes, [len(odds)]]) if len(odds) else np.zeros(1, dtype=np.int64)

    @cached_property
    def thresholds(self) -> Floats:
        """The threshold that goes with each cut."""
        return np.append(np.inf, self.odds[self.order][self.cuts[1:] - 1])

    def cloud(self, threshold: float) -> Flags:
        """Which requests go to the cloud when those with log-odds from `threshold` on do."""
        result: Flags = self.odds >= threshold
        return result

    def quality(self, threshold: float) -> Floats:
        """What the answer to each request is worth."""
        return np.where(self.cloud(threshold), self.strong, self.weak)

    def spent(self, threshold: float) -> Floats:
        """What each request costs."""
        return np.where(self.cloud(threshold), self.cost, 0.0)


@dataclass(frozen=True)
class Curve:
    """Cost and quality for every threshold, from all local to all in the cloud; both ascend in cost.

    `threshold` is the log-odds from which on requests go to the cloud.
    """

    cost: Floats
    quality: Floats
    threshold: Floats

    def quality_at(self, cost: float) -> float:
        """The quality for a cost, as a mix of the two nearest thresholds gives it."""
        return float(np.interp(cost, self.cost, self.quality))

    def cost_of(self, quality: float) -> float:
        """The least cost for a quality; that of the cloud alone, 1, when it is not reached."""
        enough = np.flatnonzero(self.quality >= quality - 1e-12)
        if not len(enough):
            return 1.0
        return self._cost_before(int(enough[0]), quality)

    def cost_near(self, limit: float, quality: float) -> float:
        """The cost nearest to that of the threshold `limit` for which there is just this quality; at most 1.

        Unlike the least cost for it, this does not profit from a curve that rises and falls by chance.
        """
        here = int((self.threshold[1:] >= limit).sum())
        enough = self.quality >= quality - 1e-12
        if enough[here]:
            short = np.flatnonzero(~enough[:here])
            after = int(short[-1]) + 1 if len(short) else 0
        else:
            long = np.flatnonzero(enough[here:])
            if not len(long):
                return 1.0
            after = here + int(long[0])
        return self._cost_before(after, quality)

    def _cost_before(self, after: int, quality: float) -> float:
        """The cost at which the quality is reached on the way to the point `after`."""
        if after == 0:
            return float(self.cost[0])
        low, high = self.quality[after - 1], self.quality[after]
        share = (quality - low) / (high - low)
        return float(self.cost[after - 1] + share * (self.cost[after] - self.cost[after - 1]))


def routing_of(sample: Sample, odds: Floats, weak: Floats) -> Routing:
    """The routing of a sample's free requests by some log-odds; `weak` is the quality of all local answers."""
    free = sample.free
    weight = sample.weight[free]
    return Routing(odds[free], weak[free] * weight, sample.strong[free] * weight, sample.cost[free] * weight)


def local_quality(sample: Sample, odds: Floats) -> Floats:
    """The quality of local answers, estimated where it is not known: for requests that went to the cloud.

    What such an answer lacks to 1 is DOUBT times what the known ones with the nearest log-odds lack. Beyond
    the log-odds for which there are enough known ones it is worth nothing.
    """
    known = sample.known
    if known.all() or known.sum() < NEIGHBOURS:
        return np.where(known, sample.weak, 0.0)
    order = np.argsort(odds[known], kind="stable")
    sorted_odds, sums = odds[known][order], np.append(0.0, np.cumsum(sample.weak[known][order]))
    middle = np.searchsorted(sorted_odds, odds[~known])
    begin = np.clip(middle - NEIGHBOURS // 2, 0, len(order) - NEIGHBOURS)
    mean = (sums[begin + NEIGHBOURS] - sums[begin]) / NEIGHBOURS
    quality = sample.weak.copy()
    doubted = np.maximum(1 - DOUBT * (1 - mean), 0.0)
    quality[~known] = np.where(middle <= len(order) - NEIGHBOURS // 2, doubted, 0.0)
    return quality


def curve_of(routing: Routing, counts: Floats | None = None) -> Curve:
    """The curve of a routing; `counts` is how often each request is drawn, once where it is not given."""
    counts = np.ones(len(routing.odds)) if counts is None else counts
    order, cuts = routing.order, routing.cuts
    counts = counts[order]
    cost = np.append(0.0, np.cumsum(counts * routing.cost[order]))
    gain = np.append(0.0, np.cumsum(counts * (routing.strong - routing.weak)[order]))
    all_weak, all_strong = (counts * routing.weak[order]).sum(), (counts * routing.strong[order]).sum()
    quality = (all_weak + gain[cuts]) / (all_strong or 1.0)
    return Curve(cost[cuts] / (cost[-1] or 1.0), quality, routing.thresholds)


def resamples(size: int, times: int, seed: int = 0) -> Iterator[Floats]:
    """How often each of `size` requests is drawn in each bootstrap sample; the same for the same seed."""
    random = np.random.default_rng(seed)
    for _ in range(times):
        yield np.bincount(random.integers(0, size, size), minlength=size).astype(np.float64)
