"""The description of the HTTP interface, over HTTP."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from services.cost_ledger.openapi import openapi_document

OPENAPI_PATH = "/openapi.json"

openapi_routes = Blueprint("openapi", __name__)


@openapi_routes.get(OPENAPI_PATH)
def describe() -> dict[str, Any]:
    """The interface as an OpenAPI document."""
    return openapi_document()
