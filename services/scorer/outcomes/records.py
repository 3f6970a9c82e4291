"""What is recorded of a request: its route, and what became of the answer. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.runtime import request_id
from services.scorer.request import RouteRequest
from services.scorer.route import Route
from services.scorer.score import Score

MOST_PROMPT_CHARACTERS = 10_000
"""What is kept of a prompt, where prompts are kept at all."""

_LONGEST_ID = 128


@dataclass(frozen=True)
class RouteRecord:
    """One request that was sent to a model.

    `complexity` is the scorer's own, before any tuning, and `tuned_complexity` the one that decided.
    `estimated_cost` is in USD for the chosen model, `cloud_cost` for the cloud whichever was chosen;
    None when no price is known. `automatic`: the thresholds decided, not the caller, doubt,
    or what is at stake. `prompt` is None unless the operator has prompts kept.
    """

    request_id: str
    at: datetime
    decision: str
    tier: str
    model: str
    complexity: float
    tuned_complexity: float
    unsure: bool
    automatic: bool
    signals: Mapping[str, float]
    estimated_cost: Decimal | None
    cloud_cost: Decimal | None
    prompt: str | None = field(default=None, repr=False)

    def row(self) -> dict[str, Any]:
        """The columns of scorer.routes, as JSON can carry them."""
        return {
            **vars(self),
            "at": self.at.isoformat(),
            "signals": compact_signals(self.signals),
            "estimated_cost": _text(self.estimated_cost),
            "cloud_cost": _text(self.cloud_cost),
            "prompt": None if self.prompt is None else storable_text(self.prompt),
        }


@dataclass(frozen=True)
class OutcomeRecord:
    """What became of one answer.

    `outcome` is "accepted" or "escalated" (checks), "failed" (the call), "good" or "bad" (a person).
    `model` gave the answer, where that was told; `reason` is codes such as "refused,cut_off".
    """

    request_id: str
    outcome: str
    at: datetime
    model: str | None = None
    reason: str | None = None

    def row(self) -> dict[str, Any]:
        """The columns of scorer.outcomes, as JSON can carry them."""
        return {**vars(self), "at": self.at.isoformat()}


Record = RouteRecord | OutcomeRecord


def route_record(
    request: RouteRequest, route: Route, untuned: Score, cloud_cost: Decimal | None, now: datetime, keep_prompt: bool
) -> RouteRecord:
    """What is kept of a route that has a model; a request without an id is known by that of its HTTP call."""
    if route.model is None:
        raise ValueError("a refused route is not recorded")
    return RouteRecord(
        request_id=request.request_id or request_id.get() or "",
        at=now,
        decision=route.decision,
        tier=route.model.tier,
        model=route.model.name,
        complexity=untuned.complexity,
        tuned_complexity=route.complexity,
        unsure=untuned.unsure,
        automatic=route.by_threshold,
        signals=untuned.signals,
        estimated_cost=route.estimated_cost,
        cloud_cost=cloud_cost,
        prompt=request.prompt if keep_prompt else None,
    )


def outcome_records(bodies: Sequence[Mapping[str, Any]], now: datetime) -> list[OutcomeRecord]:
    """The outcomes of bodies that satisfy the schema."""
    return [OutcomeRecord(**body, at=now) for body in bodies]


def is_storable_id(request_id: str) -> bool:
    """Whether the tables can hold it: 1 to 128 printable characters."""
    return 0 < len(request_id) <= _LONGEST_ID and request_id.isprintable()


def compact_signals(signals: Mapping[str, float]) -> dict[str, float]:
    """The finite signals to six significant digits, without those that are 0."""
    rounded = {name: float(f"{value:.6g}") for name, value in signals.items() if math.isfinite(value)}
    return {name: value for name, value in rounded.items() if value}


def storable_text(text: str) -> str:
    """The beginning of a text, without what PostgreSQL or UTF-8 cannot hold."""
    return text[:MOST_PROMPT_CHARACTERS].replace("\0", "").encode("utf-8", "replace").decode()


def _text(amount: Decimal | None) -> str | None:
    # JSON's numbers are binary to many readers; text loses no digit.
    return None if amount is None else str(amount)
