"""A store in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.cost_ledger.budgets import Span, Standing
from services.cost_ledger.entries import Booking, PricedEntry
from services.cost_ledger.errors import LedgerUnavailable
from services.cost_ledger.figures import Row
from services.cost_ledger.key_terms import KeyChanges, KeyTerms
from services.cost_ledger.keys import ApiKey
from services.cost_ledger.metrics import Tally
from services.cost_ledger.reports import Period

CREATED = datetime(2026, 11, 1, tzinfo=UTC)
REVOKED = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)


class FakeStore:
    """Keeps entries and keys in dicts; `away` makes it fail as a store does whose database is away."""

    def __init__(self) -> None:
        self.entries: dict[str, PricedEntry] = {}
        self.keys: dict[UUID, ApiKey] = {}
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

    def register_key(self, key_id: UUID, name: str, key_hash: str, prefix: str | None, terms: KeyTerms) -> ApiKey:
        if self.away:
            raise LedgerUnavailable
        made = ApiKey(key_id, name, key_hash, prefix, CREATED, None, **_frozen(terms))
        return self.key_by_hash(key_hash) or self.keys.setdefault(key_id, made)

    def key_by_hash(self, key_hash: str) -> ApiKey | None:
        return next((key for key in self.keys.values() if key.key_hash == key_hash), None)

    def all_keys(self) -> list[ApiKey]:
        return list(self.keys.values())

    def active_keys(self, now: datetime) -> list[ApiKey]:
        return [key for key in self.keys.values() if key.state(now) == "active"]

    def revoke_key(self, key_id: UUID) -> bool:
        if key_id in self.keys:
            self.keys[key_id] = replace(self.keys[key_id], revoked_at=REVOKED)
        return key_id in self.keys

    def change_key(self, key_id: UUID, changes: KeyChanges) -> ApiKey | None:
        key = self.keys.get(key_id)
        if key is not None and key.revoked_at is None:
            key = self.keys[key_id] = replace(key, **_frozen(changes))
        return key

    def first_moment(self) -> None:
        """No request ever."""
        if self.away:
            raise LedgerUnavailable

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


class FakeBudgets:
    """Remembers the budgets of keys in the order given; `away` makes it fail."""

    def __init__(self) -> None:
        self.limits: list[tuple[str, str, Decimal]] = []
        self.away = False

    def set(self, key_id: str, period: str, limit: Decimal) -> None:
        if self.away:
            raise LedgerUnavailable
        self.limits.append((key_id, period, limit))


def _frozen(terms: KeyTerms) -> dict[str, Any]:
    models = terms.get("allowed_models")
    return {**terms, **({"allowed_models": tuple(models)} if models else {})}


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
