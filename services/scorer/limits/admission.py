"""Letting chats in: one question before an execution starts, one report after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from services.catalog import UnknownModel
from services.scorer.limits.desk import Desk, Entrant, Entry, Flight
from services.scorer.limits.rate import RateLimit, RateState
from services.scorer.request import RouteRequest
from services.scorer.route import Refusal
from services.scorer.scorer import Answer, Scorer

_NO_KEY = "none"


@dataclass(frozen=True)
class Admit:
    """A chat at the door, with what its API key may do.

    `rate_limit` is in requests a minute; it and `most_at_once` are None where the settings hold.
    `waited`: it comes again, after identical requests. `takes_cached`: the caller can give it a cached
    answer by itself.
    """

    request: RouteRequest
    request_id: str
    key_id: str | None = None
    rate_limit: int | None = None
    most_at_once: int | None = None
    waited: bool = False
    takes_cached: bool = True


@dataclass(frozen=True)
class Admission:
    """What becomes of it. `answer` is the route of a cached one, `leader` the request that is waited for."""

    decision: Literal["go", "wait", "cached", "refused"]
    rate: RateState | None = None
    cache_key: str | None = None
    leader: str | None = None
    answer: Answer | None = None
    error: Refusal | None = None


@dataclass(frozen=True)
class Limits:
    """The settings for keys that bring none of their own. None: no limit."""

    rate: RateLimit | None
    most_at_once: int | None


@dataclass(frozen=True)
class FrontDesk:
    """Admission in front of a scorer."""

    scorer: Scorer
    desk: Desk
    limits: Limits

    def admit(self, admit: Admit) -> Admission:
        """Whether a chat may start now, must wait for an identical one, or has its answer in the cache."""
        key = self._cache_key(admit.request)
        rate, most = self._limits_of(admit)
        entry = self.desk.enter(
            Entrant(
                request_id=admit.request_id,
                key_id=admit.key_id or _NO_KEY,
                rate=rate,
                most_at_once=most,
                flight=key,
                counted=not admit.waited,
                takes_cached=admit.takes_cached,
            )
        )
        if entry.ticket == "cached":
            answer = self.scorer.route(admit.request)
            # The answer may be gone by now, or the policy may refuse the request: the flow sees to both.
            if answer.cached_answer is None:
                return Admission("go", entry.rate, key)
            return Admission("cached", entry.rate, key, answer=answer)
        if entry.ticket == "wait":
            return Admission("wait", entry.rate, key, leader=entry.leader)
        if entry.ticket == "go":
            return Admission("go", entry.rate, key)
        return Admission("refused", entry.rate, error=_refusal(entry, rate, most))

    def look(self, cache_keys: Sequence[str], alive: Sequence[str]) -> dict[str, Flight]:
        """What became of the requests that others wait for, by cache key; those `alive` keep their places."""
        return dict(zip(cache_keys, self.desk.look(cache_keys, alive), strict=True))

    def finish(self, request_id: str, *, ok: bool, cache_key: str | None, answer: Mapping[str, Any] | None) -> bool:
        """The end of a chat: its answer goes into the cache first, where it may, then its places are free."""
        stored = False
        if ok and cache_key is not None and answer is not None:
            stored = self.scorer.keep_answer(cache_key, dict(answer))
        self.desk.leave(request_id, ok=ok, stored=stored)
        return stored

    def _limits_of(self, admit: Admit) -> tuple[RateLimit | None, int | None]:
        rate = self.limits.rate if admit.rate_limit is None else RateLimit(admit.rate_limit, 60)
        return rate, self.limits.most_at_once if admit.most_at_once is None else admit.most_at_once

    def _cache_key(self, request: RouteRequest) -> str | None:
        """The key that the route will have; None for a request that shares no answer."""
        if self.scorer.cache is None or not request.use_cached:
            return None
        if request.model == "auto":
            return request.cache_key("auto")
        try:
            return request.cache_key(self.scorer.catalogue.find(request.model).name)
        except UnknownModel:
            return None


def _refusal(entry: Entry, rate: RateLimit | None, most: int | None) -> Refusal:
    if entry.ticket == "rate_limited" and rate is not None and entry.rate is not None:
        wait = max(-int(-entry.rate.retry_after // 1), 1)
        each = {1: "a second", 60: "a minute", 3_600: "an hour", 86_400: "a day"}.get(rate.seconds, "a period")
        message = f"This API key may send {rate.requests} requests {each}. Try again in {wait} s."
        return Refusal("rate_limited", message, 429, retry_after=wait)
    message = f"This API key has {most} requests under way already, as many as it may. Try again when one has ended."
    return Refusal("too_many_at_once", message, 429, retry_after=1)
