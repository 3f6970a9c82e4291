"""Requests whose caller went away: whoever holds the socket marks them, whoever asks a model looks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from services.scorer.redis_link import RedisAway, RedisLink

KEEP_SECONDS = 600
"""How long a mark holds: no model call of the chat flow takes longer."""

_PREFIX = "hybrid-ai:cancelled:v1:"
_MOST_MARKS = 10_000


class Cancellations:
    """Marks in Redis, which all scorers share; what Redis does not take is known to this process only."""

    def __init__(self, link: RedisLink | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._link = link
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}
        """By request id, the oldest mark first: when it ends."""

    def mark(self, request_id: str) -> None:
        """Remember for ten minutes that nobody waits for this request."""
        if self._link is not None:
            try:
                self._link.put(_PREFIX + request_id, "1", KEEP_SECONDS)
            except RedisAway:
                pass
            else:
                return
        with self._lock:
            self._forget_old()
            self._until[request_id] = self._monotonic() + KEEP_SECONDS

    def is_marked(self, request_id: str) -> bool:
        """Whether the request was marked in the last ten minutes, as far as is known here."""
        if self._until.get(request_id, 0.0) > self._monotonic():
            return True
        if self._link is None:
            return False
        try:
            return self._link.get(_PREFIX + request_id) is not None
        except RedisAway:
            return False

    def _forget_old(self) -> None:
        now = self._monotonic()
        for request_id, until in list(self._until.items()):
            if until > now and len(self._until) < _MOST_MARKS:
                return
            del self._until[request_id]
