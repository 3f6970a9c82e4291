"""What somebody should know now: budgets that run out, and figures that are not certain. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.catalog import CatalogueWarning
from services.cost_ledger.breakdowns import start_of
from services.cost_ledger.budgets import Standing, warnings
from services.cost_ledger.figures import Figures
from services.cost_ledger.forecast import Forecast
from services.cost_ledger.money import money
from services.cost_ledger.reports import usd
from services.cost_ledger.times import format_time

UNCONFIRMED_DAYS = 7
"""For how many days (UTC), today included, unconfirmed requests are told."""
_LEVELS = {0.8: "info", 0.95: "warning", 1.0: "critical"}
_ORDER = ("critical", "warning", "info")


@dataclass(frozen=True)
class Alert:
    """One warning. `id` stays the same for one breach in one period, so that it can be sent once.

    `level` is critical, warning or info; `subject` is the budget's, a model, or None for everything;
    `period_start` is where the period begins that it is about, None when it is about none.
    """

    id: str
    kind: str
    level: str
    message: str
    subject: str | None
    period_start: datetime | None

    def document(self) -> dict[str, Any]:
        """As callers see it."""
        return {**vars(self), "period_start": format_time(self.period_start) if self.period_start else None}


def budget_alerts(standings: Iterable[Standing]) -> list[Alert]:
    """The budgets of which 80, 95 or 100 % are used, at the highest of these. A new limit makes it a new breach."""
    alerts = []
    for standing in standings:
        for warning in warnings([standing]):
            share = warning["level"]
            name = f"budget:{standing.id}:{money(standing.limit)}:{share:.0%}:{_stamp(standing.period_start)}"
            subject = standing.scope if standing.subject is None else f"{standing.scope} {standing.subject}"
            alerts.append(Alert(name, "budget", _LEVELS[share], warning["message"], subject, standing.period_start))
    return alerts


def forecast_alerts(standings: Iterable[Standing], forecast: Forecast) -> list[Alert]:
    """The monthly budgets for everything that the forecast passes, and that are not used up yet."""
    expected = forecast.expected
    return [
        Alert(
            f"forecast:{one.id}:{money(one.limit)}:{_stamp(one.period_start)}",
            "forecast",
            "warning",
            f"This month is heading for {usd(expected)}, over {one.name}. {forecast.basis}",
            one.scope,
            one.period_start,
        )
        for one in standings
        if (one.scope, one.period) == ("global", "monthly") and expected is not None and one.used < one.limit < expected
    ]


def unpriced_alerts(models: Mapping[str, Figures], month: datetime) -> list[Alert]:
    """The models that were used without a known price in the month that begins at `month`."""
    return [
        Alert(
            f"unpriced:{name}:{_stamp(month)}",
            "unpriced",
            "warning",
            f"{name} has no known price: what {_count(figures.unpriced_requests)} of this month cost is in no sum. "
            "Add a price to the catalogue.",
            name,
            month,
        )
        for name, figures in sorted(models.items())
        if figures.unpriced_requests
    ]


def unconfirmed_alerts(days: Mapping[datetime, Figures], now: datetime) -> list[Alert]:
    """The latest days on which requests were reserved of which nobody told what became."""
    since = start_of(now, "day") - timedelta(days=UNCONFIRMED_DAYS - 1)
    return [
        Alert(
            f"unconfirmed:{_stamp(day)}",
            "unconfirmed",
            "warning",
            f"Unconfirmed: {_count(figures.unconfirmed_requests)} of {day:%Y-%m-%d}. Nobody told what became of what "
            f"was reserved, so {usd(figures.unconfirmed_cost)} is booked, the most that can have been spent.",
            None,
            day,
        )
        for day, figures in sorted(days.items(), reverse=True)
        if figures.unconfirmed_requests and day >= since
    ]


def catalogue_alerts(found: Iterable[CatalogueWarning]) -> list[Alert]:
    """Models of the catalogue that are retired or have no price."""
    return [
        Alert(f"catalogue:{one.severity}:{one.model}", "catalogue", "info", f"{one.message}.", one.model, None)
        for one in found
        if one.severity in ("retired", "unpriced")
    ]


def in_order(alerts: Iterable[Alert]) -> list[Alert]:
    """The most urgent first."""
    return sorted(alerts, key=lambda alert: _ORDER.index(alert.level))


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _count(requests: int) -> str:
    return "1 request" if requests == 1 else f"{requests:,} requests"
