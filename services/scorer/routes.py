"""The scorer's HTTP interface: read, one call, answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint, Response

from services.runtime import load_schema, parse_body
from services.scorer.checks import read_verify_request
from services.scorer.documents import (
    complexity_document,
    count_document,
    models_document,
    route_document,
    score_document,
    tuning_document,
    verdict_document,
)
from services.scorer.request import read_request
from services.scorer.scorer import Scorer

NOT_KEPT = "The scorer has no database: outcomes are not kept."

_SCHEMAS = Path(__file__).with_name("schemas")


def build_routes(scorer: Scorer) -> Blueprint:
    """The routes under /v1 that answer from `scorer`."""
    routes = Blueprint("scorer", __name__, url_prefix="/v1")
    score_schema = load_schema(_SCHEMAS / "score.json")
    complexity_schema = load_schema(_SCHEMAS / "complexity.json")
    route_schema = load_schema(_SCHEMAS / "route.json")
    answer_schema = load_schema(_SCHEMAS / "answer.json")
    verify_schema = load_schema(_SCHEMAS / "verify.json")
    outcomes_schema = load_schema(_SCHEMAS / "outcomes.json")

    @routes.post("/score")
    def score() -> dict[str, Any]:
        body = parse_body(score_schema)
        return {"scores": [score_document(score) for score in scorer.score(body["prompts"])]}

    @routes.post("/complexity")
    def complexity() -> dict[str, Any]:
        return complexity_document(scorer.dry_run(parse_body(complexity_schema)["prompt"]))

    @routes.post("/route")
    def route() -> dict[str, Any]:
        return route_document(scorer.route(read_request(parse_body(route_schema))))

    @routes.post("/tokens")
    def tokens() -> dict[str, Any]:
        return count_document(scorer.count(read_request(parse_body(route_schema))))

    @routes.post("/answers")
    def answers() -> Response:
        body = parse_body(answer_schema)
        kept = scorer.keep_answer(body["cache_key"], body["answer"])
        return Response(status=204, headers={"X-Cache": "stored" if kept else "unavailable"})

    @routes.post("/verify")
    def verify() -> dict[str, Any]:
        return verdict_document(scorer.verify(read_verify_request(parse_body(verify_schema))))

    @routes.post("/outcomes")
    def outcomes() -> tuple[dict[str, Any], int]:
        body = parse_body(outcomes_schema)
        told = body.get("outcomes", [body])
        kept = scorer.tell_outcomes(told)
        return {"kept": len(told) if kept else 0, "problem": None if kept else NOT_KEPT}, 202 if kept else 200

    @routes.get("/models")
    def models() -> dict[str, Any]:
        policy, available = scorer.policy.current(), scorer.available()
        return models_document(scorer.catalogue, policy, available, scorer.clock())

    @routes.get("/policy")
    def policy() -> dict[str, Any]:
        policy = scorer.policy.current()
        return {
            "policy": policy.as_document(),
            "tuning": tuning_document(policy.tuning),
            "problem": scorer.policy.problem(),
        }

    return routes
