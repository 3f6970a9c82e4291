"""The HTTP interface of reservations and budgets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

from flask import Blueprint, current_app

from services.cost_ledger.errors import InvalidField
from services.cost_ledger.spending import Spending
from services.runtime import load_schema, parse_body

budget_routes = Blueprint("budgets", __name__)

_SCHEMAS = Path(__file__).parent / "schemas"
_RESERVATION = load_schema(_SCHEMAS / "reservation.json")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BUDGET = load_schema(_SCHEMAS / "budget.json")


def _spending() -> Spending:
    return cast(Spending, current_app.extensions["spending"])


@budget_routes.post("/v1/reservations")
def reserve() -> tuple[dict[str, Any], int]:
    """Hold what a request may cost: 201, or 200 when it was held before; 402 when a hard budget says no."""
    document, is_new = _spending().reserve(parse_body(_RESERVATION))
    return document, 201 if is_new else 200


@budget_routes.delete("/v1/reservations/<path:request_id>")
def release(request_id: str) -> tuple[str, int]:
    """Let go of a reservation."""
    if _CONTROL.search(request_id):
        raise InvalidField("request_id", "must have no control characters")
    _spending().release(request_id)
    return "", 204


@budget_routes.get("/v1/budgets")
def list_budgets() -> dict[str, Any]:
    """Every budget, what is spent and reserved of it, and when it begins anew."""
    return _spending().document()


@budget_routes.put("/v1/budgets")
def set_budget() -> tuple[dict[str, Any], int]:
    """Set a budget: 201, or 200 when the one of this scope, subject, period and mode was changed."""
    document, is_new = _spending().set_budget(parse_body(_BUDGET))
    return document, 201 if is_new else 200


@budget_routes.delete("/v1/budgets/<int:budget_id>")
def remove_budget(budget_id: int) -> tuple[str, int]:
    """Remove a budget."""
    _spending().remove_budget(budget_id)
    return "", 204
