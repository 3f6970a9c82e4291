"""The bridge's own metrics."""

from __future__ import annotations

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge


class BridgeMetrics:
    """What was recorded, what failed, and when the bridge was last level with the ledger."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._imported = Counter("tw_bridge_imported_total", "Tasks added to Taskwarrior.", registry=self.registry)
        self._failures = Counter(
            "tw_bridge_sync_failures_total",
            "Syncs that failed, by the code of the error.",
            ["code"],
            registry=self.registry,
        )
        self._level = Gauge(
            "tw_bridge_last_sync_timestamp_seconds",
            "When a sync last ended well, in Unix time.",
            registry=self.registry,
        )

    def count_imported(self, tasks: int) -> None:
        """That many more tasks."""
        self._imported.inc(tasks)

    def count_failure(self, code: str) -> None:
        """One more sync that failed."""
        self._failures.labels(code).inc()

    def mark_level(self, moment: datetime) -> None:
        """A sync has ended well."""
        self._level.set(moment.timestamp())
