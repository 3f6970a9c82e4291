"""Users that do not exist: requests whose local and cloud answers are both known.

The scorer sees how hard a request is within its family, through noise, and nothing of the family. The
family shows in a few of thirty signals, none of which tells it alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from services.scorer.recalibrate.traffic import Request
from services.scorer.tuning import probability

BEGIN = datetime(2026, 9, 1, tzinfo=UTC)
SIGNALS = 30
SHIPPED_LIMIT = 0.6


@dataclass(frozen=True)
class User:
    """What a user asks; `easy` and `hard` are the log-odds that a local answer is worse in the middle of a family.

    `share` of the requests are of the easy family. `sight` is how well the scorer sees the difficulty
    within a family, and `shows` how far apart the families' signals are, in deviations.
    """

    seed: int
    share: float = 0.7
    easy: float = -2.5
    hard: float = 0.8
    spread: float = 0.8
    sight: float = 0.6
    shows: float = 1.0


TWO_FAMILIES = User(0)
PURE_NOISE = User(0, easy=-0.8, hard=-0.8, spread=0.0, shows=0.0)
"""Whether a local answer is worse depends on nothing at all."""


def requests_of(user: User, count: int, *, part: str = "past") -> list[Request]:
    """`count` requests, one a minute; another `part` of the same user's has other requests."""
    nature = np.random.default_rng([user.seed, 1])
    telling = nature.choice(SIGNALS, 3, replace=False)
    direction = nature.choice([-1.0, 1.0], 3) * nature.uniform(0.7, 1.3, 3) * user.shows
    random = np.random.default_rng([user.seed, *part.encode()])
    is_easy = random.random(count) < user.share
    difficulty = random.normal(size=count)
    seen = user.sight * difficulty + np.sqrt(1 - user.sight**2) * random.normal(size=count)
    signals = random.normal(size=(count, SIGNALS))
    signals[:, telling] += np.where(is_easy, -0.5, 0.5)[:, None] * direction
    worse = np.where(is_easy, user.easy, user.hard) + user.spread * difficulty
    fails = random.random(count) < 1 / (1 + np.exp(-worse))
    cost = np.exp(random.normal(-5.5, 0.4, count))
    return [
        Request(
            id=f"{part}-{user.seed}-{index}",
            complexity=probability(float(0.9 * seen[index])),
            signals={f"signal_{column}": float(value) for column, value in enumerate(signals[index])},
            weak=0.0 if fails[index] else 1.0,
            cost=Decimal(str(round(float(cost[index]), 6))),
            at=BEGIN + timedelta(minutes=index),
        )
        for index in range(count)
    ]


def as_recorded(requests: list[Request]) -> list[Request]:
    """What a scorer with the shipped threshold would have recorded: the cloud's requests have no local answer."""
    return [
        replace(request, local=False, weak=None) if request.complexity >= SHIPPED_LIMIT else request
        for request in requests
    ]
