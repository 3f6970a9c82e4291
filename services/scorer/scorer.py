"""What the scorer answers: scores, routes with the cache in front, the models and the policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from time import perf_counter
from typing import Any

from services.catalog import Catalogue, Model, UnknownModel
from services.runtime.errors import ApiError
from services.scorer.availability import Availability, AvailabilityWatch
from services.scorer.cache import AnswerCache, CacheAway, is_whole
from services.scorer.candidates import Candidates
from services.scorer.checks import Verdict, VerifyRequest, verify_answer
from services.scorer.live_policy import LivePolicy
from services.scorer.metrics import ScorerMetrics
from services.scorer.outcomes.errors import OutcomesUnavailable
from services.scorer.outcomes.recorder import Recorder
from services.scorer.outcomes.records import outcome_records, route_record
from services.scorer.policy import Policy
from services.scorer.request import RouteRequest, read_request
from services.scorer.route import Route, decide_route
from services.scorer.score import Score, score_prompts
from services.scorer.steering import Steering
from services.scorer.tuning import tune


@dataclass(frozen=True)
class Answer:
    """A route, with what the caller needs to use the cache.

    `on_trial` are models that failed lately: good answers of them are to be reported too.
    """

    route: Route
    cache_key: str | None = None
    cached_answer: dict[str, Any] | None = None
    on_trial: frozenset[str] = frozenset()


@dataclass(frozen=True)
class DryRun:
    """How hard a prompt is, with the words that say so, and the route that it would take now."""

    score: Score
    route: Route


@dataclass(frozen=True)
class TokenCount:
    """An estimate of a request's tokens; `model` is None where the caller leaves the choice to the policy."""

    input_tokens: int
    model: Model | None


class PromptTooLong(ApiError):
    """The prompt is longer than the policy allows."""

    status = 413
    code = "prompt_too_long"


@dataclass(frozen=True)
class Scorer:
    """The parts of the service put together. `cache` and `recorder` are None when they are switched off."""

    catalogue: Catalogue
    policy: LivePolicy
    watch: AvailabilityWatch
    cache: AnswerCache | None
    metrics: ScorerMetrics
    clock: Callable[[], datetime]
    recorder: Recorder | None = None
    steering: Steering | None = None

    def available(self) -> Availability:
        """Which models can be used now: those that are there and do not fail."""
        there = self.watch.current()
        failing = self.steering.health.left_out() if self.steering else {}
        return Availability({**failing, **there.unavailable})

    def score(self, prompts: Sequence[str]) -> list[Score]:
        """The complexity of each prompt with the tuning in force, timed."""
        tuning = self.policy.current().tuning
        return [tune(score, tuning) for score in self._score(prompts)]

    def dry_run(self, prompt: str) -> DryRun:
        """Where a chat with this prompt alone would go; nothing is looked up, counted or recorded.

        Raises PromptTooLong.
        """
        policy, available, now = self.policy.current(), self.watch.current(), self.clock()
        limit = policy.max_prompt_characters
        if len(prompt) > limit:
            message = f"The prompt has {len(prompt)} characters; the limit is {limit}. Shorten it."
            raise PromptTooLong(message, field="prompt")
        score = tune(self._score([prompt], explain=True)[0], policy.tuning)
        request = read_request({"prompt": prompt})
        return DryRun(score, decide_route(request, score, policy, self.catalogue, available, now))

    def route(self, request: RouteRequest) -> Answer:
        """Where a request goes, or the answer that the cache has for it."""
        policy, available, now = self.policy.current(), self.watch.current(), self.clock()
        untuned = self._score([request.prompt])[0]
        score = tune(untuned, policy.tuning)
        route = decide_route(request, score, policy, self.catalogue, available, now)
        answer = self._look_up(request, route)
        if self.steering is not None and answer.cached_answer is None:
            candidates = Candidates(request, policy, self.catalogue, available, now)
            answer = self._steer(self.steering, answer, request, policy, candidates)
        self.metrics.count_route(answer.route)
        if self.recorder is not None and answer.route.decision in ("local", "cloud"):
            candidates = Candidates(request, policy, self.catalogue, available, now)
            is_cloud = answer.route.decision == "cloud"
            cloud_cost = answer.route.estimated_cost if is_cloud else candidates.cost(candidates.cloud_model)
            keep_prompt = self.recorder.keep_prompts and not request.local_only
            self.recorder.offer_route(route_record(request, answer.route, untuned, cloud_cost, now, keep_prompt))
        return answer

    def count(self, request: RouteRequest) -> TokenCount:
        """About how many tokens a request has, and the model that it names; UnknownModel for a name of none."""
        model = None if request.model == "auto" else self.catalogue.find(request.model)
        return TokenCount(request.input_tokens, model)

    def verify(self, request: VerifyRequest) -> Verdict:
        """Whether an answer is fit to be sent, timed and counted."""
        with self.metrics.verify_seconds.time():
            verdict = verify_answer(request)
        self.metrics.count_verdict(verdict)
        return verdict

    def tell_outcomes(self, bodies: Sequence[Mapping[str, Any]]) -> bool:
        """Take in outcomes that satisfy the schema; False where none are kept.

        Raises OutcomesUnavailable when there is no room for all of them.
        """
        if self.recorder is None:
            return False
        if not self.recorder.offer(outcome_records(bodies, self.clock())):
            raise OutcomesUnavailable
        return True

    def keep_answer(self, key: str, answer: dict[str, Any]) -> bool:
        """Put an answer into the cache, unless it was cut or failed its checks; whether that worked."""
        if self.cache is None or not is_whole(answer):
            return False
        try:
            self.cache.put(key, answer)
        except CacheAway:
            return False
        return True

    def _steer(
        self, steering: Steering, answer: Answer, request: RouteRequest, policy: Policy, candidates: Candidates
    ) -> Answer:
        route = steering.steer(answer.route, request, policy, candidates.cost)
        chain = {model.name for model in (route.model, *route.fallbacks) if model is not None}
        # An answer of what stood in for a while is not kept for when the right model is back.
        kept = route.model is answer.route.model
        return Answer(route, answer.cache_key if kept else None, on_trial=steering.health.marked() & chain)

    def _score(self, prompts: Sequence[str], *, explain: bool = False) -> list[Score]:
        begun = perf_counter()
        scores = score_prompts(prompts, explain=explain)
        self.metrics.time_scores(len(prompts), perf_counter() - begun)
        return scores

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
        hit = replace(route, decision="cached", model=model, reasoning=reasoning, estimated_cost=Decimal(0))
        return replace(hit, fallbacks=(), local_fallback=None)
