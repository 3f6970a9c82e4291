"""Months in UTC, and which of them are old enough to go. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month in UTC; `first` is its first day."""

    first: date

    @property
    def name(self) -> str:
        """Such as 2026_05: as in the names of its partition and of its files."""
        return f"{self.first:%Y_%m}"

    def span(self) -> dict[str, Any]:
        """Its bounds as parameters of questions: `since` is in it, `until` is not."""
        until = (self.first + timedelta(days=32)).replace(day=1)
        return {name: datetime.combine(day, time(), UTC) for name, day in (("since", self.first), ("until", until))}

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"


def old_months(months: Iterable[Month], keep: int, now: datetime) -> list[Month]:
    """The months before the last `keep` full ones, the oldest first; the month of `now` is not a full one."""
    this = now.year * 12 + now.month - 1 - keep
    oldest_kept = Month(date(this // 12, this % 12 + 1, 1))
    return sorted(month for month in months if month < oldest_kept)
