"""The policy kept in force while its file, or the tuning file, is edited."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from services.catalog import Catalogue
from services.runtime import ConfigError
from services.scorer.live import Live, file_stamp
from services.scorer.live_tuning import LiveTuning
from services.scorer.policy import Policy, PolicyOverrides, read_policy


class LivePolicy(Live[Policy]):
    """Reads the policy again when its file changed or the tuning did."""

    def __init__(
        self,
        path: Path,
        overrides: PolicyOverrides,
        catalogue: Catalogue,
        monotonic: Callable[[], float] = time.monotonic,
        tuning: LiveTuning | None = None,
    ) -> None:
        """Raises ConfigError when there is no good policy to begin with."""
        self._path = path
        self._overrides = overrides
        self._catalogue = catalogue
        self._tuning = tuning
        self._clash: str | None = None
        super().__init__("policy", self._sources, self._read_all, monotonic)

    def problem(self) -> str | None:
        """What is wrong with the file as it is now, or keeps the tuning's thresholds out; None when all is in force."""
        return super().problem() or self._clash

    def _sources(self) -> tuple[object, ...]:
        return file_stamp(self._path), self._tuning.current() if self._tuning else None

    def _read_all(self) -> Policy:
        self._clash = None
        tuning = self._tuning.current() if self._tuning else None
        try:
            return read_policy(self._path, self._overrides, self._catalogue, tuning)
        except ConfigError as error:
            if tuning is None or not tuning.thresholds:
                raise
            # The policy alone may be fine: the environment goes before the tuning, and need not fit it.
            policy = read_policy(self._path, self._overrides, self._catalogue, tuning.without_thresholds())
            self._clash = f"The thresholds of the tuning file are left out: {error}"
            return policy
