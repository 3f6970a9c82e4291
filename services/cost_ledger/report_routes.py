"""The HTTP interface of reports, the forecast and alerts."""

from __future__ import annotations

from typing import Any, cast

from flask import Blueprint, Response, current_app, jsonify, request

from services.cost_ledger.breakdowns import BREAKDOWNS, Breakdown, Machine, columns, parts, report_document
from services.cost_ledger.config import Config
from services.cost_ledger.errors import InvalidField, UnknownReport
from services.cost_ledger.ledger import Ledger
from services.cost_ledger.present import read_alerts, read_present
from services.cost_ledger.query import query_parameters
from services.cost_ledger.reports import Period, parse_period
from services.cost_ledger.spending import Spending
from services.cost_ledger.spreadsheet import csv_text

report_routes = Blueprint("reports", __name__)

_JSON, _CSV = "application/json", "text/csv"


def _ledger() -> Ledger:
    return cast(Ledger, current_app.extensions["cost_ledger"])


@report_routes.get("/v1/reports/<name>")
def report(name: str) -> Response:
    """A period broken down: daily, monthly, models, keys, users, tags or routes; as JSON or CSV."""
    breakdown = BREAKDOWNS.get(name)
    if breakdown is None:
        raise UnknownReport
    query = query_parameters("from", "to", "format")
    as_csv = _wants_csv(query.get("format"))
    period = parse_period(query.get("from"), query.get("to"), _ledger().clock())
    if breakdown.unit:
        parts(period, breakdown.unit)  # says no to a period that is too long, before the database is asked
    document = _read(breakdown, period)
    return _csv(breakdown, period, document) if as_csv else jsonify(document)


@report_routes.get("/v1/reports/forecast")
def forecast() -> dict[str, Any]:
    """What this month has cost, and what it will have cost in the end."""
    query_parameters()
    return read_present(_ledger()).forecast.document()


@report_routes.get("/v1/alerts")
def alerts() -> dict[str, Any]:
    """What somebody should know now, the most urgent first."""
    query_parameters()
    spending = cast(Spending, current_app.extensions["spending"])
    return {"alerts": [alert.document() for alert in read_alerts(_ledger(), spending)]}


def _read(breakdown: Breakdown, period: Period) -> dict[str, Any]:
    ledger = _ledger()
    store, config = ledger.store, cast(Config, current_app.config["LEDGER"])
    rows = store.figures.figures_by(breakdown.dimension, period, breakdown.unit)
    names = {str(key.id): key.name for key in store.all_keys()} if breakdown.name == "keys" else {}
    machine = Machine(config.machine_cost_monthly, store.first_moment(), ledger.clock())
    return report_document(breakdown, period, rows, machine, store.figures.baselines(period), names)


def _wants_csv(given: str | None) -> bool:
    if given is None:
        return request.accept_mimetypes.best_match([_JSON, _CSV]) == _CSV
    if given not in ("json", "csv"):
        raise InvalidField("format", "must be json or csv")
    return given == "csv"


def _csv(breakdown: Breakdown, period: Period, document: dict[str, Any]) -> Response:
    rows = [*document["rows"], {"row": "total", **document["totals"]}]
    response = Response(csv_text(columns(breakdown), rows), content_type=f"{_CSV}; charset=utf-8; header=present")
    name = f"costs-{breakdown.name}-{period.since:%Y-%m-%d}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
