"""Memory of the stack's programs over the time of a soak."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

from compose.local.supervisord import Supervisor
from tests.bench.processes import resident_bytes

_PAUSE = 5.0
_WARM_UP = 120.0  # seconds: caches fill and code is compiled
_LEAST_AFTER = 120.0
_AT_END = 60.0
MOST_GROWTH = 0.10


@dataclass
class Life:
    """One process of a program, from its start or the soak's to its end: (seconds, bytes) in order."""

    program: str
    samples: list[tuple[float, int]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return self.samples[-1][0] - self.samples[0][0]

    @property
    def growth(self) -> float | None:
        """The share by which it grew after its first two minutes; None for a life too short to tell."""
        warm = self.samples[0][0] + _WARM_UP
        end = self.samples[-1][0]
        if end - warm < _LEAST_AFTER:
            return None
        first = median(size for at, size in self.samples if warm <= at <= warm + _AT_END)
        last = median(size for at, size in self.samples if at >= end - _AT_END)
        return last / first - 1

    @property
    def megabytes(self) -> tuple[float, float]:
        """At its first sample and at its last."""
        return self.samples[0][1] / 1e6, self.samples[-1][1] / 1e6


class MemoryWatch(threading.Thread):
    """Looks every five seconds how much memory each program has, until `stop`."""

    def __init__(self, supervisor: Supervisor) -> None:
        super().__init__(name="memory", daemon=True)
        self.lives: dict[tuple[str, int], Life] = {}
        self._supervisor = supervisor
        self._over = threading.Event()

    def stop(self) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.wait(_PAUSE):
            pids = {name: state.pid for name, state in self._supervisor.states().items() if state.pid}
            self.look(pids, resident_bytes(pids), time.monotonic())

    def look(self, pids: Mapping[str, int], sizes: Mapping[str, int], at: float) -> None:
        """Take what was found at a time; a program that is just ending counts for nothing."""
        for name, pid in pids.items():
            if sizes[name] > 0:
                self.lives.setdefault((name, pid), Life(name)).samples.append((at, sizes[name]))
