"""Takes records from the request path and writes them in the background.

The path never waits: a record is put into a queue of bounded length, or lost and counted.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Protocol

import psycopg

from services.runtime.errors import Unavailable
from services.scorer.outcomes.metrics import OutcomeMetrics
from services.scorer.outcomes.records import OutcomeRecord, Record, RouteRecord, is_storable_id

log = logging.getLogger(__name__)

WRITE_EVERY = 0.5
"""Seconds between two looks at the queue."""
LONGEST_QUEUE = 5_000
"""Records that wait at most: with prompts kept, some 50 million characters."""
_BATCH = 500
_PRUNE_EVERY = 3_600.0  # seconds
_WARN_SECONDS = 60.0  # how long a loss shows in /readyz


class Store(Protocol):
    """Where records are kept; its methods raise Unavailable while it is away."""

    def record_routes(self, routes: Sequence[RouteRecord]) -> None: ...

    def record_outcomes(self, outcomes: Sequence[OutcomeRecord]) -> None: ...

    def prune(self, before: datetime) -> int: ...

    def check(self) -> str | None: ...

    def close(self) -> None: ...


class Recorder:
    """A bounded queue with a thread that writes it to a store, batch by batch.

    While the store is away records wait; once the queue is full, further ones are lost.
    """

    def __init__(
        self,
        store: Store,
        metrics: OutcomeMetrics,
        *,
        keep_days: int,
        keep_prompts: bool = False,
        longest: int = LONGEST_QUEUE,
        write_every: float = WRITE_EVERY,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is written before `start`; what is older than `keep_days` is removed once an hour."""
        self._store = store
        self._metrics = metrics
        self._keep = timedelta(days=keep_days)
        self.keep_prompts = keep_prompts
        self._longest = longest
        self._write_every = write_every
        self._monotonic = monotonic
        self._queue: deque[Record] = deque()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._lost_at: float | None = None
        self._prune_at = monotonic()
        self._thread = threading.Thread(target=self._run, name="outcome-writer", daemon=True)
        metrics.watch_queue(lambda: len(self._queue))

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def offer(self, records: Sequence[Record]) -> bool:
        """Queue all records, or none when there is no room for them; whether they were queued. Never waits."""
        with self._lock:
            room = len(self._queue) + len(records) <= self._longest
            if room:
                self._queue.extend(records)
        if not room:
            self._lose(records)
        return room

    def offer_route(self, route: RouteRecord) -> None:
        """Queue a route; one whose id cannot be stored is lost."""
        if is_storable_id(route.request_id):
            self.offer([route])
        else:
            self._lose([route])

    def problem(self) -> str | None:
        """Why outcomes are not kept now, or were not a moment ago; None when they are."""
        away = self._store.check()
        if away is not None:
            return f"Outcomes are not kept: {away}"
        if self._lost_lately():
            return "Outcomes were lost a moment ago: see scorer_outcome_records_total."
        return None

    def close(self, seconds: float = 1.0) -> None:
        """Write what waits, for at most about `seconds`, and let go of the store."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
        self._store.close()
        if self._queue:
            log.warning("outcomes were not written before the end", extra={"records": len(self._queue)})

    def _run(self) -> None:
        stopping = False
        while not stopping:
            stopping = self._stop.wait(self._write_every)
            try:
                while self._write_batch():
                    pass
                if not stopping:
                    self._prune_when_due()
            except Unavailable:
                continue  # they wait for the next look

    def _write_batch(self) -> bool:
        """Write the oldest records; whether there were any. Until they are written they stay in the queue."""
        with self._lock:
            batch = list(islice(self._queue, _BATCH))
        refused = self._refused(batch)
        with self._lock:
            for _ in batch:
                self._queue.popleft()
        self._metrics.count("written", [record for record in batch if record not in refused])
        if refused:
            self._lose(refused)
        return bool(batch)

    def _refused(self, batch: Sequence[Record]) -> list[Record]:
        """Write a batch, one by one if the store refuses it as a whole; what it refuses even so."""
        routes = [record for record in batch if isinstance(record, RouteRecord)]
        outcomes = [record for record in batch if isinstance(record, OutcomeRecord)]
        try:
            if routes:
                self._store.record_routes(routes)
            if outcomes:
                self._store.record_outcomes(outcomes)
        except (psycopg.Error, ValueError) as error:
            if len(batch) > 1:
                return [record for one in batch for record in self._refused([one])]
            # The error's own words may hold what was in the row.
            log.error("an outcome record was refused", extra={"error": type(error).__name__})
            return list(batch)
        return []

    def _prune_when_due(self) -> None:
        if self._monotonic() < self._prune_at:
            return
        removed = self._store.prune(datetime.now(UTC) - self._keep)
        self._prune_at = self._monotonic() + _PRUNE_EVERY
        if removed:
            log.info("old outcomes removed", extra={"rows": removed})

    def _lost_lately(self) -> bool:
        return self._lost_at is not None and self._monotonic() - self._lost_at < _WARN_SECONDS

    def _lose(self, records: Sequence[Record]) -> None:
        if not self._lost_lately():
            log.warning("outcome records are lost: see scorer_outcome_records_total")
        self._lost_at = self._monotonic()
        self._metrics.count("lost", records)
