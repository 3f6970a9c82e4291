"""The tuning file kept in force while it is written anew or removed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from services.runtime import ConfigError
from services.scorer.live import Live, file_stamp
from services.scorer.tuning import Tuning, read_tuning

log = logging.getLogger(__name__)


class LiveTuning(Live[Tuning | None]):
    """Reads the tuning again when its file changed; without a file, or once it is removed, there is none."""

    def __init__(self, path: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        """A file that is not usable at the start is no tuning, and a problem: the scorer works without."""
        self._path = path
        super().__init__("tuning", lambda: file_stamp(path), self._read_first, monotonic)
        self._read = lambda: read_tuning(path)

    def _read_first(self) -> Tuning | None:
        try:
            return read_tuning(self._path)
        except ConfigError as error:
            log.warning("the tuning is not used: %s", error)
            self._problem = f"There is no tuning in force: {error}"
            return None
