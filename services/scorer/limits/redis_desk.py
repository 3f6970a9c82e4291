"""The desk that all scorers share, in Redis: each step is one Lua script, so that no two come between each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from services.scorer.cache import ANSWER_PREFIX
from services.scorer.limits.desk import (
    LEASE_SECONDS,
    UNSHARED_SECONDS,
    Entrant,
    Entry,
    Flight,
    QueuePlace,
    Ticket,
)
from services.scorer.limits.rate import RateState
from services.scorer.redis_link import RedisLink

_PREFIX = "hybrid-ai:desk:v1:"
_RATE, _SLOTS, _REQUEST, _FLIGHT = (f"{_PREFIX}{name}:" for name in ("rate", "slots", "request", "flight"))
_ALL, _LOCAL, _PACE = (f"{_PREFIX}{name}" for name in ("inside", "local", "pace"))
_SCRIPTS = Path(__file__).with_name("lua")


class RedisDesk:
    """Raises RedisAway from every method while Redis is away."""

    def __init__(
        self, link: RedisLink, clock: Callable[[], float] | None = None, *, lease_seconds: float = LEASE_SECONDS
    ) -> None:
        """`clock` gives seconds; without one Redis's own clock holds, which all scorers share."""
        self._link = link
        self._lease_ms = int(lease_seconds * 1000)
        self._clock = clock
        self._enter, self._renew, self._queue, self._leave = (
            link.script((_SCRIPTS / f"{name}.lua").read_text("utf-8")) for name in ("enter", "renew", "queue", "leave")
        )

    def enter(self, entrant: Entrant) -> Entry:
        """As Desk says."""
        rate = entrant.rate if entrant.counted else None
        keys = [
            _RATE + entrant.key_id,
            _SLOTS + entrant.key_id,
            _ALL,
            _REQUEST + entrant.request_id,
            _FLIGHT + (entrant.flight or ""),
            ANSWER_PREFIX + (entrant.flight or ""),
        ]
        limits = [rate.requests if rate else 0, rate.seconds * 10**6 if rate else 0, entrant.most_at_once or 0]
        flags = [int(entrant.flight is not None), int(entrant.takes_cached)]
        arguments = [self._now(), entrant.request_id, entrant.key_id, *limits, self._lease_ms, *flags]
        said = self._link.ask(lambda client: self._enter(keys=keys, args=arguments, client=client))
        state = None
        if rate is not None:
            state = RateState(rate.requests, said[2], said[3] / 1e6, said[4] / 1e6)
        return Entry(cast(Ticket, said[0].decode()), said[1].decode() or None, state)

    def look(self, cache_keys: Sequence[str], alive: Sequence[str]) -> list[Flight]:
        """As Desk says."""

        def question(client: Any) -> list[Any]:
            if alive:
                arguments = [self._now(), self._lease_ms, _SLOTS, _REQUEST, *alive]
                self._renew(keys=[_ALL, _LOCAL], args=arguments, client=client)
            if not cache_keys:
                return []
            # Flights first: who ends one stores the answer before.
            with client.pipeline(transaction=False) as pipe:
                pipe.mget([_FLIGHT + key for key in cache_keys])
                for key in cache_keys:
                    pipe.exists(ANSWER_PREFIX + key)
                found: list[Any] = pipe.execute()
            return found

        leaders, *answered = self._link.ask(question) or [[]]
        return [_flight(leader, bool(there)) for leader, there in zip(leaders, answered, strict=True)]

    def queue_local(self, request_id: str, most: int) -> QueuePlace:
        """As Desk says."""
        keys = [_LOCAL, _REQUEST + request_id, _PACE]
        arguments = [self._now(), request_id, most, self._lease_ms]
        said = self._link.ask(lambda client: self._queue(keys=keys, args=arguments, client=client))
        return QueuePlace(bool(said[0]), said[1], float(said[2]) if said[2] else None)

    def leave(self, request_id: str, *, ok: bool, stored: bool) -> None:
        """As Desk says."""
        keys = [_ALL, _LOCAL, _REQUEST + request_id, _PACE]
        arguments = [self._now(), request_id, _SLOTS, int(ok), int(stored), int(UNSHARED_SECONDS * 1000)]
        self._link.ask(lambda client: self._leave(keys=keys, args=arguments, client=client))

    def inside(self) -> int:
        """As Desk says."""

        def question(client: Any) -> int:
            now = self._clock() if self._clock else client.time()[0]
            return int(client.zcount(_ALL, f"({now * 1000:.0f}", "+inf"))

        return self._link.ask(question)

    def _now(self) -> str:
        return f"{self._clock() * 1e6:.0f}" if self._clock else ""


def _flight(leader: bytes | None, answered: bool) -> Flight:
    if answered:
        return "answered"
    return "free" if leader in (None, b"-") else "wait"
