"""Answers to exactly the same request, kept in Redis for a while. Without Redis there are none."""

from __future__ import annotations

import json
import logging
from typing import Any

from services.scorer.redis_link import RedisAway, RedisLink

log = logging.getLogger(__name__)

_PREFIX = "hybrid-ai:answer:v1:"


class CacheAway(Exception):
    """Redis does not answer, or did not a moment ago."""


class AnswerCache:
    """The response cache."""

    def __init__(self, link: RedisLink, *, ttl_seconds: int = 86_400) -> None:
        self._link = link
        self._ttl_seconds = ttl_seconds

    def get(self, key: str) -> dict[str, Any] | None:
        """The answer kept under `key`, or None; raises CacheAway."""
        try:
            stored = self._link.get(_PREFIX + key)
        except RedisAway:
            raise CacheAway from None
        if stored is None:
            return None
        try:
            answer = json.loads(stored)
        except (ValueError, RecursionError):
            log.warning("a cached answer is not JSON and is left out")
            return None
        return answer if isinstance(answer, dict) else None

    def put(self, key: str, answer: dict[str, Any]) -> None:
        """Keep `answer` under `key` for the time to live; raises CacheAway."""
        text = json.dumps(answer, separators=(",", ":"))
        try:
            self._link.put(_PREFIX + key, text, self._ttl_seconds)
        except RedisAway:
            raise CacheAway from None

    def problem(self) -> str | None:
        """Why there is no cache now; None when Redis answers."""
        problem = self._link.problem()
        return problem and f"{problem}: answers are not cached"
