"""A store in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from services.cost_ledger.budgets import Span, Standing
from services.cost_ledger.entries import Booking, PricedEntry
from services.cost_ledger.errors import LedgerUnavailable
from services.cost_ledger.metrics import Tally


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

    def settle_expired(self, now: datetime) -> int:
        """It has no reservations."""
        if self.away:
            raise LedgerUnavailable
        return 0

    def standings(self, spans: Sequence[Span]) -> list[Standing]:
        """It has no budgets."""
        if self.away:
            raise LedgerUnavailable
        return []

    def tally(self) -> Tally:
        """Its entries, one a row."""
        if self.away:
            raise LedgerUnavailable
        sums = [
            {
                "model": priced.model,
                "backend": priced.entry.backend,
                "status": priced.entry.status,
                "corrected": False,
                "requests": 1,
                "unpriced": int(priced.cost is None),
                "cost": priced.cost or Decimal(0),
            }
            for priced in self.entries.values()
        ]
        return Tally(sums, durations=[], bounds=[1.0], open_reservations=0, reserved=Decimal(0))

    def check(self) -> str | None:
        return "PostgreSQL does not answer." if self.away else None

    def close(self) -> None:
        """Nothing to let go of."""
