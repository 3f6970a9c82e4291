"""Requests as arrays: what is known of each, in the order in which they came."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from services.scorer.recalibrate.traffic import Request
from services.scorer.tuning import log_odds

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Indices: TypeAlias = NDArray[np.int64]

HELD_BACK = 0.3
"""The share of the requests that nothing is fitted to."""


@dataclass(frozen=True)
class Sample:
    """`n` requests, an array each of what is known of them; `signals` is n by `len(names)`.

    `weak` and `strong` are the quality, from 0 to 1, of a local and of the cloud's answer; `weak` is
    NaN where no local answer is known. `cost` is what the cloud costs, in USD. `odds` are the
    log-odds of the complexity. `weight` is how many requests a row stands for. `free` are those
    for which a threshold decides, and `chance` is a number from 0 to 1 that only depends on the id.
    """

    names: tuple[str, ...]
    signals: Floats
    complexity: Floats
    odds: Floats
    weak: Floats
    strong: Floats
    cost: Floats
    weight: Floats
    free: Flags
    chance: Floats

    def __len__(self) -> int:
        return len(self.odds)

    @property
    def known(self) -> Flags:
        """Where the quality of a local answer is known."""
        return ~np.isnan(self.weak)

    @property
    def worse(self) -> Floats:
        """How much worse the local answer is than the cloud's, from 0 to 1: what complexity is to foretell."""
        return np.clip(self.strong - self.weak, 0.0, 1.0)

    def take(self, which: Flags | Indices) -> Sample:
        """The requests at these places."""
        arrays = {field.name: getattr(self, field.name)[which] for field in fields(self) if field.name != "names"}
        return Sample(names=self.names, **arrays)


def sample_of(requests: Sequence[Request]) -> Sample:
    """The arrays of requests that have a place in the evaluation: all but local ones without an outcome."""
    told = [request for request in requests if request.weak is not None or not request.local]
    names = tuple(sorted({name for request in told for name in request.signals}))
    column = {name: index for index, name in enumerate(names)}
    signals = np.zeros((len(told), len(names)))
    for row, request in enumerate(told):
        for name, value in request.signals.items():
            signals[row, column[name]] = value
    return Sample(
        names=names,
        signals=signals,
        complexity=_array([request.complexity for request in told]),
        odds=_array([log_odds(request.complexity) for request in told]),
        weak=_array([np.nan if request.weak is None else request.weak for request in told]),
        strong=_array([request.strong for request in told]),
        cost=_costs(told),
        weight=_weights(requests, told),
        free=np.array([request.automatic for request in told], dtype=np.bool_),
        chance=_array([_chance(request.id) for request in told]),
    )


def split(sample: Sample, *, by_time: bool) -> tuple[Sample, Sample]:
    """The part to fit on and the part held back: the latest requests, or a choice by their ids."""
    place = np.arange(len(sample)) / max(len(sample), 1)
    held = (place if by_time else sample.chance) >= 1 - HELD_BACK
    return sample.take(~held), sample.take(held)


def _array(values: Sequence[float]) -> Floats:
    return np.array(values, dtype=np.float64)


def _costs(told: Sequence[Request]) -> Floats:
    """USD; where no price is known the mean of the others, and 1 for all when none has one."""
    costs = _array([np.nan if request.cost is None else float(request.cost) for request in told])
    known = costs[~np.isnan(costs)]
    instead = known.mean() if known.size and known.sum() > 0 else 1.0
    return np.where(np.isnan(costs) | (known.sum() == 0), instead, costs)


def _weights(requests: Sequence[Request], told: Sequence[Request]) -> Floats:
    """Local requests with an outcome also stand for those without one: so local and cloud keep their shares."""
    local = sum(request.local for request in requests)
    with_outcome = sum(request.local for request in told)
    each = local / with_outcome if with_outcome else 1.0
    return _array([each if request.local else 1.0 for request in told])


def _chance(identity: str) -> float:
    return int.from_bytes(hashlib.sha256(identity.encode("utf-8", "replace")).digest()[:8], "big") / 2**64
