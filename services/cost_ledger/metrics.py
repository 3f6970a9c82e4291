"""What Prometheus learns from the ledger."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram

from services.cost_ledger.entries import Booking, PricedEntry


class LedgerMetrics:
    """Counts of what this process booked; duplicates are not counted."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._entries = Counter(
            "ledger_entries_total", "Entries booked.", ["backend", "status"], registry=self.registry
        )
        self._unpriced = Counter(
            "ledger_unpriced_total", "Entries booked without a known price.", registry=self.registry
        )
        self.booking_seconds = Histogram(
            "ledger_booking_seconds",
            "Time to price and book one POST of entries, in seconds.",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self.registry,
        )

    def count(self, entries: Iterable[PricedEntry], bookings: Iterable[Booking]) -> None:
        """Count the new ones of a batch."""
        for priced, booking in zip(entries, bookings, strict=True):
            if not booking.duplicate:
                self._entries.labels(priced.entry.backend, priced.entry.status).inc()
                if priced.charge is None:
                    self._unpriced.inc()
