"""Following the ledger: its entries become tasks, each once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.runtime import ApiError
from services.tw_bridge.cursor import CursorFile
from services.tw_bridge.decisions import is_decision, task_from_entry, task_uuid
from services.tw_bridge.errors import CursorAhead, SyncRunning
from services.tw_bridge.ledger import LedgerReader
from services.tw_bridge.metrics import BridgeMetrics
from services.tw_bridge.taskwarrior import TaskStore

log = logging.getLogger(__name__)

BATCH = 5000
"""Entries in one import: `task` reads its whole store each time, so fewer and larger calls are quicker."""

_WAIT_SECONDS = 30.0
_END_SECONDS = 5.0


@dataclass(frozen=True)
class SyncResult:
    """The tasks that one sync has added, and the cursor it has reached (None: none yet)."""

    imported: int
    cursor: str | None


@dataclass(frozen=True)
class SyncState:
    """How syncs went since the start: the tasks added, the last good one, and what is wrong since then."""

    imported: int = 0
    level_at: datetime | None = None
    error: ApiError | None = None


class Sync:
    """Brings Taskwarrior level with the ledger. Safe to call from several threads, and to be killed.

    The cursor is saved after the tasks are safe, so nothing is left out. What a crash makes come
    twice is told by its UUID, and left as it is: the user may have changed it.
    """

    def __init__(
        self,
        ledger: LedgerReader,
        store: TaskStore,
        cursor: CursorFile,
        metrics: BridgeMetrics,
        clock: Callable[[], datetime],
    ) -> None:
        """`clock` gives the present moment in UTC."""
        self.store = store
        self.cursor = cursor
        self.state = SyncState()
        self._ledger = ledger
        self._metrics = metrics
        self._clock = clock
        self._lock = threading.Lock()
        self._ended = threading.Event()
        # The tasks that may come again; None while that is not known, as after a start or a failure.
        self._known: frozenset[str] | None = None
        self._saved: str | None = None

    def run(self) -> SyncResult:
        """Add all that the ledger has and Taskwarrior has not.

        Raises the errors of LedgerReader.read and TaskStore, with what was added before kept, and
        SyncRunning when another sync does not end within 30 seconds.
        """
        if not self._lock.acquire(timeout=_WAIT_SECONDS):
            raise SyncRunning
        try:
            before = self.state.imported
            cursor = self._catch_up()
            self._note_success()
            return SyncResult(self.state.imported - before, cursor)
        except ApiError as error:
            self._note_failure(error)
            raise
        finally:
            self._lock.release()

    def end(self) -> None:
        """Stop a running sync after its batch, or give up on it after 5 seconds; close the connection to the ledger."""
        self._ended.set()
        if self._lock.acquire(timeout=_END_SECONDS):
            self._ledger.close()
            self._lock.release()

    def _catch_up(self) -> str | None:
        self.store.require()
        cursor = self.cursor.read()
        if cursor != self._saved:  # the file was removed or put back under a running bridge
            self._known = None
        try:
            return self._follow(cursor)
        except CursorAhead:
            log.warning("the ledger was replaced: reading it from its beginning")
            self._known = None
            return self._follow(None)

    def _follow(self, cursor: str | None) -> str | None:
        """Record all entries behind `cursor`; the cursor reached."""
        level = False
        while not level and not self._ended.is_set():
            entries, reached, level = self._fetch(cursor)
            if entries:
                self._record(entries, reached)
            cursor = reached
        return cursor

    def _fetch(self, cursor: str | None) -> tuple[list[dict[str, Any]], str, bool]:
        """A batch of entries, the cursor behind it, and whether the ledger had no more."""
        entries: list[dict[str, Any]] = []
        while True:
            page = self._ledger.read(cursor)
            entries += page.entries
            level = page.is_last or page.cursor == cursor
            if level or len(entries) >= BATCH:
                return entries, page.cursor, level
            cursor = page.cursor

    def _record(self, entries: Sequence[dict[str, Any]], reached: str) -> None:
        decisions = [entry for entry in entries if is_decision(entry)]
        # Of an entry and its correction in one batch the later one holds.
        tasks = {task["uuid"]: task for task in map(task_from_entry, decisions)}
        corrected = {task_uuid(entry["request_id"]) for entry in decisions if entry.get("correction")}
        known, self._known = self._known, None
        if known is None:
            known = self.store.uuids()
        new = [task for uuid, task in tasks.items() if uuid not in known or uuid in corrected]
        if new:
            self.store.import_tasks(new)
            self.state = replace(self.state, imported=self.state.imported + len(new))
            self._metrics.count_imported(len(new))
        self.cursor.save(reached)
        self._saved = reached
        # The ledger only grows at its end: behind a batch that was all new, all is new.
        self._known = frozenset() if tasks and len(new) == len(tasks) and not corrected else known

    def _note_success(self) -> None:
        if self.state.error is not None:
            log.info("sync works again")
        self.state = replace(self.state, level_at=self._clock(), error=None)
        self._metrics.mark_level(self._clock())

    def _note_failure(self, error: ApiError) -> None:
        if self.state.error is None or self.state.error.code != error.code:
            log.warning("sync failed, and will be tried again: %s", error.message, extra={"code": error.code})
        self.state = replace(self.state, error=error)
        self._metrics.count_failure(error.code)
