"""Budgets: their periods, where they stand, and what still fits. Pure: no database, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from services.cost_ledger.money import money
from services.cost_ledger.times import format_time

WARN_AT = (Decimal("0.80"), Decimal("0.95"), Decimal(1))
"""The shares of a limit from which a budget's warnings begin."""


@dataclass(frozen=True)
class Span:
    """A budget's period in UTC: `start` is in it, `end` is not. `name` is daily or monthly."""

    name: str
    start: datetime
    end: datetime

    def row(self) -> dict[str, str]:
        """The columns by which the store finds it."""
        return {"period": self.name, "period_start": self.start.isoformat(), "period_end": self.end.isoformat()}


def spans_at(now: datetime, zone: ZoneInfo) -> tuple[Span, Span]:
    """The day and the month of a time zone that `now` lies in."""
    day = now.astimezone(zone).date()
    first = day.replace(day=1)
    next_first = (first + timedelta(days=32)).replace(day=1)
    return (
        Span("daily", _midnight(day, zone), _midnight(day + timedelta(days=1), zone)),
        Span("monthly", _midnight(first, zone), _midnight(next_first, zone)),
    )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


@dataclass(frozen=True)
class Standing:
    """A budget in one of its periods. `limit`, `spent` and `reserved` are USD.

    `subject` is the key's id, the user, the tag or the model that it is of; None for a global one.
    """

    id: int
    scope: str
    subject: str | None
    period: str
    limit: Decimal
    mode: str
    when_spent: str
    spent: Decimal
    reserved: Decimal
    period_start: datetime
    resets_at: datetime

    @property
    def used(self) -> Decimal:
        """What is spent or may still be, in USD."""
        return self.spent + self.reserved

    @property
    def share(self) -> Decimal:
        """The part of the limit that is used, 1 being all; a limit of 0 is always used up."""
        return self.used / self.limit if self.limit else Decimal(1)

    @property
    def name(self) -> str:
        """What people call it: "the daily budget of 10.00 USD for user ada"."""
        whose = f" for {self.scope} {self.subject}" if self.subject is not None else ""
        return f"the {self.period} budget of {money(self.limit)} USD{whose}"

    def fits(self, amount: Decimal) -> bool:
        """Whether `amount` more stays within the limit."""
        return self.used + amount <= self.limit

    def level(self, amount: Decimal = Decimal(0)) -> Decimal | None:
        """The highest of WARN_AT that is reached with `amount` more; None below the first."""
        used = self.used + amount
        reached = [share for share in WARN_AT if used >= share * self.limit]
        return reached[-1] if reached else None

    def document(self) -> dict[str, Any]:
        """As callers see it."""
        return {
            "id": self.id,
            "scope": self.scope,
            "subject": self.subject,
            "period": self.period,
            "limit": money(self.limit),
            "mode": self.mode,
            "when_spent": self.when_spent,
            "spent": money(self.spent),
            "reserved": money(self.reserved),
            "remaining": money(self.limit - self.used),
            "share": round(float(self.share), 4),
            "period_start": format_time(self.period_start),
            "resets_at": format_time(self.resets_at),
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Standing:
        """The standing of a row of `standings`, with `spent` known."""
        return cls(
            **{name: row[name] for name in ("id", "scope", "period", "mode", "when_spent", "spent", "reserved")},
            subject=row["subject"] or None,
            limit=row["limit_usd"],
            period_start=row["period_start"],
            resets_at=row["period_end"],
        )


def first_passed(standings: Iterable[Standing], amount: Decimal | None) -> Standing | None:
    """The hard budget that `amount` does not fit into, one that refuses before one that degrades; None when it fits.

    An unknown amount (None) fits into no hard budget.
    """
    passed = [one for one in standings if one.mode == "hard" and (amount is None or not one.fits(amount))]
    return min(passed, key=lambda one: one.when_spent != "refuse", default=None)


def warnings(standings: Iterable[Standing], amount: Decimal = Decimal(0)) -> list[dict[str, Any]]:
    """The budgets that `amount` more brings to a share of WARN_AT, with a sentence for each."""
    found = []
    for standing in standings:
        level = standing.level(amount)
        if level is not None:
            text = f"{standing.name[0].upper()}{standing.name[1:]} is used to {level:.0%} or more."
            found.append({"level": float(level), "message": text, "budget": standing.document()})
    return found
