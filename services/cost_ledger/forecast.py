"""What the present month will have cost in the end. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any

from services.cost_ledger.breakdowns import start_of
from services.cost_ledger.figures import NOTHING, Figures, total
from services.cost_ledger.money import money, optional_money
from services.cost_ledger.reports import Period, usd

DAYS = 7
"""The full days whose mean is taken, if there are so many."""
_DAY = timedelta(days=1)
_MICRODOLLAR = Decimal("0.000001")


def month_of(now: datetime) -> Period:
    """The whole calendar month (UTC) of a moment."""
    start = start_of(now, "month")
    return Period(start, start_of(start + timedelta(days=32), "month"))


def forecast_period(now: datetime) -> Period:
    """The whole days whose figures a forecast needs: the month's, and the last full ones before."""
    month, today = month_of(now), start_of(now, "day")
    return Period(min(month.since, today - DAYS * _DAY), month.until)


@dataclass(frozen=True)
class Forecast:
    """The present month: `spent` by now and `expected` in the end, in USD.

    `expected` is None when there is no full day to go by. `mean` is USD a day over `days` full days, the
    last of which ends at `until`; `days_left` is what remains of the month.
    """

    month: Period
    figures: Figures
    days: int
    until: datetime
    mean: Decimal
    days_left: Decimal

    @property
    def spent(self) -> Decimal:
        """USD booked in the month so far."""
        return self.figures.cost

    @property
    def expected(self) -> Decimal | None:
        """USD in the end, to a microdollar."""
        if not self.days:
            return None
        return self.spent + (self.mean * self.days_left).quantize(_MICRODOLLAR)

    @property
    def basis(self) -> str:
        """In words, what the forecast goes by, or why there is none."""
        if not self.days:
            return "No forecast yet: there is not one full day (UTC) since the first request."
        span = "the last full day" if self.days == 1 else f"the mean of the last {self.days} full days"
        text = (
            f"{usd(self.spent)} spent so far, and {usd(self.mean)} a day ({span}) for the "
            f"{self.days_left:.1f} days that are left."
        )
        if self.figures.unpriced_requests:
            text += f" Not counted: requests without a known price ({self.figures.unpriced_requests})."
        return text

    def document(self) -> dict[str, Any]:
        """GET /v1/reports/forecast."""
        full = Period(self.until - self.days * _DAY, self.until) if self.days else None
        return {
            "period": self.month.document(),
            "spent": money(self.spent),
            "forecast": optional_money(self.expected),
            "reason": None if self.days else self.basis,
            "basis": {
                "text": self.basis,
                "full_days": self.days,
                "period": full.document() if full else None,
                "mean_per_day": money(self.mean) if full else None,
                "days_left": float(self.days_left),
            },
            "requests": self.figures.all_requests,
            "unconfirmed_requests": self.figures.unconfirmed_requests,
            "unconfirmed_cost": money(self.figures.unconfirmed_cost),
            "unpriced_requests": self.figures.unpriced_requests,
        }


def make_forecast(days: Mapping[datetime, Figures], first: datetime | None, now: datetime) -> Forecast:
    """The forecast from the figures of the days of `forecast_period`, by where they begin.

    Only days since the `first` request ever count as full ones, and today does not.
    """
    month, today = month_of(now), start_of(now, "day")
    full = _full_days(first, today)
    recent = [days.get(today - number * _DAY, NOTHING).cost for number in range(1, full + 1)]
    with localcontext(prec=60):
        mean = (sum(recent, Decimal(0)) / full).quantize(_MICRODOLLAR) if full else Decimal(0)
        left = (Decimal((month.until - now) // timedelta(seconds=1)) / 86_400).quantize(Decimal("0.0001"))
    in_month = total(figures for start, figures in days.items() if month.since <= start < month.until)
    return Forecast(month, in_month, full, today, mean, left)


def _full_days(first: datetime | None, today: datetime) -> int:
    if first is None:
        return 0
    begins = start_of(first, "day")
    if first > begins:
        begins += _DAY
    return max(0, min(DAYS, (today - begins) // _DAY))
