"""What the scorer answers: scores, routes with the cache in front, the models and the policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.catalog import Catalogue, Model, UnknownModel
from services.scorer.availability import AvailabilityWatch
from services.scorer.cache import AnswerCache, CacheAway
from services.scorer.live_policy import LivePolicy
from services.scorer.metrics import ScorerMetrics
from services.scorer.request import RouteRequest
from services.scorer.route import Route, decide_route
from services.scorer.score import Score, score_prompt


@dataclass(frozen=True)
class Answer:
    """A route, with what the caller needs to use the cache."""

    route: Route
    cache_key: str | None = None
    cached_answer: dict[str, Any] | None = None


@dataclass(frozen=True)
class Scorer:
    """The parts of the service put together. `cache` is None when it is switched off."""

    catalogue: Catalogue
    policy: LivePolicy
    watch: AvailabilityWatch
    cache: AnswerCache | None
    metrics: ScorerMetrics
    clock: Callable[[], datetime]

    def score(self, prompt: str) -> Score:
        """The complexity of a prompt, timed."""
        with self.metrics.score_seconds.time():
            return score_prompt(prompt)

    def route(self, request: RouteRequest) -> Answer:
        """Where a request goes, or the answer that the cache has for it."""
        score = self.score(request.prompt)
        route = decide_route(request, score, self.policy.current(), self.catalogue, self.watch.current(), self.clock())
        answer = self._look_up(request, route)
        self.metrics.count_route(answer.route)
        return answer

    def keep_answer(self, key: str, answer: dict[str, Any]) -> bool:
        """Put an answer into the cache; whether that worked."""
        if self.cache is None:
            return False
        try:
            self.cache.put(key, answer)
        except CacheAway:
            return False
        return True

    def _look_up(self, request: RouteRequest, route: Route) -> Answer:
        if self.cache is None or route.model is None:
            return Answer(route)
        key = request.cache_key("auto" if request.model == "auto" else route.model.name)
        if key is None or not request.use_cached:
            self.metrics.count_cache("skipped")
            return Answer(route, key)
        try:
            found = self.cache.get(key)
        except CacheAway:
            self.metrics.count_cache("unavailable")
            return Answer(route, key)
        self.metrics.count_cache("miss" if found is None else "hit")
        return Answer(route, key) if found is None else Answer(self._cached(route, found), key, found)

    def _cached(self, route: Route, found: dict[str, Any]) -> Route:
        try:
            model: Model | None = self.catalogue.find(str(found.get("model")))
        except UnknownModel:
            model = route.model
        complexity = route.reasoning.partition(": ")[0]
        reasoning = f"{complexity}: the same request was answered before; the answer is from the cache."
        return replace(
            route, decision="cached", model=model, reasoning=reasoning, estimated_cost=Decimal(0), fallbacks=()
        )
