"""The breakers of all models, shared by all scorers through Redis; each for itself while Redis is away."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import redis

from services.scorer.health.breaker import CLOSED, TRIAL_SECONDS, Breaker, Report, after
from services.scorer.redis_link import RedisAway, RedisLink

_BREAKERS = "hybrid-ai:health:v1"
_TRIAL = "hybrid-ai:health-trial:v1:"
_FRESH_SECONDS = 0.25  # how long another scorer's news may take
_ATTEMPTS = 5


class ModelHealth:
    """Takes reports of calls in, and says which models to leave out."""

    def __init__(self, link: RedisLink | None, clock: Callable[[], float] = time.time) -> None:
        """Without a `link` each process knows only what it was told itself."""
        self._link = link
        self._clock = clock
        self._lock = threading.Lock()
        self._own: dict[str, Breaker] = {}
        self._trials: dict[str, float] = {}
        self._read_at = float("-inf")

    def report(self, model: str, report: Report) -> None:
        """Take one report in."""
        if not report.counts:
            return
        now = self._clock()
        try:
            breaker = self._update_shared(model, report, now)
        except RedisAway:
            with self._lock:
                breaker = after(self._own.get(model, CLOSED), report, now)
        with self._lock:
            self._keep(model, breaker)
            self._trials.pop(model, None)

    def may_use(self, model: str) -> bool:
        """Whether a request may go to `model` now. Of a half-open one this is the trial: it is True only once."""
        breaker = self._breakers().get(model)
        now = self._clock()
        if breaker is None or breaker.hold == 0:
            return True
        return breaker.is_half_open(now) and self._claim(model, now)

    def left_out(self) -> dict[str, str]:
        """Why each model that is left out now is, in words; the one that may be used soonest comes first."""
        now = self._clock()
        out = {name: breaker for name, breaker in self._breakers().items() if breaker.hold > 0}
        in_order = sorted(out.items(), key=lambda item: item[1].open_until)
        return {name: _reason(breaker, now) for name, breaker in in_order}

    def marked(self) -> frozenset[str]:
        """The models of which good answers are to be reported too."""
        return frozenset(name for name, breaker in self._breakers().items() if breaker.is_marked)

    def _breakers(self) -> Mapping[str, Breaker]:
        now = self._clock()
        if self._link is not None and not 0 <= now - self._read_at < _FRESH_SECONDS:
            try:
                stored = self._link.ask(lambda client: client.hgetall(_BREAKERS))
            except RedisAway:
                return dict(self._own)
            with self._lock:
                self._own = {name.decode(): _read(text) for name, text in stored.items()}
                self._read_at = now
        return dict(self._own)

    def _update_shared(self, model: str, report: Report, now: float) -> Breaker:
        if self._link is None:
            raise RedisAway

        def question(client: Any) -> Breaker:
            for attempt in range(_ATTEMPTS):
                with client.pipeline() as pipe:
                    pipe.watch(_BREAKERS)
                    stored = pipe.hget(_BREAKERS, model)
                    breaker = after(_read(stored) if stored else CLOSED, report, now)
                    pipe.multi()
                    if breaker == CLOSED:
                        pipe.hdel(_BREAKERS, model)
                    else:
                        pipe.hset(_BREAKERS, model, json.dumps(asdict(breaker)))
                    pipe.delete(_TRIAL + model)
                    try:
                        pipe.execute()
                    except redis.WatchError:
                        if attempt + 1 < _ATTEMPTS:
                            continue
                return breaker
            return breaker

        return self._link.ask(question)

    def _claim(self, model: str, now: float) -> bool:
        if self._link is not None:
            try:
                milliseconds = int(TRIAL_SECONDS * 1000)
                return bool(self._link.ask(lambda client: client.set(_TRIAL + model, "1", nx=True, px=milliseconds)))
            except RedisAway:
                pass
        with self._lock:
            if self._trials.get(model, 0.0) > now:
                return False
            self._trials[model] = now + TRIAL_SECONDS
            return True

    def _keep(self, model: str, breaker: Breaker) -> None:
        if breaker == CLOSED:
            self._own.pop(model, None)
        else:
            self._own[model] = breaker


def _read(text: bytes) -> Breaker:
    try:
        return Breaker(**json.loads(text))
    except (ValueError, TypeError):
        return CLOSED


def _reason(breaker: Breaker, now: float) -> str:
    left = breaker.open_until - now
    until = f"it is left out for {left:.0f} s more" if left >= 1 else "one request tries it again"
    return (
        f"{breaker.why} {breaker.failures} times in a row; {until}"
        if breaker.failures > 1
        else f"{breaker.why}; {until}"
    )
