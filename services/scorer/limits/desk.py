"""The desk that every chat passes: what it is asked, what it says, and what keeps the books of who is inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from services.scorer.limits.rate import RateLimit, RateState

LEASE_SECONDS = 15.0
"""How long a request holds its places without a sign of life of the process that has its socket."""
UNSHARED_SECONDS = 5.0
"""How long identical requests do not wait for each other, after an answer that could not be shared."""

Ticket = Literal["go", "wait", "cached", "rate_limited", "too_many_at_once"]
Flight = Literal["answered", "wait", "free"]


@dataclass(frozen=True)
class Entrant:
    """A request at the door.

    `rate` and `most_at_once` are None for no limit. `flight` is the cache key by which identical
    requests know each other, None for one that shares no answer. `counted` is False when it comes
    again after waiting. `takes_cached`: it need not come in when the cache has its answer.
    """

    request_id: str
    key_id: str
    rate: RateLimit | None = None
    most_at_once: int | None = None
    flight: str | None = None
    counted: bool = True
    takes_cached: bool = True


@dataclass(frozen=True)
class Entry:
    """What the desk says. `leader` is the request to wait for; `rate` is None where there is no limit."""

    ticket: Ticket
    leader: str | None = None
    rate: RateState | None = None


@dataclass(frozen=True)
class QueuePlace:
    """Whether a request may wait for the local model, how many do, and the seconds that each takes there."""

    admitted: bool
    ahead: int = 0
    seconds_each: float | None = None


class Desk(Protocol):
    """Who is inside, by leases: what is not renewed is let go."""

    def enter(self, entrant: Entrant) -> Entry:
        """Check the rate and the places of the key, and give a lease to a request that may go.

        Of identical requests one goes at a time. A request that waits, is cached or is refused holds nothing.
        """
        ...

    def look(self, cache_keys: Sequence[str], alive: Sequence[str]) -> list[Flight]:
        """What became of each flight; the leases of the requests `alive` are renewed."""
        ...

    def queue_local(self, request_id: str, most: int) -> QueuePlace:
        """A place at the local models, unless `most` are taken. A request that did not enter needs none."""
        ...

    def leave(self, request_id: str, *, ok: bool, stored: bool) -> None:
        """Free all that a request holds. `ok`: it was answered; `stored`: the cache has the answer."""
        ...

    def inside(self) -> int:
        """Requests under way."""
        ...
