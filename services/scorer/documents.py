"""The JSON documents that the scorer answers with."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.catalog import Catalogue, Model
from services.scorer.availability import Availability
from services.scorer.checks import Verdict
from services.scorer.policy import Policy
from services.scorer.score import Factor, Score
from services.scorer.scorer import Answer, DryRun, TokenCount
from services.scorer.tuning import Tuning


def usd(amount: Decimal | None) -> str | None:
    """An amount in plain digits without trailing zeros, such as "0.0012"; None stays None."""
    if amount is None:
        return None
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def score_document(score: Score) -> dict[str, Any]:
    """One entry of POST /v1/score."""
    return {
        "complexity": score.complexity,
        "factors": _factors(score.factors),
        "tokens": score.tokens,
        "unsure": score.unsure,
    }


def complexity_document(dry_run: DryRun) -> dict[str, Any]:
    """The reply of POST /v1/complexity, the only one with words of the prompt.

    Where no model can take the prompt, the model, its backend and the cost are null, and `error` says why.
    """
    score, route, model = dry_run.score, dry_run.route, dry_run.route.model
    document: dict[str, Any] = {
        **score_document(score),
        "factors": [
            {**plain, "words": list(factor.words)}
            for plain, factor in zip(_factors(score.factors), score.factors, strict=True)
        ],
        "reasoning": route.reasoning,
        "recommended_model": model.name if model else None,
        "backend": route.decision if model else None,
        "estimated_cost": usd(route.estimated_cost) if model else None,
    }
    if route.error is not None:
        document["error"] = {"code": route.error.code, "message": route.error.message}
    return document


def route_document(answer: Answer) -> dict[str, Any]:
    """The reply of POST /v1/route."""
    route, model = answer.route, answer.route.model
    document: dict[str, Any] = {
        "decision": route.decision,
        **_target(model),
        "tier": route.tier,
        "complexity": route.complexity,
        "reasoning": route.reasoning,
        "factors": _factors(route.factors),
        "input_tokens": route.input_tokens,
        "estimated_cost": usd(route.estimated_cost),
        "fallbacks": [_target(model) for model in route.fallbacks],
        "local_fallback": _target(route.local_fallback) if route.local_fallback else None,
        "cache_key": answer.cache_key,
    }
    if answer.on_trial:
        document["on_trial"] = sorted(answer.on_trial)
    if answer.cached_answer is not None:
        document["cached_answer"] = answer.cached_answer
    if route.error is not None:
        document["error"] = {name: value for name, value in asdict(route.error).items() if value is not None}
    return document


def count_document(count: TokenCount) -> dict[str, Any]:
    """The reply of POST /v1/tokens, whose body is that of POST /v1/route."""
    return {"input_tokens": count.input_tokens, **_target(count.model)}


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    """The reply of POST /v1/verify."""
    return {
        "accept": verdict.accept,
        "confidence": verdict.confidence,
        "reasons": [{"code": reason.code, "text": reason.text} for reason in verdict.reasons],
    }


def tuning_document(tuning: Tuning | None) -> dict[str, Any] | None:
    """What GET /v1/policy says of the tuning in force, without its weights."""
    if tuning is None:
        return None
    return {
        "made_at": tuning.made_at.isoformat(),
        "evidence": dict(tuning.evidence),
        "corrects_complexity": tuning.correction is not None,
    }


def models_document(
    catalogue: Catalogue, policy: Policy, available: Availability, now: datetime
) -> dict[str, list[dict[str, Any]]]:
    """The reply of GET /v1/models."""
    return {"models": [_model(model, catalogue, policy, available, now) for model in catalogue.models]}


def _model(
    model: Model, catalogue: Catalogue, policy: Policy, available: Availability, now: datetime
) -> dict[str, Any]:
    reason = f"retired on {model.retired_on}" if model.retired(now.date()) else available.reason(model)
    row = catalogue.prices(model.name, now)
    price = row.unit_prices() if row else None
    return {
        "name": model.name,
        "backend": model.backend,
        "tier": model.tier,
        "available": reason is None,
        "reason": reason,
        "max_complexity": policy.thresholds.limit(model.tier),
        "price": {"input": usd(price.input), "output": usd(price.output)} if price else None,
        "context_window": model.context_window,
        "max_output": model.max_output,
        "abilities": sorted(model.abilities),
        "aliases": list(model.aliases),
    }


def _target(model: Model | None) -> dict[str, Any]:
    """What a node needs to ask a model; all null where there is none."""
    return {
        "model": model.name if model else None,
        "model_id": model.model_id if model else None,
        "backend": model.backend if model else None,
        "tier": model.tier if model else None,
        "context_window": model.context_window if model else None,
        "max_output": model.max_output if model else None,
    }


def _factors(factors: tuple[Factor, ...]) -> list[dict[str, Any]]:
    return [{"name": factor.name, "effect": factor.effect, "text": factor.text} for factor in factors]
