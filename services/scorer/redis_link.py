"""The one connection to Redis that the scorer's parts share, which may be away."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)

T = TypeVar("T")

_TIMEOUT_SECONDS = 0.25
_REST_SECONDS = 3.0


class RedisAway(Exception):
    """Redis does not answer, or did not a moment ago."""


class RedisLink:
    """Asks Redis.

    After a failure Redis is left alone for three seconds, then one caller tries it again while the
    others still go without: a dead Redis costs at most one timeout every three seconds.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        password: str | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connects at the first use, not here."""
        self._redis = redis.Redis(
            host=host,
            port=port,
            password=password,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            socket_timeout=_TIMEOUT_SECONDS,
            # The library's own three retries would wait through each timeout again.
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,
        )
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._problem: str | None = None
        self._try_again_at = 0.0

    def get(self, key: str) -> bytes | str | None:
        """The value under `key`, or None; raises RedisAway."""
        value: bytes | str | None = self.ask(lambda client: client.get(key))
        return value

    def put(self, key: str, value: str, seconds: int) -> None:
        """Keep `value` under `key` for so long; raises RedisAway."""
        self.ask(lambda client: client.set(key, value, ex=seconds))

    def script(self, text: str) -> Callable[..., Any]:
        """A Lua script, to be called with `keys`, `args` and the `client` of a question."""
        script: Callable[..., Any] = self._redis.register_script(text)
        return script

    def ask(self, question: Callable[[Any], T]) -> T:
        """What `question` gets from the client; raises RedisAway."""
        if self._problem is not None:
            self._wait_for_turn()
        try:
            answer = question(self._redis)
        except (redis.RedisError, OSError) as error:
            self._fail(error)
            raise RedisAway from None
        if self._problem is not None:
            log.info("redis answers again")
            self._problem = None
        return answer

    def problem(self) -> str | None:
        """Why Redis cannot be used now, and what that means; None when it answers."""
        try:
            self.ask(lambda client: client.ping())
        except RedisAway:
            return self._problem
        return None

    def _wait_for_turn(self) -> None:
        with self._lock:
            now = self._monotonic()
            if now < self._try_again_at:
                raise RedisAway
            self._try_again_at = now + _REST_SECONDS

    def _fail(self, error: Exception) -> None:
        refused = isinstance(error, redis.AuthenticationError | redis.ResponseError)
        what = "refuses" if refused else "does not answer"
        name = type(error).__name__
        problem = f"Redis {what} ({name}): answers are not cached, limits and model health hold for each process alone"
        if self._problem is None:
            log.warning(problem)
        with self._lock:
            self._problem = problem
            self._try_again_at = self._monotonic() + _REST_SECONDS
        # The other connections of the pool are dead as well; each would fail once more.
        self._redis.connection_pool.disconnect(inuse_connections=False)
