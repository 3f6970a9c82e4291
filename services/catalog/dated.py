"""Rows of the catalogue that hold for a span of days."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import TypeVar


@dataclass(frozen=True)
class Dated:
    """Holds from a day (UTC, included) to another (excluded; None: until further notice)."""

    effective_from: date
    effective_until: date | None

    def holds_at(self, at: datetime) -> bool:
        """Whether the row applies at a moment (with a time zone), by its UTC day."""
        day = at.astimezone(UTC).date()
        return self.effective_from <= day and (self.effective_until is None or day < self.effective_until)

    @property
    def span(self) -> str:
        """The days, in words."""
        return f"{self.effective_from} to {self.effective_until or 'further notice'}"


Row = TypeVar("Row", bound=Dated)


def overlapping(rows: Iterable[Row]) -> tuple[Row, Row] | None:
    """Two rows that both claim some day, or None."""
    ordered = sorted(rows, key=lambda row: row.effective_from)
    for earlier, later in pairwise(ordered):
        if earlier.effective_until is None or later.effective_from < earlier.effective_until:
            return earlier, later
    return None
