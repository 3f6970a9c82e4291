"""Rates: how many requests a key may send in a time.

The generic cell rate algorithm (GCRA, ITU-T I.371): one number for a key, the moment at which it
will have its whole allowance again. A key that rested may send all its requests at once; after that
one more comes free with each share of the period.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from services.runtime import ConfigError

_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
_RATE = re.compile(r"([1-9]\d{0,8})\s*/\s*(second|minute|hour|day)")
_SLACK = 0.001  # seconds: what the rounding of many shares may add up to


@dataclass(frozen=True)
class RateLimit:
    """So many requests in so many seconds."""

    requests: int
    seconds: int


@dataclass(frozen=True)
class RateState:
    """Where a key stands after a request; `retry_after` is 0 when it was let through. Times are in seconds."""

    limit: int
    remaining: int
    reset: float
    retry_after: float = 0.0


def read_rate(name: str, text: str) -> RateLimit | None:
    """The rate that a setting such as "60/minute" means; None for "off". ConfigError names the setting."""
    if text.lower() == "off":
        return None
    match = _RATE.fullmatch(text.lower())
    if match is None:
        raise ConfigError(name, f"must be 'off' or like 60/minute (second, minute, hour, day), not {text!r}")
    return RateLimit(int(match[1]), _SECONDS[match[2]])


def take(full_at: float, now: float, limit: RateLimit) -> tuple[float, RateState]:
    """One request at the moment `now` of a key that has its whole allowance again at `full_at`.

    Gives the new `full_at`, unchanged when the request must wait. enter.lua does the same in Redis.
    """
    full_at = max(full_at, now)
    share = limit.seconds / limit.requests
    wait = full_at + share - now - limit.seconds
    if wait > _SLACK:
        return full_at, RateState(limit.requests, 0, full_at - now, wait)
    full_at += share
    left = math.floor((limit.seconds - (full_at - now) + _SLACK) / share)
    return full_at, RateState(limit.requests, max(left, 0), full_at - now)
