"""Changing the books: what one transaction does, in which only one is at work at a time.

Unless it says otherwise a function takes an open connection whose transaction began with `turn`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.cost_ledger.entries import Booking, PricedEntry
from services.cost_ledger.queries import QUERIES
from services.runtime.database import patiently

Row = dict[str, Any]


@contextmanager
def turn(conn: Any) -> Iterator[None]:
    """A transaction that waits for its turn: while inside, nobody else changes the books."""
    with conn.transaction():
        QUERIES.take_turn(conn)
        yield


def book_new(conn: Any, entries: Sequence[PricedEntry]) -> list[Booking] | None:
    """Book entries of different requests that the books know nothing of, in one question; None when that is not so.

    It needs no turn: the question takes its own.
    """
    if len({one.entry.request_id for one in entries}) < len(entries):
        return None
    if not QUERIES.book_new(conn, rows=json.dumps([one.row() for one in entries])):
        return None
    return [Booking(one.entry.request_id, one.cost, duplicate=False) for one in entries]


def book(conn: Any, entries: Sequence[PricedEntry]) -> list[Booking]:
    """Book each request once and each correction once; in the order given.

    The first to book a request wins, and a later one is told the cost in the books. An entry of a request
    that stands as unconfirmed replaces it.
    """
    bookings: dict[int, Booking] = {}
    waiting = dict(enumerate(entries))
    while waiting:
        # Of entries of the same request each must see the books after the one before.
        first: dict[str, int] = {}
        for index, one in waiting.items():
            first.setdefault(one.entry.request_id, index)
        booked = _book_round(conn, [waiting.pop(index) for index in first.values()])
        bookings.update(zip(first.values(), booked, strict=True))
        for index, one in list(waiting.items()):
            before = first.get(one.entry.request_id)
            if one.entry.correction:
                first.pop(one.entry.request_id, None)
            elif before is not None:
                bookings[index] = replace(bookings[before], duplicate=True)
                del waiting[index]
    return [bookings[index] for index in range(len(entries))]


def settle_expired(conn: Any, now: datetime) -> int:
    """Book reservations whose time is over at their worst case, as unconfirmed; how many there were."""
    rows = list(QUERIES.expired_reservations(conn, now=now))
    if rows:
        _append(conn, [], [json.loads(row["entry"]) for row in rows])
    return len(rows)


def known_standings(conn: Any, periods: Sequence[Row]) -> list[Row] | None:
    """All budgets where they stand in these periods; None when one has to be opened, which takes a turn."""
    found = _standings(conn, periods, None)
    return None if any(row["spent"] is None for row in found) else found


def standings(conn: Any, periods: Sequence[Row], labels: Mapping[str, Any] | None = None) -> list[Row]:
    """The budgets that count a request with these labels, or all, where they stand in these periods."""
    found = _standings(conn, periods, labels)
    unopened = [row for row in found if row["spent"] is None]
    if unopened:
        patiently(conn)  # a budget that is made late in a busy month has many entries
    for row in unopened:
        span = {name: row[name] for name in ("period_start", "period_end")}
        QUERIES.open_period(conn, budget_id=row["id"], **span)
    return _standings(conn, periods, labels) if unopened else found


def _standings(conn: Any, periods: Sequence[Row], labels: Mapping[str, Any] | None) -> list[Row]:
    spans = json.dumps(periods)
    if labels is None:
        return list(QUERIES.standings(conn, periods=spans))
    return list(QUERIES.standings_for(conn, periods=spans, **labels))


@dataclass(frozen=True)
class _Known:
    """What the books have of a request: nothing (not `booked`), an unconfirmed row, or what holds."""

    booked: bool = False
    unconfirmed: bool = False
    corrections: tuple[str, ...] = ()
    charged_at: datetime | None = None
    cost: Decimal | None = None

    def settles(self, correction: str | None) -> bool:
        """Whether an entry with this correction has nothing to add."""
        if not self.booked:
            return False
        return correction in self.corrections if correction else not self.unconfirmed


def _book_round(conn: Any, entries: Sequence[PricedEntry]) -> list[Booking]:
    """Book entries of different requests."""
    known = _take_known(conn, [one.entry.request_id for one in entries])
    bookings, reversals, rows = [], [], []
    for one in entries:
        request_id, correction = one.entry.request_id, one.entry.correction
        before = known.get(request_id, _Known())
        settled = before.settles(correction)
        bookings.append(Booking(request_id, before.cost if settled else one.cost, duplicate=settled))
        if settled:
            continue
        if before.booked:
            reversals.append({"request_id": request_id, "correction": correction})
        rows.append(one.row(before.charged_at))
    _append(conn, reversals, rows)
    return bookings


def _take_known(conn: Any, request_ids: list[str]) -> dict[str, _Known]:
    """What the books have of those requests that they know."""
    return {
        row["request_id"]: _Known(
            booked=True,
            unconfirmed=row["unconfirmed"],
            corrections=tuple(row["corrections"]),
            charged_at=row["charged_at"],
            cost=row["cost"],
        )
        for row in QUERIES.take_requests(conn, request_ids=request_ids)
    }


def _append(conn: Any, reversals: Sequence[Row], rows: Sequence[Row]) -> None:
    """Take back what holds for some requests, book rows, and bring sums and budgets up to date; reservations end."""
    if not rows:
        return
    QUERIES.append(conn, reversals=json.dumps(reversals), rows=json.dumps(rows))
