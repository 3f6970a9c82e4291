"""A store in memory."""

from __future__ import annotations

from decimal import Decimal

from services.cost_ledger.entries import Booking, PricedEntry
from services.cost_ledger.errors import LedgerUnavailable


class FakeStore:
    """Keeps entries in a dict; `away` makes it fail as a store does whose database is away."""

    def __init__(self) -> None:
        self.entries: dict[str, PricedEntry] = {}
        self.away = False

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

    def check(self) -> str | None:
        return "PostgreSQL does not answer." if self.away else None

    def close(self) -> None:
        """Nothing to let go of."""
