"""The request for a verdict, read from JSON."""

from __future__ import annotations

from typing import Any

from services.scorer.checks.schema_fit import check_schema
from services.scorer.checks.verdict import VerifyRequest


def read_verify_request(body: dict[str, Any]) -> VerifyRequest:
    """The request of an object that satisfies schemas/verify.json; BadRequest when its `schema` is no JSON Schema."""
    if body.get("schema") is not None:
        check_schema(body["schema"])
    return VerifyRequest(
        prompt=body["prompt"],
        answer=body["answer"],
        samples=tuple(body.get("samples") or ()),
        finish_reason=body.get("finish_reason"),
        needs_json=bool((body.get("needs") or {}).get("json")),
        schema=body.get("schema"),
    )
