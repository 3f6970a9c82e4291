"""The ledger's tables: one method a question."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import aiosql

from services.cost_ledger.entries import Booking, PricedEntry
from services.cost_ledger.keys import ApiKey
from services.cost_ledger.reports import Period
from services.runtime.database import Database
from services.runtime.migrate import Schema, load_migrations

_SQL = Path(__file__).parent / "sql"
_QUERIES = aiosql.from_path(_SQL / "queries.sql", "psycopg")

Row = dict[str, Any]


def ledger_schema() -> Schema:
    """The ledger's schema; MigrationError when its files are not as they should be."""
    return Schema("ledger", load_migrations(_SQL / "migrations"))


class LedgerStore:
    """Entries and keys in PostgreSQL. Every method raises LedgerUnavailable when it does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record_entries(self, entries: Sequence[PricedEntry]) -> list[Booking]:
        """Book all entries or none, each request id once ever; in the order given.

        The first to book an id wins. A later one, in this batch or from elsewhere, changes nothing
        and is told the cost in the books.
        """
        rows = json.dumps([entry.row() for entry in entries])
        ids = {entry.entry.request_id for entry in entries}
        booked: dict[str, Decimal | None] = {}
        known: dict[str, Decimal | None] = {}

        def question(conn: Any) -> None:
            booked.update((row["request_id"], row["cost"]) for row in _QUERIES.record_entries(conn, entries=rows))
            missing = list(ids - booked.keys())
            if missing:  # entries never change, so a second transaction sees what the first one met
                known.update((row["request_id"], row["cost"]) for row in _QUERIES.costs_of(conn, request_ids=missing))

        self._database.run(question)
        return _bookings(entries, booked, known)

    def entries_after(self, cursor: int, limit: int) -> list[Row]:
        """Up to `limit` rows booked after the one with id `cursor`, in booking order: none is ever skipped."""
        return self._database.run(lambda conn: list(_QUERIES.entries_after(conn, after=cursor, page=limit)))

    def last_entry(self) -> int:
        """The id of the entry booked last; 0 when there is none."""
        return int(self._database.run(_QUERIES.last_entry))

    def first_moment(self) -> datetime | None:
        """When the earliest request of the ledger occurred."""
        moment: datetime | None = self._database.run(_QUERIES.first_moment)
        return moment

    def stats(self) -> Row:
        """Counts and sums over the whole ledger."""
        return dict(self._database.report(_QUERIES.stats))

    def summarise(self, period: Period, baseline: str) -> list[Row]:
        """Counts and sums of a period: a row a model, a row a backend (`level` 1 and 2), and one of all (3)."""
        return self._database.report(lambda conn: list(_QUERIES.summarise(conn, **_within(period), baseline=baseline)))

    def hours_with_other_baseline(self, period: Period, baseline: str, last_id: int) -> list[datetime]:
        """The hours with entries, up to `last_id`, that were compared with another model than `baseline`."""
        span = {**_within(period), "baseline": baseline, "last_id": last_id}
        rows = self._database.report(lambda conn: list(_QUERIES.hours_with_other_baseline(conn, **span)))
        return [row["hour"] for row in rows]

    def tokens_by_hour_and_band(self, period: Period, baseline: str, last_id: int, bands: Sequence[int]) -> list[Row]:
        """The tokens of the same entries, summed by hour and by how many of `bands` the prompt reaches."""
        span = {**_within(period), "baseline": baseline, "last_id": last_id, "bands": list(bands)}
        return self._database.report(lambda conn: list(_QUERIES.tokens_by_hour_and_band(conn, **span)))

    def register_key(self, name: str, key_hash: str, prefix: str | None) -> tuple[ApiKey, bool]:
        """The key with this hash, and whether it is new; a known one keeps its name and its state."""

        def question(conn: Any) -> tuple[ApiKey, bool]:
            row = _QUERIES.register_key(conn, name=name, key_hash=key_hash, prefix=prefix)
            is_new = row is not None
            return ApiKey.from_row(row if is_new else _QUERIES.key_by_hash(conn, key_hash=key_hash)), is_new

        return self._database.run(question)

    def all_keys(self) -> list[ApiKey]:
        """All keys, the oldest first."""
        return self._database.run(lambda conn: [ApiKey.from_row(row) for row in _QUERIES.all_keys(conn)])

    def active_keys(self) -> list[ApiKey]:
        """The keys that are not revoked."""
        return self._database.run(lambda conn: [ApiKey.from_row(row) for row in _QUERIES.active_keys(conn)])

    def revoke_key(self, key_id: UUID) -> bool:
        """Revoke a key for good; False when there is no such key."""
        return self._database.run(lambda conn: _QUERIES.revoke_key(conn, id=key_id)) is not None

    def check(self) -> str | None:
        """None when the database answers now, else what is wrong."""
        return self._database.check()

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()


def _within(period: Period) -> dict[str, datetime]:
    return {"since": period.since, "until": period.until}


def _bookings(
    entries: Sequence[PricedEntry], booked: dict[str, Decimal | None], known: dict[str, Decimal | None]
) -> list[Booking]:
    costs = {**known, **booked}
    seen = set(known)
    bookings = []
    for entry in entries:
        request_id = entry.entry.request_id
        bookings.append(Booking(request_id, costs[request_id], duplicate=request_id in seen))
        seen.add(request_id)
    return bookings
