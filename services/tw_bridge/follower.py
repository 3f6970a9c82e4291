"""The thread that keeps Taskwarrior level with the ledger."""

from __future__ import annotations

import logging
import threading

from services.runtime import ApiError
from services.tw_bridge.sync import Sync

log = logging.getLogger(__name__)


class Follower:
    """Syncs at once, and then every `every` seconds until it is stopped. Failures are tried again."""

    def __init__(self, sync: Sync, every: float) -> None:
        self._sync = sync
        self._every = every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ledger-sync", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the batch at work."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._sync.run()
            except ApiError:
                pass  # the sync has logged it and keeps it for /readyz
            except Exception:
                log.exception("unexpected error in a sync; it will be tried again")
            self._stop.wait(self._every)
