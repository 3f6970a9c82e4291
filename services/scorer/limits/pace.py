"""How quickly the local models work off their queue."""

from __future__ import annotations

_WEIGHT = 0.2  # of the newest answer


def next_pace(pace: float | None, seconds: float, ahead: int) -> float:
    """The moving average of the seconds that each request takes, after one more.

    It took `seconds` with so many `ahead` of it: the share of one is what counts, which needs no word
    on how many the server works on at once. leave.lua does the same in Redis.
    """
    each = seconds / (ahead + 1)
    return each if pace is None else pace + _WEIGHT * (each - pace)
