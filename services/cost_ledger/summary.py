"""The figures of stats and of the summary, put together from the books."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.catalog import Catalogue
from services.cost_ledger.money import money
from services.cost_ledger.reports import Period, Savings, band_starts, cost_on, machine_cost, rented
from services.cost_ledger.store import LedgerStore, Row

_BY_MODEL, _BY_BACKEND, _ALL = 1, 2, 3
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
_REQUESTS = (
    "total_requests",
    "local_requests",
    "cloud_requests",
    "cached_requests",
    "failed_requests",
    "unconfirmed_requests",
)


def stats_document(row: Mapping[str, Any]) -> dict[str, Any]:
    """GET /v1/stats: counts of answered requests, money in USD, the share of local ones in per cent."""
    total = row["total_requests"]
    complexity = row["avg_complexity"]
    return {
        **{name: row[name] for name in _REQUESTS},
        "local_percentage": round(100 * row["local_requests"] / total, 2) if total else 0,
        "total_cost": money(row["total_cost"]),
        "avg_complexity": None if complexity is None else round(complexity, 4),
        "saved_cost": money(row["baseline_cost"] - row["total_cost"]),
        "unpriced_requests": row["unpriced_requests"],
    }


def summary_document(
    store: LedgerStore, catalogue: Catalogue, period: Period, baseline: str, monthly: Decimal, now: datetime
) -> dict[str, Any]:
    """GET /v1/reports/summary: a period's totals, by model and by backend, and what routing saved.

    `baseline` is the catalogue's name of a model; what was booked against another is worked out
    anew, at the prices of its time. `monthly` is the machine's rent in USD.
    """
    rows = store.summarise(period, baseline)
    totals = next(row for row in rows if row["level"] == _ALL)
    models = [row for row in rows if row["level"] == _BY_MODEL]
    other = _other_baseline(store, catalogue, period, baseline, totals)
    savings = Savings(
        baseline_model=baseline,
        baseline=totals["baseline_cost"] + other,
        paid=totals["cost"] or Decimal(0),
        machine=machine_cost(rented(period, store.first_moment(), now), monthly),
        requests=totals["requests"] + totals["failed_requests"],
        unpriced=totals["unpriced_requests"],
    )
    return {
        "period": period.document(),
        "totals": _figures(totals),
        "by_model": [{"model": row["model"], **_figures(row)} for row in models],
        "by_backend": [{"backend": row["backend"], **_figures(row)} for row in rows if row["level"] == _BY_BACKEND],
        "unpriced": {
            "requests": totals["unpriced_requests"],
            "models": sorted(row["model"] for row in models if row["unpriced_requests"]),
        },
        "savings": savings.document(),
    }


def _other_baseline(store: LedgerStore, catalogue: Catalogue, period: Period, baseline: str, totals: Row) -> Decimal:
    """USD that the baseline would have cost for the entries that were booked against another one."""
    if not totals["other_baseline"]:
        return Decimal(0)
    last_id = totals["last_id"]
    hours = store.hours_with_other_baseline(period, baseline, last_id)
    prices = {hour: catalogue.prices(baseline, hour) for hour in hours}
    bands = band_starts(prices.values())
    groups = store.tokens_by_hour_and_band(period, baseline, last_id, bands)
    return sum((cost_on(prices[group["hour"]], group, bands) for group in groups), Decimal(0))


def _figures(row: Mapping[str, Any]) -> dict[str, Any]:
    latency = row["avg_latency_seconds"]
    return {
        "requests": row["requests"],
        "failed_requests": row["failed_requests"],
        "unconfirmed_requests": row["unconfirmed_requests"],
        "unconfirmed_cost": money(row["unconfirmed_cost"]),
        "unpriced_requests": row["unpriced_requests"],
        **{name: int(row[name]) for name in _TOKENS},
        "cost": None if row["cost"] is None and row["unpriced_requests"] else money(row["cost"] or Decimal(0)),
        "avg_latency_seconds": None if latency is None else round(latency, 4),
    }
