"""The scorer's HTTP interface for cancelled requests: what n8n's processes tell each other through it."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response

from services.runtime import load_schema, parse_body
from services.scorer.cancellations import Cancellations

_SCHEMA = Path(__file__).with_name("schemas") / "cancel.json"


def build_cancel_routes(cancellations: Cancellations) -> Blueprint:
    """The routes under /v1 that mark requests and tell of the marks."""
    routes = Blueprint("cancellations", __name__, url_prefix="/v1")
    schema = load_schema(_SCHEMA)

    @routes.post("/cancel")
    def cancel() -> Response:
        cancellations.mark(parse_body(schema)["request_id"])
        return Response(status=204)

    @routes.get("/cancelled/<request_id>")
    def cancelled(request_id: str) -> dict[str, bool]:
        return {"cancelled": cancellations.is_marked(request_id)}

    return routes
