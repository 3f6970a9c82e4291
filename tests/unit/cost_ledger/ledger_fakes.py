"""A store in memory."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from services.cost_ledger.budgets import Standing
from services.cost_ledger.entries import Booking, PricedEntry
from services.cost_ledger.errors import LedgerUnavailable
from services.cost_ledger.figures import Row
from services.cost_ledger.keys import ApiKey
from services.cost_ledger.reports import Period


class FakeStore:
    """Keeps entries in a dict; `away` makes it fail as a store does whose database is away."""

    def __init__(self) -> None:
        self.entries: dict[str, PricedEntry] = {}
        self.away = False
        self.figures = FakeFigures(self)

    def record_entries(self, entries: list[PricedEntry]) -> list[Booking]:
        if self.away:
            raise LedgerUnavailable
        bookings = []
        for priced in entries:
            request_id = priced.entry.request_id
            duplicate = request_id in self.entries
            cost: Decimal | None = self.entries.setdefault(request_id, priced).cost
            bookings.append(Booking(request_id, cost, duplicate))
        return bookings

    def first_moment(self) -> None:
        """No request ever."""
        if self.away:
            raise LedgerUnavailable

    def settle_expired(self, now: object) -> int:
        if self.away:
            raise LedgerUnavailable
        return 0

    def standings(self, spans: object) -> list[Standing]:
        return []

    def all_keys(self) -> list[ApiKey]:
        return []

    def check(self) -> str | None:
        return "PostgreSQL does not answer." if self.away else None

    def close(self) -> None:
        """Nothing to let go of."""


class FakeFigures:
    """The sums of books without entries; remembers the last question."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store
        self.asked: tuple[str, Period, str | None] | None = None

    def figures_by(self, dimension: str, period: Period, unit: str | None = None) -> list[Row]:
        if self._store.away:
            raise LedgerUnavailable
        self.asked = (dimension, period, unit)
        return []

    def baselines(self, period: Period) -> list[str]:
        return []

    def latest_entries(self, count: int) -> list[dict[str, Any]]:
        return []
