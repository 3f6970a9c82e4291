"""What Prometheus learns from the recorder."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.scorer.outcomes.records import OutcomeRecord, Record


class OutcomeMetrics:
    """Counts of records that were written or lost, and how many wait."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Registers everything in `registry`."""
        self._records = Counter(
            "scorer_outcome_records_total",
            "Records of routes and outcomes that were written to the database, or lost.",
            ["kind", "result"],
            registry=registry,
        )
        self._queue = Gauge("scorer_outcome_queue_length", "Records that wait to be written.", registry=registry)
        for kind in ("route", "outcome"):
            for result in ("written", "lost"):
                self._records.labels(kind, result)

    def watch_queue(self, length: Callable[[], int]) -> None:
        """Ask `length` at each scrape how many records wait."""
        self._queue.set_function(lambda: float(length()))

    def count(self, result: str, records: Sequence[Record]) -> None:
        """Count records that ended as `result`."""
        outcomes = sum(isinstance(record, OutcomeRecord) for record in records)
        self._records.labels("outcome", result).inc(outcomes)
        self._records.labels("route", result).inc(len(records) - outcomes)
