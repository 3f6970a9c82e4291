"""The ledger's tables: one method a question."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.cost_ledger import books
from services.cost_ledger.budgets import Span, Standing, first_passed
from services.cost_ledger.entries import Booking, PricedEntry
from services.cost_ledger.errors import InvalidField
from services.cost_ledger.figure_store import FigureStore
from services.cost_ledger.key_terms import KeyChanges, KeyTerms
from services.cost_ledger.keys import ApiKey
from services.cost_ledger.metrics import Tally
from services.cost_ledger.queries import METRICS, QUERIES, SQL
from services.cost_ledger.reports import Period
from services.cost_ledger.reservations import Reservation, Reserved
from services.runtime.database import Database
from services.runtime.migrate import Schema, load_migrations

Row = dict[str, Any]


def ledger_schema() -> Schema:
    """The ledger's schema; MigrationError when its files are not as they should be."""
    return Schema("ledger", load_migrations(SQL / "migrations"))


class LedgerStore:
    """Entries and keys in PostgreSQL. Every method raises LedgerUnavailable when it does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.figures = FigureStore(database)

    def record_entries(self, entries: Sequence[PricedEntry]) -> list[Booking]:
        """Book all entries or none, each request and each correction once ever; in the order given.

        The first to book a request wins. A later one, in this batch or from elsewhere, changes nothing
        and is told the cost in the books. Reservations of the requests end.
        """

        def question(conn: Any) -> list[Booking]:
            booked = books.book_new(conn, entries)
            if booked is not None:
                return booked
            with books.turn(conn):
                return books.book(conn, entries)

        return self._database.run(question)

    def reserve(self, reservation: Reservation, spans: Sequence[Span]) -> Reserved:
        """Hold the amount of a reservation against the budgets that count it, unless a hard one says no.

        `spans` are the budgets' periods at its moment. What was reserved or booked before is left as it is.
        """
        entry, now = reservation.worst.entry, reservation.created_at
        model, amount = reservation.worst.model, reservation.amount
        labels = {"key_id": entry.key_id, "user_name": entry.user, "tags": list(entry.tags), "model": model}

        def question(conn: Any) -> Reserved:
            with books.turn(conn):
                books.settle_expired(conn, now)
                state = QUERIES.request_state(conn, request_id=entry.request_id)
                found = books.standings(conn, [span.row() for span in spans], labels)
                standings = tuple(Standing.from_row(row) for row in found)
                outcome = Reserved(
                    standings,
                    passed=first_passed(standings, amount),
                    hard_budgets=state["hard_budgets"],
                    booked=state["booked"],
                    differs=state["entry"] is not None and reservation.differs(json.loads(state["entry"])),
                    expires_at=state["expires_at"],
                    amount=state["amount"],
                )
                if outcome.is_new:
                    QUERIES.reserve(
                        conn,
                        request_id=entry.request_id,
                        created_at=now,
                        expires_at=reservation.expires_at,
                        amount=amount or Decimal(0),
                        entry=json.dumps(reservation.worst.row(now)),
                        **labels,
                    )
                return outcome

        return self._database.run(question)

    def release(self, request_id: str) -> None:
        """Let go of a reservation, if there is one."""
        self._database.run(lambda conn: QUERIES.release(conn, request_id=request_id))

    def settle_expired(self, now: datetime) -> int:
        """Book reservations whose time is over at their worst case, as unconfirmed; how many there were."""

        def question(conn: Any) -> int:
            if not list(QUERIES.expired_reservations(conn, now=now)):
                return 0
            with books.turn(conn):
                return books.settle_expired(conn, now)

        return self._database.run(question)

    def standings(self, spans: Sequence[Span]) -> list[Standing]:
        """Every budget where it stands in these periods."""

        periods = [span.row() for span in spans]

        def question(conn: Any) -> list[Standing]:
            rows = books.known_standings(conn, periods)
            if rows is None:
                with books.turn(conn):
                    rows = books.standings(conn, periods)
            return [Standing.from_row(row) for row in rows]

        return self._database.run(question)

    def set_budget(self, budget: Mapping[str, Any]) -> tuple[int, bool]:
        """Set a budget (columns of ledger.budgets) or change the one that is there; its id, and whether it is new."""
        row = self._database.run(lambda conn: QUERIES.set_budget(conn, **budget))
        return row["id"], row["is_new"]

    def remove_budget(self, budget_id: int) -> bool:
        """Remove a budget; False when there is none."""
        return bool(self._database.run(lambda conn: QUERIES.remove_budget(conn, id=budget_id)))

    def entries_after(self, cursor: int, limit: int) -> list[Row]:
        """Up to `limit` rows booked after the one with id `cursor`, in booking order: none is ever skipped."""
        return self._database.run(lambda conn: list(QUERIES.entries_after(conn, after=cursor, page=limit)))

    def last_entry(self) -> int:
        """The id of the entry booked last; 0 when there is none."""
        return int(self._database.run(QUERIES.last_entry))

    def first_moment(self) -> datetime | None:
        """When the earliest request of the ledger occurred."""
        moment: datetime | None = self._database.run(QUERIES.first_moment)
        return moment

    def stats(self) -> Row:
        """Counts and sums over the whole ledger."""
        return dict(self._database.report(QUERIES.stats))

    def summarise(self, period: Period, baseline: str) -> list[Row]:
        """Counts and sums of a period: a row a model, a row a backend (`level` 1 and 2), and one of all (3)."""
        return self._database.report(lambda conn: list(QUERIES.summarise(conn, **_within(period), baseline=baseline)))

    def hours_with_other_baseline(self, period: Period, baseline: str, last_id: int) -> list[datetime]:
        """The hours with entries, up to `last_id`, that were compared with another model than `baseline`.

        InvalidField when a closed month was: its entries are not there to be compared anew.
        """
        bounds = {**_within(period), "baseline": baseline}
        closed = self._database.report(lambda conn: list(QUERIES.closed_with_other_baseline(conn, **bounds)))
        if closed:
            month, other = closed[0]["month"], closed[0]["baseline_model"]
            raise InvalidField("baseline", f"the entries of {month} are archived, and were compared with {other}")
        span = {**_within(period), "baseline": baseline, "last_id": last_id}
        rows = self._database.report(lambda conn: list(QUERIES.hours_with_other_baseline(conn, **span)))
        return [row["hour"] for row in rows]

    def tokens_by_hour_and_band(self, period: Period, baseline: str, last_id: int, bands: Sequence[int]) -> list[Row]:
        """The tokens of the same entries, summed by hour and by how many of `bands` the prompt reaches."""
        span = {**_within(period), "baseline": baseline, "last_id": last_id, "bands": list(bands)}
        return self._database.report(lambda conn: list(QUERIES.tokens_by_hour_and_band(conn, **span)))

    def tally(self) -> Tally:
        """The books in counts and sums, all of the same moment."""

        def question(conn: Any) -> Tally:
            with conn.transaction():
                conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                held = METRICS.open_reservations(conn)
                return Tally(
                    sums=list(METRICS.sums_ever(conn)),
                    durations=list(METRICS.durations_ever(conn)),
                    bounds=METRICS.duration_bounds(conn),
                    open_reservations=held["requests"],
                    reserved=held["amount"],
                )

        return self._database.run(question)

    def register_key(self, key_id: UUID, name: str, key_hash: str, prefix: str | None, terms: KeyTerms) -> ApiKey:
        """The key with this hash: a new one with this id, or a known one as it was."""
        values: dict[str, Any] = {"expires_at": None, "rate_limit": None, "allowed_models": None, **terms}
        values |= {"id": key_id, "name": name, "key_hash": key_hash, "prefix": prefix}

        def question(conn: Any) -> ApiKey:
            row = QUERIES.register_key(conn, **values) or QUERIES.key_by_hash(conn, key_hash=key_hash)
            return ApiKey.from_row(row)

        return self._database.run(question)

    def key_by_hash(self, key_hash: str) -> ApiKey | None:
        """The key with this hash, revoked ones too."""
        return _optional_key(self._database.run(lambda conn: QUERIES.key_by_hash(conn, key_hash=key_hash)))

    def all_keys(self) -> list[ApiKey]:
        """All keys, the oldest first."""
        return self._database.run(lambda conn: [ApiKey.from_row(row) for row in QUERIES.all_keys(conn)])

    def active_keys(self, now: datetime) -> list[ApiKey]:
        """The keys that are neither revoked nor expired at `now`."""
        return self._database.run(lambda conn: [ApiKey.from_row(row) for row in QUERIES.active_keys(conn, now=now)])

    def revoke_key(self, key_id: UUID) -> bool:
        """Revoke a key for good; False when there is no such key."""
        return self._database.run(lambda conn: QUERIES.revoke_key(conn, id=key_id)) is not None

    def change_key(self, key_id: UUID, changes: KeyChanges) -> ApiKey | None:
        """The key after the changes; a revoked one, which stays as it was; None when there is no such key."""
        document = json.dumps(changes, default=datetime.isoformat)

        def question(conn: Any) -> Any:
            return QUERIES.change_key(conn, id=key_id, changes=document) or QUERIES.key_by_id(conn, id=key_id)

        return _optional_key(self._database.run(question))

    def cloud_usage_by_day(self, period: Period) -> list[Row]:
        """Tokens, cost and unpriced requests of cloud answers: a row a UTC day and model."""
        return self._database.report(lambda conn: list(QUERIES.cloud_usage_by_day(conn, **_within(period))))

    def check(self) -> str | None:
        """None when the database answers now, else what is wrong."""
        return self._database.check()

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()


def _optional_key(row: Row | None) -> ApiKey | None:
    return None if row is None else ApiKey.from_row(row)


def _within(period: Period) -> dict[str, datetime]:
    return {"since": period.since, "until": period.until}
