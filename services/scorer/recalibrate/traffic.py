"""Requests of one's own traffic: how complex they seemed, and how good the answers were."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Request:
    """One request.

    `complexity` is the scorer's own, before any tuning. `weak` is the quality, from 0 to 1, of a local
    model's answer, None where it is not known; `strong` that of the cloud's. `cost` is what the cloud
    costs in USD. `local`: a local model answered it. `automatic`: a threshold decided that.
    """

    id: str
    complexity: float
    signals: Mapping[str, float]
    weak: float | None
    strong: float = 1.0
    cost: Decimal | None = None
    local: bool = True
    automatic: bool = True
    at: datetime | None = None


def request_of_row(row: Mapping[str, Any], is_local: Callable[[str], bool]) -> Request:
    """A row of the store. The cloud's answers are the yardstick: their quality is 1."""
    return Request(
        id=row["request_id"],
        complexity=row["complexity"],
        signals=row["signals"],
        weak=judge_local_answer(row["decision"] == "local", row["outcomes"], is_local),
        cost=row["cloud_cost"],
        local=row["decision"] == "local",
        automatic=row["automatic"],
        at=row["at"],
    )


def judge_local_answer(
    went_local: bool, outcomes: Sequence[Mapping[str, Any]], is_local: Callable[[str], bool]
) -> float | None:
    """The quality of the local answer by its outcomes, given in their order; None when they say nothing on it.

    A person's word goes before the checks, a later one before an earlier. Feedback that names no model
    is about the answer that the person saw, which after an escalation was not the local one. A failed
    call says nothing on quality.
    """

    def about_local(outcome: Mapping[str, Any]) -> bool:
        if outcome["outcome"] == "escalated":
            return went_local or is_local(outcome["model"] or "")
        return is_local(outcome["model"]) if outcome["model"] else went_local and not escalated

    escalated = any(outcome["outcome"] == "escalated" for outcome in outcomes)
    words = [outcome["outcome"] for outcome in outcomes if about_local(outcome)]
    for good, bad in (("good", "bad"), ("accepted", "escalated")):
        said = [word for word in words if word in (good, bad)]
        if said:
            return 1.0 if said[-1] == good else 0.0
    return None
