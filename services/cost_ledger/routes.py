"""The ledger's HTTP interface."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast
from uuid import UUID

from flask import Blueprint, Response, current_app, jsonify

from services.cost_ledger.budget_routes import budget_routes
from services.cost_ledger.config import Config
from services.cost_ledger.errors import InvalidField
from services.cost_ledger.key_terms import parse_changes, parse_new_key
from services.cost_ledger.keyring import KeyRing
from services.cost_ledger.ledger import Ledger
from services.cost_ledger.openapi_routes import openapi_routes
from services.cost_ledger.page.routes import page_routes
from services.cost_ledger.query import query_parameters
from services.cost_ledger.report_routes import report_routes
from services.cost_ledger.reports import parse_period
from services.cost_ledger.summary import stats_document, summary_document
from services.runtime import load_schema, parse_body

routes = Blueprint("ledger", __name__)
routes.register_blueprint(budget_routes)
routes.register_blueprint(report_routes)
routes.register_blueprint(page_routes)
routes.register_blueprint(openapi_routes)

_SCHEMAS = Path(__file__).parent / "schemas"
_ENTRIES = load_schema(_SCHEMAS / "entries.json")
_COST = load_schema(_SCHEMAS / "cost.json")
_KEY = load_schema(_SCHEMAS / "key.json")
_KEY_CHANGE = load_schema(_SCHEMAS / "key_change.json")
_PAGE, _LARGEST_PAGE = 100, 1000
_LARGEST_ID = 2**63 - 1


def _ledger() -> Ledger:
    return cast(Ledger, current_app.extensions["cost_ledger"])


def _keys() -> KeyRing:
    return cast(KeyRing, current_app.extensions["cost_ledger_keys"])


@routes.post("/v1/entries")
def book_entries() -> tuple[dict[str, Any], int]:
    """Book one entry or a batch: 201, or 200 when the books had them all before."""
    body = parse_body(_ENTRIES)
    batch = "entries" in body
    bookings = _ledger().book(body["entries"] if batch else [body], batch=batch)
    is_new = not all(booking.duplicate for booking in bookings)
    return {"results": [booking.document() for booking in bookings]}, 201 if is_new else 200


@routes.get("/v1/entries")
def list_entries() -> dict[str, Any]:
    """A page of entries in booking order."""
    query = query_parameters("after", "limit")
    cursor = _whole_number(query.get("after"), "after", 0, 0, _LARGEST_ID)
    limit = _whole_number(query.get("limit"), "limit", _PAGE, 1, _LARGEST_PAGE)
    return _ledger().entries_after(cursor, limit)


@routes.post("/v1/cost")
def tell_cost() -> dict[str, Any]:
    """What some tokens cost."""
    return _ledger().cost(parse_body(_COST))


@routes.get("/v1/stats")
def stats() -> dict[str, Any]:
    """Counts and sums over the whole ledger."""
    query_parameters()
    return stats_document(_ledger().store.stats())


@routes.get("/v1/reports/summary")
def summary() -> dict[str, Any]:
    """What a period cost and saved."""
    query, ledger, now = query_parameters("from", "to", "baseline"), _ledger(), _ledger().clock()
    period = parse_period(query.get("from"), query.get("to"), now)
    baseline = ledger.catalogue.find(query.get("baseline") or ledger.baseline_model).name
    config = cast(Config, current_app.config["LEDGER"])
    return summary_document(ledger.store, ledger.catalogue, period, baseline, config.machine_cost_monthly, now)


@routes.post("/v1/keys")
def make_key() -> tuple[Response, int]:
    """Make a key, shown this once, or register a known one by its hash."""
    body, ledger, now = parse_body(_KEY), _ledger(), _ledger().clock()
    new = parse_new_key(body, ledger.catalogue, now)
    if "key_hash" in body:
        key, is_new = _keys().register(new, body["key_hash"])
        return jsonify(key.document(now)), 201 if is_new else 200
    key, text = _keys().make(new)
    response = jsonify({**key.document(now), "key": text})
    response.headers["Cache-Control"] = "no-store"
    return response, 201


@routes.get("/v1/keys")
def list_keys() -> dict[str, Any]:
    """All keys, without their hashes."""
    now = _ledger().clock()
    return {"keys": [key.document(now) for key in _keys().all()]}


@routes.get("/v1/keys/active")
def list_active_keys() -> dict[str, Any]:
    """The keys that open the gate, by their hashes."""
    return {"keys": [key.credential() for key in _keys().active(_ledger().clock())]}


@routes.patch("/v1/keys/<uuid:key_id>")
def change_key(key_id: UUID) -> dict[str, Any]:
    """Change the name of a key, or what it may do."""
    body, ledger, now = parse_body(_KEY_CHANGE), _ledger(), _ledger().clock()
    return _keys().change(key_id, parse_changes(body, ledger.catalogue, now)).document(now)


@routes.delete("/v1/keys/<uuid:key_id>")
def revoke_key(key_id: UUID) -> tuple[str, int]:
    """Revoke a key for good."""
    _keys().revoke(key_id)
    return "", 204


def _whole_number(text: str | None, field: str, default: int, low: int, high: int) -> int:
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) <= len(str(high)) and low <= int(text) <= high:
        return int(text)
    raise InvalidField(field, f"must be a whole number from {low} to {high}")
