"""The decision: which model answers a request, which ones stand in for it, or why none can."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from services.catalog import Catalogue, Model, UnknownModel
from services.catalog.models import Tier
from services.scorer.availability import Availability
from services.scorer.candidates import Candidates, Obstacle
from services.scorer.need import Level, Need
from services.scorer.policy import Policy
from services.scorer.request import RouteRequest
from services.scorer.score import Factor, Score

Decision = Literal["cached", "local", "cloud", "refused"]


@dataclass(frozen=True)
class Refusal:
    """Why a request cannot be answered: a code, a sentence with what to do, and the HTTP status.

    `retry_after` is in seconds, None where waiting does not help.
    """

    code: str
    message: str
    status: int
    retry_after: int | None = None


@dataclass(frozen=True)
class Route:
    """What becomes of a request.

    `model` answers it; `fallbacks` are tried in their order when it fails. `local_fallback` is the
    best local model that can take it, for when no money may be spent: it may be `model` itself, or one
    of the fallbacks. `estimated_cost` is in USD, None when the model has no known price. A refused
    route has an `error` and no model.
    `by_threshold`: its complexity decided, and not the caller, doubt, or what is at stake.
    """

    decision: Decision
    complexity: float
    factors: tuple[Factor, ...]
    input_tokens: int
    reasoning: str
    model: Model | None = None
    estimated_cost: Decimal | None = Decimal(0)
    fallbacks: tuple[Model, ...] = ()
    local_fallback: Model | None = None
    error: Refusal | None = None
    by_threshold: bool = False

    @property
    def tier(self) -> Tier | None:
        """The tier of the model that answers."""
        return self.model.tier if self.model else None


def decide_route(
    request: RouteRequest,
    score: Score,
    policy: Policy,
    catalogue: Catalogue,
    available: Availability,
    now: datetime,
) -> Route:
    """The cheapest model that is good enough for `request` at the moment `now`, or a refusal.

    A pinned model is taken when it can be, without fallbacks: who names a model wants no other. Only
    a spent budget may put the `local_fallback` in its place.
    """
    if len(request.prompt) > policy.max_prompt_characters:
        limit = policy.max_prompt_characters
        message = f"The prompt has {len(request.prompt)} characters; the limit is {limit}. Shorten it."
        return _refuse(request, score, Refusal("prompt_too_long", message, 413))
    candidates = Candidates(request, policy, catalogue, available, now)
    if request.model != "auto":
        return _pinned(request, score, candidates, catalogue)
    need = policy.need(score, request.prompt, request.thresholds)
    return _automatic(request, score, candidates, need, policy)


def _pinned(request: RouteRequest, score: Score, candidates: Candidates, catalogue: Catalogue) -> Route:
    try:
        model = catalogue.find(request.model)
    except UnknownModel as unknown:
        return _refuse(request, score, Refusal(unknown.code, unknown.message, unknown.status))
    obstacle = candidates.obstacle(model)
    if obstacle is not None:
        return _refuse(request, score, _refusal(model, obstacle, pinned=True))
    return _take(request, score, candidates, model, (), f"{model.name} was asked for by name.")


def _automatic(request: RouteRequest, score: Score, candidates: Candidates, need: Need, policy: Policy) -> Route:
    adequate = candidates.adequate(need.level)
    chosen = policy.use_local_for_simple and need.why is None and not candidates.keeps_local
    if adequate:
        model = adequate[0]
        why = _why_adequate(model, need, policy)
        return replace(_take(request, score, candidates, model, candidates.fallbacks(model), why), by_threshold=chosen)
    # Doubt about a prompt is no reason to refuse it.
    in_doubt = need.level != need.by_complexity and score.unsure
    may_be_weaker = _is_local(need.level) or in_doubt or candidates.keeps_local or policy.cloud_unavailable == "local"
    best = candidates.best_local()
    if best is None or not may_be_weaker:
        return _refuse(request, score, _no_model(candidates, need, request))
    why = _why_weaker(best, need, candidates)
    return replace(_take(request, score, candidates, best, candidates.fallbacks(best), why), by_threshold=chosen)


def _is_local(level: Level) -> bool:
    return level in ("small", "medium", "large")


def _why_adequate(model: Model, need: Need, policy: Policy) -> str:
    if not policy.use_local_for_simple and model.tier == "cloud":
        return f"local models are switched off (USE_LOCAL_FOR_SIMPLE); cloud model {model.name}."
    which = f"cloud model {model.name}" if model.tier == "cloud" else f"{model.tier} local model {model.name}"
    if need.why:
        return f"{need.why}; {which}."
    if model.tier == need.level or not _is_local(need.level):
        return f"{which}."
    return f"no {need.level} local model can take it now; {which}."


def _why_weaker(best: Model, need: Need, candidates: Candidates) -> str:
    cloud = candidates.cloud_model
    obstacle = candidates.obstacle(cloud)
    missing = f"no {need.level} or larger local model can take it now"
    if not _is_local(need.level):
        missing = f"{need.why}, so a cloud model is needed" if need.why else "a cloud model is needed"
    because = f": {obstacle.text}" if obstacle else ""
    return f"{missing}, and {cloud.name} cannot be used{because}; {best.name} is the best local model."


def _no_model(candidates: Candidates, need: Need, request: RouteRequest) -> Refusal:
    """The refusal when neither the cloud nor a local model can take the request."""
    obstacles = candidates.local_obstacles()
    none = "there is none" if request.allowed_models is None else "the API key may use none"
    reasons = "; ".join([*dict.fromkeys(obstacle.text for obstacle in obstacles)][:2]) or none
    cloud = candidates.cloud_model
    in_the_cloud = candidates.obstacle(cloud)
    if in_the_cloud is not None and not candidates.keeps_local:
        refusal = _refusal(cloud, in_the_cloud, pinned=False)
        local = "" if not _is_local(need.level) else f"No local model can take the request: {reasons}. "
        return replace(refusal, message=local + refusal.message)
    if in_the_cloud is not None and in_the_cloud.kind == "not_allowed" and not obstacles:
        return Refusal("model_not_allowed", "The API key may use none of the models that there are.", 403)
    kinds = {obstacle.kind for obstacle in obstacles}
    if "too_long" in kinds and "unavailable" not in kinds:
        message = f"The request of about {request.input_tokens} tokens is too long for every local model."
        return Refusal("prompt_too_long", f"{message} Shorten it, or allow the cloud.", 413)
    why_local = "The request must stay local" if request.local_only else "The API key may use no cloud model"
    message = f"{why_local}, and no local model can take it: {reasons}."
    if kinds == {"unable"}:
        # Trying again would not help.
        return Refusal("ability_missing", message, 400)
    return Refusal("no_local_model", message, 503)


def _refusal(model: Model, obstacle: Obstacle, *, pinned: bool) -> Refusal:
    message = f"{model.name} cannot take the request: {obstacle.text}."
    code, status = {
        "not_allowed": ("model_not_allowed", 403),
        "privacy": ("privacy_conflict", 400),
        # Who did not name the model is not to blame for it.
        "retired": ("model_retired", 400 if pinned else 503),
        "unable": ("ability_missing", 400),
        "too_long": ("prompt_too_long", 413),
        "unavailable": ("model_unavailable" if model.is_local else "cloud_not_configured", 503),
    }[obstacle.kind]
    return Refusal(code, message, status)


def _take(
    request: RouteRequest,
    score: Score,
    candidates: Candidates,
    model: Model,
    fallbacks: tuple[Model, ...],
    why: str,
) -> Route:
    return Route(
        decision="local" if model.is_local else "cloud",
        complexity=score.complexity,
        factors=score.factors,
        input_tokens=request.input_tokens,
        reasoning=f"{describe_score(score)}: {why}",
        model=model,
        estimated_cost=candidates.cost(model),
        fallbacks=fallbacks,
        local_fallback=candidates.best_local(),
    )


def _refuse(request: RouteRequest, score: Score, error: Refusal) -> Route:
    reasoning = f"{describe_score(score)}: refused. {error.message}"
    return Route("refused", score.complexity, score.factors, request.input_tokens, reasoning, error=error)


def describe_score(score: Score) -> str:
    """For example "Complexity 0.10 (asks for a plain fact)": the two factors that moved it most."""
    moved = sorted((f for f in score.factors if f.name != "start"), key=lambda f: -abs(f.effect))
    because = "; ".join(factor.text for factor in moved[:2]) or "nothing in it is known to be easy or hard"
    return f"Complexity {score.complexity:.2f} ({because})"
