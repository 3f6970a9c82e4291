"""A proposal in words, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from services.scorer.policy import Thresholds
from services.scorer.recalibrate.chart import draw_chart
from services.scorer.recalibrate.comparison import Comparison, Estimate
from services.scorer.recalibrate.proposal import Proposal
from services.scorer.recalibrate.tradeoff import DOUBT, Curve
from services.scorer.recalibrate.traffic import Request

_WEIGHTS_SHOWN = 8
_CURVE_POINTS = 101


@dataclass(frozen=True)
class Counts:
    """How many requests there are, and of how many the local answer is known."""

    requests: int
    local: int
    good: int
    bad: int
    cloud_unknown: int
    since: datetime | None
    until: datetime | None

    @classmethod
    def of(cls, requests: Sequence[Request]) -> Counts:
        """The counts of some requests. A local answer is bad that is worse than the cloud's by half or more."""
        known = [request for request in requests if request.weak is not None]
        bad = sum(request.strong - (request.weak or 0.0) >= 0.5 for request in known)
        moments = [request.at for request in requests if request.at is not None]
        return cls(
            requests=len(requests),
            local=sum(request.local for request in requests),
            good=len(known) - bad,
            bad=bad,
            cloud_unknown=sum(request.weak is None and not request.local for request in requests),
            since=min(moments, default=None),
            until=max(moments, default=None),
        )

    @property
    def known(self) -> int:
        """Requests with a known local answer."""
        return self.good + self.bad

    def text(self) -> str:
        """In words."""
        span = f" from {self.since:%Y-%m-%d} to {self.until:%Y-%m-%d}" if self.since and self.until else ""
        lines = [
            f"{self.requests} requests{span}, {self.local} of them answered locally.",
            f"Known local answers: {self.known} ({self.good} good, {self.bad} bad).",
        ]
        if self.cloud_unknown:
            lines.append(
                f"{self.cloud_unknown} requests went to the cloud: nobody knows what a local model would have "
                f"answered there."
            )
        return "\n".join(lines)


def report_text(counts: Counts, proposal: Proposal) -> str:
    """Everything for a terminal."""
    comparison = proposal.comparison
    parts = [
        counts.text(),
        f"Goal: {proposal.goal.text()}. Fitted to {proposal.fitted} requests, held back {comparison.requests}.",
        draw_chart(comparison),
        "\n".join(_table(comparison)),
        "\n".join(_change(proposal)),
    ]
    if comparison.unseen:
        parts.append(
            f"Rests on an estimate: {comparison.unseen} of the requests held back would be answered locally although "
            f"none like them has been. Such answers are taken to fail {DOUBT:g} times as often as\nthe known ones "
            f"that seem as hard; what really comes of them, the next recalibration knows."
        )
    return "\n\n".join([*parts, sentence(proposal)])


def sentence(proposal: Proposal) -> str:
    """The result in one plain sentence."""
    comparison, saving = proposal.comparison, proposal.comparison.saving
    if not proposal.changes:
        return "No change is proposed: nothing in these requests surely beats the shipped scorer and its thresholds."
    if not proposal.not_worse:
        return "On the requests held back the proposal does worse than what is shipped: it is not to be used."
    if proposal.goal.kind == "same":
        return (
            f"With the proposed tuning, answers as good as now cost {_percent(saving.value)} less "
            f"({_range(saving)}) on requests that it was not fitted to."
        )
    quality, cost = comparison.quality, comparison.cost
    return (
        f"With the proposed tuning, answers reach {_percent(quality['proposed'].value)} of the cloud's quality for "
        f"{_percent(cost['proposed'].value)} of its cost; now it is {_percent(quality['shipped'].value)} for "
        f"{_percent(cost['shipped'].value)}."
    )


def report_document(counts: Counts, proposal: Proposal) -> dict[str, Any]:
    """Everything as JSON can carry it; a figure without a meaning is null."""
    comparison = proposal.comparison
    return {
        "counts": asdict(counts) | {"since": _iso(counts.since), "until": _iso(counts.until), "known": counts.known},
        "goal": asdict(proposal.goal),
        "fitted": proposal.fitted,
        "held_back": comparison_document(comparison),
        "curves": {name: _curve_document(curve) for name, curve in comparison.curves.items()},
        "shipped": {"thresholds": asdict(proposal.shipped)},
        "proposed": {
            "thresholds": asdict(proposal.thresholds) if proposal.thresholds else None,
            "correction": asdict(proposal.correction) if proposal.correction else None,
        },
        "changes": proposal.changes,
        "not_worse": proposal.not_worse,
        "sentence": sentence(proposal),
    }


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """The figures of the requests held back."""
    return {
        "requests": comparison.requests,
        "estimated": comparison.unseen,
        "quality": {name: _estimate_document(value) for name, value in comparison.quality.items()},
        "cost": {name: _estimate_document(value) for name, value in comparison.cost.items()},
        "saving_at_same_quality": _estimate_document(comparison.saving),
    }


def _table(comparison: Comparison) -> Iterable[str]:
    yield f"{'held back, 95% intervals':<26}{'shipped':<22}{'proposed':<22}difference"
    for name, row in (("quality, % of cloud's", comparison.quality), ("cost, % of cloud's", comparison.cost)):
        cells = [f"{_cell(row[side]):<22}" for side in ("shipped", "proposed")]
        yield f"{name:<26}{''.join(cells)}{_cell(row['difference'], signed=True)}"
    if comparison.usd != comparison.requests:  # without prices every request costs 1
        each = 1000 * comparison.usd / max(comparison.requests, 1)
        usd = {side: f"{each * comparison.cost[side].value:.2f}" for side in ("shipped", "proposed")}
        yield f"{'USD for 1,000 requests':<26}{usd['shipped']:<22}{usd['proposed']:<22}"
    yield f"{'saved at shipped quality':<26}{'':<44}{_cell(comparison.saving)}"


def _change(proposal: Proposal) -> Iterable[str]:
    yield f"thresholds  shipped   {_limits(proposal.shipped)}"
    yield f"            proposed  {_limits(proposal.thresholds) if proposal.thresholds else 'as shipped'}"
    if proposal.correction is None:
        yield "complexity  as the scorer has it"
        return
    weights = sorted(proposal.correction.weights.items(), key=lambda item: -abs(item[1]))[:_WEIGHTS_SHOWN]
    yield "complexity  corrected most by (log-odds for one deviation; + is harder here than the scorer thinks)"
    yield "            " + ", ".join(f"{name} {weight:+.2f}" for name, weight in weights)


def _limits(thresholds: Thresholds) -> str:
    return f"small {thresholds.small:g}, medium {thresholds.medium:g}, cloud from {thresholds.large:g}"


def _cell(estimate: Estimate, *, signed: bool = False) -> str:
    if math.isnan(estimate.value):
        return "-"
    sign = "+" if signed else ""
    return f"{100 * estimate.value:{sign}.1f} ({100 * estimate.low:{sign}.1f} to {100 * estimate.high:{sign}.1f})"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _range(estimate: Estimate) -> str:
    return f"{100 * estimate.low:.0f} to {100 * estimate.high:.0f}%"


def _estimate_document(estimate: Estimate) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else round(value, 6) for name, value in asdict(estimate).items()}


def _curve_document(curve: Curve) -> list[list[float]]:
    costs = [index / (_CURVE_POINTS - 1) for index in range(_CURVE_POINTS)]
    return [[cost, round(curve.quality_at(cost), 6)] for cost in costs]


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
