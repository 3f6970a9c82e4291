"""The desk in Redis while it answers, and one of this process's own while it does not."""

from __future__ import annotations

from collections.abc import Sequence

from services.scorer.limits.desk import Desk, Entrant, Entry, Flight, QueuePlace
from services.scorer.redis_link import RedisAway


class SharedDesk:
    """Never raises RedisAway."""

    def __init__(self, shared: Desk, own: Desk) -> None:
        """`shared` may raise RedisAway, `own` stands in for it."""
        self._shared = shared
        self._own = own

    def enter(self, entrant: Entrant) -> Entry:
        """As Desk says."""
        try:
            return self._shared.enter(entrant)
        except RedisAway:
            return self._own.enter(entrant)

    def look(self, cache_keys: Sequence[str], alive: Sequence[str]) -> list[Flight]:
        """As Desk says."""
        alone = self._own.look(cache_keys, alive)
        try:
            return self._shared.look(cache_keys, alive)
        except RedisAway:
            return alone

    def queue_local(self, request_id: str, most: int) -> QueuePlace:
        """As Desk says."""
        try:
            return self._shared.queue_local(request_id, most)
        except RedisAway:
            return self._own.queue_local(request_id, most)

    def leave(self, request_id: str, *, ok: bool, stored: bool) -> None:
        """As Desk says; what was entered before Redis went or came is freed where it is known."""
        self._own.leave(request_id, ok=ok, stored=stored)
        try:
            self._shared.leave(request_id, ok=ok, stored=stored)
        except RedisAway:
            return

    def inside(self) -> int:
        """As Desk says."""
        own = self._own.inside()
        try:
            return own + self._shared.inside()
        except RedisAway:
            return own
