"""The policy file kept in force while it is edited."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from services.catalog import Catalogue
from services.runtime import ConfigError
from services.scorer.policy import Policy, PolicyOverrides, read_policy

log = logging.getLogger(__name__)

_CHECK_SECONDS = 1.0


class LivePolicy:
    """Reads the policy again when its file changed, looking at most once a second.

    A file that cannot be read, or has a wrong value, keeps the last good policy in force.
    """

    def __init__(
        self,
        path: Path,
        overrides: PolicyOverrides,
        catalogue: Catalogue,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises ConfigError when there is no good policy to begin with."""
        self._path = path
        self._overrides = overrides
        self._catalogue = catalogue
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._problem: str | None = None
        self._stamp = self._look()
        self._policy = read_policy(path, overrides, catalogue)
        self._next_look = monotonic() + _CHECK_SECONDS

    def current(self) -> Policy:
        """The policy in force."""
        # One thread looks; the others go on with what is in force.
        if self._monotonic() >= self._next_look and self._lock.acquire(blocking=False):
            try:
                self._next_look = self._monotonic() + _CHECK_SECONDS
                self._reload()
            finally:
                self._lock.release()
        return self._policy

    def problem(self) -> str | None:
        """What is wrong with the file as it is now; None when it is in force."""
        self.current()
        return self._problem

    def _reload(self) -> None:
        stamp = self._look()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._policy = read_policy(self._path, self._overrides, self._catalogue)
        except ConfigError as error:
            self._problem = f"The last good policy stays in force: {error}"
            log.warning("policy not reloaded: %s", error)
        else:
            self._problem = None
            log.info("policy reloaded")

    def _look(self) -> tuple[int, int, int] | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
