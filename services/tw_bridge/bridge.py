"""The parts of a running bridge, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.tw_bridge.errors import LoggingOff, TaskwarriorMissing
from services.tw_bridge.follower import Follower
from services.tw_bridge.sync import Sync


@dataclass(frozen=True)
class Bridge:
    """A sync that is called by its follower (None: only on demand) and over HTTP, unless it is switched off."""

    sync: Sync
    follower: Follower | None
    enabled: bool

    def synchronise(self) -> dict[str, Any]:
        """Sync now: how many tasks were added, and the cursor. LoggingOff, or an error of `Sync.run`."""
        if not self.enabled:
            raise LoggingOff
        result = self.sync.run()
        return {"imported": result.imported, "cursor": result.cursor}

    def status(self) -> dict[str, Any]:
        """What is recorded where, and how it went since the start."""
        state, store = self.sync.state, self.sync.store
        at = state.level_at
        return {
            "enabled": self.enabled,
            "taskwarrior": store.version(),
            "store": str(store.folder.path),
            "taskrc": str(store.folder.taskrc),
            "cursor": self.sync.cursor.read(),
            "imported": state.imported,
            "last_sync": at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z" if at else None,
            "error": state.error.body()["error"] if state.error else None,
        }

    def sync_problem(self) -> str | None:
        """Why the last sync failed, when it was for another reason than a missing Taskwarrior."""
        error = self.sync.state.error
        return error.message if error and not isinstance(error, TaskwarriorMissing) else None

    def stop(self) -> None:
        """Stop following the ledger, after the batch at work."""
        if self.follower is not None:
            self.follower.stop()
        self.sync.end()
