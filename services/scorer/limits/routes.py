"""The HTTP interface of the front desk and of model health."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from flask import Blueprint, Response

from services.runtime import load_schema, parse_body
from services.scorer.documents import route_document
from services.scorer.health.breaker import Report
from services.scorer.health.model_health import ModelHealth
from services.scorer.limits.admission import Admission, FrontDesk
from services.scorer.limits.body import read_admit
from services.scorer.limits.rate import RateState

_SCHEMAS = Path(__file__).parents[1] / "schemas"


def build_limits_routes(front: FrontDesk, health: ModelHealth) -> Blueprint:
    """The routes under /v1 that let chats in and out, and that are told how models do."""
    routes = Blueprint("limits", __name__, url_prefix="/v1")
    route_schema = load_schema(_SCHEMAS / "route.json")
    joined_schema = load_schema(_SCHEMAS / "joined.json")
    done_schema = load_schema(_SCHEMAS / "done.json")
    health_schema = load_schema(_SCHEMAS / "health.json")

    @routes.post("/admit")
    def admit() -> dict[str, Any]:
        return admission_document(front.admit(read_admit(parse_body(route_schema))))

    @routes.post("/joined")
    def joined() -> dict[str, Any]:
        body = parse_body(joined_schema)
        return {"joined": front.look(body.get("cache_keys", []), body.get("alive", []))}

    @routes.post("/done")
    def done() -> Response:
        body = parse_body(done_schema)
        stored = front.finish(
            body["request_id"], ok=body.get("ok", True), cache_key=body.get("cache_key"), answer=body.get("answer")
        )
        return Response(status=204, headers={"X-Cache": "stored" if stored else "not stored"})

    @routes.post("/health")
    def tell_health() -> Response:
        body = parse_body(health_schema)
        report = Report(body["ok"], body.get("status"), body.get("code"), body.get("retry_after"))
        health.report(body["model"], report)
        return Response(status=204)

    return routes


def admission_document(admission: Admission) -> dict[str, Any]:
    """The reply of POST /v1/admit."""
    document: dict[str, Any] = {
        "decision": admission.decision,
        "cache_key": admission.cache_key,
        "rate": _rate_document(admission.rate),
    }
    if admission.leader is not None:
        document["leader"] = admission.leader
    if admission.answer is not None:
        document["route"] = route_document(admission.answer)
    if admission.error is not None:
        document["error"] = asdict(admission.error)
    return document


def _rate_document(rate: RateState | None) -> dict[str, int] | None:
    if rate is None:
        return None
    return {"limit": rate.limit, "remaining": rate.remaining, "reset": -int(-rate.reset // 1)}
