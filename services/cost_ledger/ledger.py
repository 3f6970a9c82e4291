"""The ledger: prices what it is told and books it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.catalog import Catalogue
from services.cost_ledger.entries import (
    Booking,
    PricedEntry,
    charge_document,
    entry_document,
    parse_entry,
    parse_moment,
    parse_usage,
    price_entry,
)
from services.cost_ledger.errors import CursorAhead, MonthClosed
from services.cost_ledger.metrics import LedgerMetrics
from services.cost_ledger.store import LedgerStore

log = logging.getLogger(__name__)


class Ledger:
    """The books of one database, at the prices of one catalogue."""

    def __init__(
        self,
        store: LedgerStore,
        catalogue: Catalogue,
        baseline_model: str,
        clock: Callable[[], datetime],
        metrics: LedgerMetrics,
    ) -> None:
        """`baseline_model` is a name of the catalogue; `clock` gives the present moment in UTC."""
        self.store = store
        self.catalogue = catalogue
        self.baseline_model = catalogue.find(baseline_model).name
        self.clock = clock
        self.metrics = metrics

    def book(self, bodies: Sequence[Mapping[str, Any]], *, batch: bool) -> list[Booking]:
        """Book all or none of the bodies, which satisfy the schema; InvalidField names what is wrong."""
        now = self.clock()
        with self.metrics.booking_seconds.time():
            entries = []
            for index, body in enumerate(bodies):
                entry = parse_entry(body, now, f"entries[{index}]." if batch else "")
                entries.append(price_entry(entry, self.catalogue, self.baseline_model))
            try:
                bookings = self.store.record_entries(entries)
            except MonthClosed as error:
                raise _where_closed(error, entries) if batch else error from None
        _warn_of_unpriced(entries, bookings)
        return bookings

    def cost(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What usage costs on a model, now or at the moment the body names. Needs no database."""
        now = self.clock()
        at = parse_moment(body["at"], "at", now) if body.get("at") else now
        charge = self.catalogue.charge(
            body["model"],
            parse_usage(body["usage"]),
            at,
            batch=body.get("batch", False),
            inference_geo=body.get("inference_geo"),
        )
        return charge_document(charge)

    def entries_after(self, cursor: int, limit: int) -> dict[str, Any]:
        """A page of entries in booking order, and the cursor to ask for the next page with."""
        rows = self.store.entries_after(cursor, limit)
        if not rows and cursor > self.store.last_entry():
            raise CursorAhead
        last = rows[-1]["id"] if rows else cursor
        return {"entries": [entry_document(row) for row in rows], "cursor": str(last)}


def _where_closed(error: MonthClosed, entries: Sequence[PricedEntry]) -> MonthClosed:
    """The same error, naming the first entry of a batch that it is about."""
    months = [f"{one.entry.occurred_at:%Y-%m}" for one in entries]
    return MonthClosed(f"entries[{months.index(error.month)}].{error.details['field']}", error.month)


def _warn_of_unpriced(entries: Sequence[PricedEntry], bookings: Sequence[Booking]) -> None:
    for priced, booking in zip(entries, bookings, strict=True):
        if priced.charge is None and not booking.duplicate:
            log.warning(
                "no price is known: booked as unpriced",
                extra={"model": priced.model, "entry": booking.request_id},
            )
