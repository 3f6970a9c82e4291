"""The ledger's HTTP interface as an OpenAPI document, made of a table of routes and of the JSON schemas."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from services.cost_ledger.breakdowns import BREAKDOWNS

_SCHEMAS = Path(__file__).parent / "schemas"
_TEXT = "Amounts of money are USD in decimal strings, moments are in UTC."
_JSON = "application/json"
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "field": {"type": "string"}},
        }
    },
}


@dataclass(frozen=True)
class Parameter:
    """A part of the path, or an optional part of the query."""

    name: str
    schema: Mapping[str, Any]
    description: str


@dataclass(frozen=True)
class Route:
    """One row of the interface.

    `statuses` are those of answers; a route that needs the token (not `is_open`) has 401, one with a `body` (the
    name of its JSON schema) or `query` 400, one that `asks` the database 503 besides. `tells` are the fields that a
    document has, None where the answer is text or nothing; `as_csv`: it may be CSV instead.
    """

    method: str
    path: str
    summary: str
    statuses: tuple[int, ...] = (200,)
    tells: tuple[str, ...] | None = ()
    body: str | None = None
    query: tuple[Parameter, ...] = ()
    in_path: Parameter | None = None
    asks: bool = True
    is_open: bool = False
    as_csv: bool = False

    def all_statuses(self) -> list[int]:
        """Every status that it may answer with."""
        found = set(self.statuses)
        found |= set() if self.is_open else {401}
        found |= {400, 413} if self.body else set()
        # A query parameter that a route does not know is refused, too.
        found |= {400} if self.query else set()
        found |= {503} if self.asks else set()
        return sorted(found)


_MOMENT = {"type": "string", "maxLength": 40}
_PERIOD = (
    Parameter("from", _MOMENT, "A date, or a time with its zone; the default is the first of this month (UTC)."),
    Parameter("to", _MOMENT, "A date, which counts in full, or a time; the default is now."),
)
_BASELINE = Parameter("baseline", {"type": "string"}, "The model that savings are measured against.")
_AFTER = Parameter("after", {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}, "The cursor of the page before.")
_LIMIT = Parameter("limit", {"type": "integer", "minimum": 1, "maximum": 1000}, "Entries a page; 100 by default.")
_REQUEST_ID = Parameter("request_id", {"type": "string", "minLength": 1, "maxLength": 128}, "The request's id.")
_BUDGET_ID = Parameter("budget_id", {"type": "integer", "minimum": 0}, "The budget's id.")
_REPORT = Parameter("name", {"enum": sorted(BREAKDOWNS)}, "What a row of the report is about.")
_FORMAT = Parameter("format", {"enum": ["json", "csv"]}, "What the report is written in; json by default.")
_KEY_ID = Parameter("key_id", {"type": "string", "format": "uuid"}, "The key's id.")

ROUTES = (
    Route("POST", "/v1/entries", "Book one entry, or a batch all or none", (200, 201), ("results",), "entries"),
    Route(
        "GET",
        "/v1/entries",
        "A page of entries in booking order",
        (200, 409),
        ("entries", "cursor"),
        query=(_AFTER, _LIMIT),
    ),
    Route("POST", "/v1/cost", "What some tokens cost", tells=("cost", "priced", "prices"), body="cost", asks=False),
    Route("GET", "/v1/stats", "Counts and sums over the whole ledger", (200, 400), ("total_requests", "total_cost")),
    Route(
        "GET",
        "/v1/reports/summary",
        "What a period cost and saved",
        tells=("period", "totals", "by_model", "by_backend", "unpriced", "savings"),
        query=(*_PERIOD, _BASELINE),
    ),
    Route(
        "GET",
        "/v1/reports/{name}",
        "A period, a row for each day, month, model, key, user, tag or route",
        (200, 404),
        ("period", "rows", "totals"),
        query=(*_PERIOD, _FORMAT),
        in_path=_REPORT,
        as_csv=True,
    ),
    Route("GET", "/v1/reports/forecast", "What this month will have cost", (200, 400), ("spent", "forecast", "basis")),
    Route("GET", "/v1/alerts", "What somebody should know now", (200, 400), ("alerts",)),
    Route(
        "POST",
        "/v1/reservations",
        "Hold what a request may cost against the budgets",
        (200, 201, 402, 409),
        ("request_id", "amount", "expires_at", "reserved", "hard_budgets", "warnings"),
        "reservation",
    ),
    Route("DELETE", "/v1/reservations/{request_id}", "Let go of it", (204, 400, 404), None, in_path=_REQUEST_ID),
    Route("GET", "/v1/budgets", "Every budget and where it stands", tells=("budgets", "time_zone")),
    Route("PUT", "/v1/budgets", "Set a budget", (200, 201, 404), ("id", "scope", "limit", "spent"), "budget"),
    Route("DELETE", "/v1/budgets/{budget_id}", "Remove a budget", (204, 404), None, in_path=_BUDGET_ID),
    Route("POST", "/v1/keys", "Make a key, or register one by its hash", (200, 201, 409), ("id", "name"), "key"),
    Route("GET", "/v1/keys", "All keys, without their hashes", tells=("keys",)),
    Route("GET", "/v1/keys/active", "The keys that open the gate, by their hashes", tells=("keys",)),
    Route(
        "PATCH",
        "/v1/keys/{key_id}",
        "Change the name of a key, or what it may do",
        (200, 404, 409),
        ("id", "name", "state"),
        "key_change",
        in_path=_KEY_ID,
    ),
    Route("DELETE", "/v1/keys/{key_id}", "Revoke a key for good", (204, 404), None, in_path=_KEY_ID),
    Route("GET", "/healthz", "Whether the process works", tells=("status",), asks=False, is_open=True),
    Route("GET", "/readyz", "Whether what it needs is there", tells=("status", "problems", "warnings"), is_open=True),
    Route("GET", "/metrics", "What Prometheus reads", tells=None, asks=False, is_open=True),
    Route("GET", "/openapi.json", "This document", tells=("openapi", "paths"), asks=False, is_open=True),
)
"""The interface, a row a route."""


@cache
def openapi_document() -> dict[str, Any]:
    """The document, in OpenAPI 3.1."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    bodies = [route.body for route in ROUTES if route.body]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Cost ledger",
            "version": "1",
            "description": _TEXT,
        },
        "paths": paths,
        "components": {
            "schemas": {"error": _ERROR, **_shared(bodies)},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    parameters = [_parameter(one, "query") for one in route.query]
    if route.in_path:
        parameters.append(_parameter(route.in_path, "path"))
    operation: dict[str, Any] = {
        "summary": route.summary,
        "security": [] if route.is_open else [{"token": []}],
        "parameters": parameters,
        "responses": {str(status): _response(route, status) for status in route.all_statuses()},
    }
    if route.body:
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": _load(route.body)}}}
    return operation


def _parameter(parameter: Parameter, where: str) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": where,
        "required": where == "path",
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _response(route: Route, status: int) -> dict[str, Any]:
    description = {"description": HTTPStatus(status).phrase}
    # The answer of /readyz is the same document when something is missing.
    if status >= 400 and route.path != "/readyz":
        return {**description, "content": {_JSON: {"schema": {"$ref": "#/components/schemas/error"}}}}
    if route.tells is None:
        return {**description, "content": {"text/plain": {}}} if status == 200 else description
    content: dict[str, Any] = {_JSON: {"schema": {"type": "object", "required": list(route.tells)}}}
    return {**description, "content": content | ({"text/csv": {}} if route.as_csv else {})}


def _load(name: str) -> Any:
    """A schema for use in the document: its definitions are shared ones there."""
    schema = json.loads((_SCHEMAS / f"{name}.json").read_text("utf-8"))
    return _adapted({key: part for key, part in schema.items() if key not in ("$schema", "$comment", "$defs")}, name)


def _shared(names: list[str]) -> dict[str, Any]:
    """The definitions of schemas, under names that tell them apart."""
    found = {}
    for name in names:
        schema = json.loads((_SCHEMAS / f"{name}.json").read_text("utf-8"))
        for key, part in schema.get("$defs", {}).items():
            found[f"{name}.{key}"] = _adapted(part, name)
    return found


def _adapted(part: Any, name: str) -> Any:
    if isinstance(part, list):
        return [_adapted(one, name) for one in part]
    if not isinstance(part, dict):
        return part
    adapted = {key: _adapted(one, name) for key, one in part.items()}
    if isinstance(adapted.get("$ref"), str):
        adapted["$ref"] = adapted["$ref"].replace("#/$defs/", f"#/components/schemas/{name}.")
    if isinstance(adapted.get("pattern"), str):
        # Python's own needs: '$' also stands before a last line break, and its texts may hold half characters.
        adapted["pattern"] = adapted["pattern"].replace("(?!\\n)", "").replace("\\ud800-\\udfff", "")
    return adapted
