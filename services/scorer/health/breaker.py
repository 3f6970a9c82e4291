"""A circuit breaker for one model: what its failures mean, as values and pure functions.

Closed, it is used. After two failures in a row, or when the model says how long to wait, it is open:
left out for five seconds, twice as long each time it opens again, up to five minutes. Then it is
half open: one request tries it. An answer closes it, a failure opens it anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

FAILURES = 2
"""In a row, after which a model is left out."""
FIRST_HOLD = 5.0
LONGEST_HOLD = 300.0
TRIAL_SECONDS = 30.0
"""How long the others wait for the one request that tries a model again."""

_OVERLOADED = frozenset({429, 529})
# What the request was at fault for would fail with any model: it says nothing of this one.
_CALLERS_FAULT = frozenset({400, 413, 422})


@dataclass(frozen=True)
class Report:
    """What became of one call. `status` is the model server's, None when it gave none; times are in seconds."""

    ok: bool
    status: int | None = None
    code: str | None = None
    retry_after: float | None = None

    @property
    def counts(self) -> bool:
        """Whether it says anything of the model."""
        return self.ok or self.status not in _CALLERS_FAULT


@dataclass(frozen=True)
class Breaker:
    """`failures` in a row; left out until `open_until` (seconds of the epoch), for `hold` seconds. `why` in words."""

    failures: int = 0
    open_until: float = 0.0
    hold: float = 0.0
    why: str = ""

    @property
    def is_marked(self) -> bool:
        """Whether an answer is worth a report: it failed since its last good one."""
        return self.failures > 0

    def is_open(self, now: float) -> bool:
        """Whether the model is left out at `now`."""
        return now < self.open_until

    def is_half_open(self, now: float) -> bool:
        """Whether one request may try it, while others still go elsewhere."""
        return self.hold > 0 and not self.is_open(now)


CLOSED = Breaker()


def after(breaker: Breaker, report: Report, now: float) -> Breaker:
    """The breaker after a report at `now`."""
    if report.ok:
        return CLOSED
    if not report.counts:
        return breaker
    failures = breaker.failures + 1
    told = report.retry_after if report.status in _OVERLOADED else None
    if breaker.is_open(now) and told is None:
        # Calls that had begun before it opened: one trouble, not several.
        return replace(breaker, failures=failures)
    if failures < FAILURES and told is None:
        return replace(breaker, failures=failures, why=_describe(report))
    hold = breaker.hold if breaker.is_open(now) else min(max(breaker.hold * 2, FIRST_HOLD), LONGEST_HOLD)
    wait = min(max(hold, told or 0.0), LONGEST_HOLD)
    return Breaker(failures, max(breaker.open_until, now + wait), hold or FIRST_HOLD, _describe(report))


def _describe(report: Report) -> str:
    if report.status is not None:
        return f"it answered with status {report.status}"
    return "it did not answer in time" if report.code in ("model_timeout", "timeout") else "it could not be reached"
