"""Reports: periods, what the machine cost in them, and what the routing saved. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

from services.catalog import PriceRow, Usage
from services.cost_ledger.errors import InvalidField
from services.cost_ledger.money import money
from services.cost_ledger.times import format_time, parse_date, parse_time

_MICRODOLLAR = Decimal("0.000001")


@dataclass(frozen=True)
class Period:
    """A span of time in UTC: `since` is in it, `until` is not."""

    since: datetime
    until: datetime

    def document(self) -> dict[str, str]:
        """As callers see it."""
        return {"from": format_time(self.since), "to": format_time(self.until)}


def parse_period(since: str | None, until: str | None, now: datetime) -> Period:
    """The period of the query parameters `from` and `to`: times, or dates of which `to` counts in full.

    The default is this calendar month (UTC) up to now. InvalidField names the wrong parameter.
    """
    begin = _moment(since, "from", timedelta(0)) if since else _month_start(now)
    end = _moment(until, "to", timedelta(days=1)) if until else now
    if end <= begin:
        raise InvalidField("to" if until else "from", "the period ends before it begins")
    return Period(begin, end)


def rented(period: Period, first: datetime | None, now: datetime) -> Period | None:
    """The part of a period in which the machine was at work: from the first entry ever (`first`) up to now."""
    if first is None:
        return None
    since, until = max(period.since, first), min(period.until, now)
    return Period(since, until) if since < until else None


def machine_cost(period: Period | None, monthly: Decimal) -> Decimal:
    """The machine's rent in USD, to a microdollar: `monthly` for each calendar month, shared out evenly in it."""
    if period is None:
        return Decimal(0)
    share = sum((_share_of_month(start, end, period) for start, end in _months(period)), Fraction(0))
    with localcontext(prec=60):
        return (monthly * share.numerator / share.denominator).quantize(_MICRODOLLAR)


@dataclass(frozen=True)
class Savings:
    """What routing saved, all in USD. `net` may be negative: then routing cost more than it saved."""

    baseline_model: str
    baseline: Decimal
    paid: Decimal
    machine: Decimal
    requests: int
    unpriced: int

    @property
    def net(self) -> Decimal:
        """What the same tokens would have cost on the baseline model, minus what was paid for all."""
        return self.baseline - self.paid - self.machine

    @property
    def verdict(self) -> str:
        """One sentence, or two when prices are missing, for people."""
        if not self.requests:
            idle = f" The machine cost {usd(self.machine)} all the same." if self.machine else ""
            return f"No requests were booked in this period.{idle}"
        machine = f" and {usd(self.machine)} for the machine" if self.machine else ""
        compared = (
            f"the same tokens on {self.baseline_model} would have cost {usd(self.baseline)}; "
            f"{usd(self.paid)} went to providers{machine}."
        )
        if self.net > 0:
            text = f"Routing saved {usd(self.net)}: {compared}"
        elif self.net < 0:
            text = f"Routing lost {usd(-self.net)}: {compared}"
        else:
            text = f"Routing saved nothing: {compared}"
        if self.unpriced:
            text += f" Not counted: requests without a known price ({self.unpriced})."
        return text

    def document(self) -> dict[str, str]:
        """As callers see it."""
        return {
            "baseline_model": self.baseline_model,
            "baseline": money(self.baseline),
            "paid": money(self.paid),
            "machine": money(self.machine),
            "net": money(self.net),
            "verdict": self.verdict,
        }


def band_starts(rows: Iterable[PriceRow | None]) -> list[int]:
    """The prompt lengths, in tokens, at which a price of any row changes; ascending."""
    return sorted({above + 1 for row in rows if row for above, _ in row.bands if above >= 0})


def cost_on(row: PriceRow | None, tokens: Mapping[str, Any], bands: list[int]) -> Decimal:
    """USD for a sum of tokens of prompts in one band: `tokens['band']` counts how many of `bands` are reached."""
    if row is None:
        return Decimal(0)
    prices = row.unit_prices(([0, *bands])[tokens["band"]])
    return prices.cost(Usage(**{kind: int(tokens[kind]) for kind in Usage.__dataclass_fields__}))


def _moment(text: str, field: str, whole_day: timedelta) -> datetime:
    try:
        day = parse_date(text)
        return parse_time(text) if day is None else day + whole_day
    except (ValueError, OverflowError):
        raise InvalidField(field, "must be a date such as 2026-11-22, or a time with its zone") from None


def _month_start(moment: datetime) -> datetime:
    return datetime(moment.year, moment.month, 1, tzinfo=UTC)


def _months(period: Period) -> Iterator[tuple[datetime, datetime]]:
    start = _month_start(period.since)
    while start < period.until:
        end = _month_start(start + timedelta(days=31))
        yield start, end
        start = end


def _share_of_month(start: datetime, end: datetime, period: Period) -> Fraction:
    inside = min(end, period.until) - max(start, period.since)
    return Fraction(inside // timedelta(microseconds=1), (end - start) // timedelta(microseconds=1))


def usd(amount: Decimal) -> str:
    """For reading: cents from a dollar up, else four decimals, else two significant digits."""
    if abs(amount) >= 1 or not amount:
        return f"{amount:.2f} USD"
    if abs(amount) >= Decimal("0.0001"):
        return f"{amount:.4f} USD"
    return f"{money(Decimal(f'{amount:.1e}'))} USD"
