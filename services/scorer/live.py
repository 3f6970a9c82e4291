"""A value read from a file and kept in force while the file is edited."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from services.runtime import ConfigError

log = logging.getLogger(__name__)

T = TypeVar("T")

_CHECK_SECONDS = 1.0


class Live(Generic[T]):
    """Reads a value again when what it was read from changed, looking at most once a second.

    What cannot be read, or has a wrong value, keeps the last good one in force.
    """

    def __init__(
        self,
        name: str,
        look: Callable[[], object],
        read: Callable[[], T],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`look` gives what changes when it is worth reading again.

        `read` raises ConfigError when the value is not usable, and so does this at the start.
        """
        self._name = name
        self._look = look
        self._read = read
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._problem: str | None = None
        self._stamp = look()
        self._value = read()
        self._next_look = monotonic() + _CHECK_SECONDS

    def current(self) -> T:
        """The value in force."""
        # One thread looks; the others go on with what is in force.
        if self._monotonic() >= self._next_look and self._lock.acquire(blocking=False):
            try:
                self._next_look = self._monotonic() + _CHECK_SECONDS
                self._reload()
            finally:
                self._lock.release()
        return self._value

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
            self._value = self._read()
        except ConfigError as error:
            self._problem = f"The last good {self._name} stays in force: {error}"
            log.warning("%s not reloaded: %s", self._name, error)
        else:
            self._problem = None
            log.info("%s reloaded", self._name)


def file_stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is written or replaced; None when there is no such file."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
