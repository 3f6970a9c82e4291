"""Where costs stand now: what the forecast, the alerts and the cost page are made of, read at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.catalog import catalogue_warnings
from services.cost_ledger.alerts import (
    Alert,
    budget_alerts,
    catalogue_alerts,
    forecast_alerts,
    in_order,
    unconfirmed_alerts,
    unpriced_alerts,
)
from services.cost_ledger.breakdowns import start_of
from services.cost_ledger.budgets import Standing
from services.cost_ledger.figures import Figures, Row, total
from services.cost_ledger.forecast import Forecast, forecast_period, make_forecast
from services.cost_ledger.ledger import Ledger
from services.cost_ledger.reports import Period
from services.cost_ledger.spending import Spending

DAYS = 30
"""The days that the cost page looks back, today included."""


@dataclass(frozen=True)
class Present:
    """The figures of the latest days by day and model, whole days only; `first` is the first request ever."""

    now: datetime
    first: datetime | None
    rows: tuple[Row, ...]

    @property
    def recent(self) -> Period:
        """The last DAYS days, up to the end of today."""
        today = start_of(self.now, "day")
        return Period(today - timedelta(days=DAYS - 1), today + timedelta(days=1))

    def within(self, period: Period) -> list[Row]:
        """The rows of a period of whole days."""
        return [row for row in self.rows if row.start and period.since <= row.start < period.until]

    @property
    def forecast(self) -> Forecast:
        """The forecast of this month."""
        return make_forecast(by_day(self.rows), self.first, self.now)

    def alerts(self, standings: Iterable[Standing], ledger: Ledger) -> list[Alert]:
        """Every warning of now, the most urgent first."""
        budgets, forecast = list(standings), self.forecast
        return in_order(
            [
                *budget_alerts(budgets),
                *forecast_alerts(budgets, forecast),
                *unpriced_alerts(by_model(self.within(forecast.month)), forecast.month.since),
                *unconfirmed_alerts(by_day(self.rows), self.now),
                *catalogue_alerts(catalogue_warnings(ledger.catalogue, self.now)),
            ]
        )


def read_present(ledger: Ledger) -> Present:
    """Where the ledger stands at its clock's present moment."""
    now = ledger.clock()
    needed = forecast_period(now)
    since = min(needed.since, start_of(now, "day") - timedelta(days=DAYS - 1))
    period = Period(since, needed.until)
    return Present(now, ledger.store.first_moment(), tuple(ledger.store.figures.figures_by("model", period, "day")))


def read_alerts(ledger: Ledger, spending: Spending) -> list[Alert]:
    """Every warning of now, the most urgent first."""
    standings = spending.standings()  # first, since it books what was reserved and never told of
    return read_present(ledger).alerts(standings, ledger)


def by_day(rows: Iterable[Row]) -> dict[datetime, Figures]:
    """The figures of each day that has any."""
    days: dict[datetime, list[Figures]] = {}
    for row in rows:
        if row.start is not None:
            days.setdefault(row.start, []).append(row.figures)
    return {start: total(figures) for start, figures in days.items()}


def by_model(rows: Iterable[Row]) -> Mapping[str, Figures]:
    """The figures of each model, the dearest first."""
    models: dict[str, list[Figures]] = {}
    for row in rows:
        models.setdefault(row.label or "", []).append(row.figures)
    sums = {name: total(figures) for name, figures in models.items()}
    return dict(sorted(sums.items(), key=lambda item: (-item[1].cost, -item[1].all_requests, item[0])))
