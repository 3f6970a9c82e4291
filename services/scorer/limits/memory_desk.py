"""The desk of one process, for while Redis is away. Without a cache there is no answer to share: nobody waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.scorer.limits.desk import LEASE_SECONDS, Entrant, Entry, Flight, QueuePlace
from services.scorer.limits.pace import next_pace
from services.scorer.limits.rate import RateState, take

_PRUNE_ABOVE = 10_000  # keys


@dataclass
class _Guest:
    key_id: str
    until: float
    queued_at: float | None = None
    ahead: int = 0


class MemoryDesk:
    """Leases, rates and the local queue in memory."""

    def __init__(self, clock: Callable[[], float] = time.time, *, lease_seconds: float = LEASE_SECONDS) -> None:
        """`clock` gives seconds."""
        self._lease = lease_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._full_at: dict[str, float] = {}
        self._guests: dict[str, _Guest] = {}
        self._pace: float | None = None

    def enter(self, entrant: Entrant) -> Entry:
        """As Desk says."""
        with self._lock:
            now = self._now()
            full_at, state = self._rate(entrant, now)
            if state is not None and state.retry_after > 0:
                return Entry("rate_limited", rate=state)
            others = [
                g for name, g in self._guests.items() if g.key_id == entrant.key_id and name != entrant.request_id
            ]
            if entrant.most_at_once is not None and len(others) >= entrant.most_at_once:
                return Entry("too_many_at_once", rate=state)
            if full_at is not None:
                self._full_at[entrant.key_id] = full_at
            self._guests[entrant.request_id] = _Guest(entrant.key_id, now + self._lease)
            return Entry("go", rate=state)

    def look(self, cache_keys: Sequence[str], alive: Sequence[str]) -> list[Flight]:
        """As Desk says."""
        with self._lock:
            now = self._now()
            for name in alive:
                if name in self._guests:
                    self._guests[name].until = now + self._lease
        return ["free"] * len(cache_keys)

    def queue_local(self, request_id: str, most: int) -> QueuePlace:
        """As Desk says."""
        with self._lock:
            now = self._now()
            guest = self._guests.get(request_id)
            if guest is None or guest.queued_at is not None:
                return QueuePlace(admitted=True)
            ahead = sum(other.queued_at is not None for other in self._guests.values())
            if ahead >= most:
                return QueuePlace(False, ahead, self._pace)
            guest.queued_at, guest.ahead = now, ahead
            return QueuePlace(True, ahead, self._pace)

    def leave(self, request_id: str, *, ok: bool, stored: bool) -> None:
        """As Desk says."""
        with self._lock:
            guest = self._guests.pop(request_id, None)
            if ok and guest is not None and guest.queued_at is not None:
                self._pace = next_pace(self._pace, self._clock() - guest.queued_at, guest.ahead)

    def inside(self) -> int:
        """As Desk says."""
        with self._lock:
            self._now()
            return len(self._guests)

    def _rate(self, entrant: Entrant, now: float) -> tuple[float | None, RateState | None]:
        if entrant.rate is None or not entrant.counted:
            return None, None
        if len(self._full_at) > _PRUNE_ABOVE:
            self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        return take(self._full_at.get(entrant.key_id, now), now, entrant.rate)

    def _now(self) -> float:
        """The time; leases that are over by then are gone."""
        now = self._clock()
        for name in [name for name, guest in self._guests.items() if guest.until <= now]:
            del self._guests[name]
        return now
