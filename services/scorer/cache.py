"""Answers to exactly the same request, kept in Redis for a while. Without Redis there are none."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from services.scorer.redis_link import RedisAway, RedisLink

log = logging.getLogger(__name__)

ANSWER_PREFIX = "hybrid-ai:answer:v1:"
"""Before the cache key, in Redis."""

# Stopped at a limit, or in the middle of a stream: another request might get the whole answer.
_CUT = frozenset({"max_tokens", "length", "stream_cut", "model_context_window_exceeded"})


class CacheAway(Exception):
    """Redis does not answer, or did not a moment ago."""


def is_whole(answer: Mapping[str, Any]) -> bool:
    """Whether an answer may be given again: not cut, and not one that failed its checks."""
    return answer.get("stop_reason") not in _CUT and answer.get("accepted") is not False


class AnswerCache:
    """The response cache."""

    def __init__(self, link: RedisLink, *, ttl_seconds: int = 86_400) -> None:
        """Answers are kept for `ttl_seconds`."""
        self._link = link
        self._ttl_seconds = ttl_seconds

    def get(self, key: str) -> dict[str, Any] | None:
        """The answer kept under `key`, or None; raises CacheAway."""
        try:
            stored = self._link.get(ANSWER_PREFIX + key)
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
            self._link.put(ANSWER_PREFIX + key, text, self._ttl_seconds)
        except RedisAway:
            raise CacheAway from None
