"""What goes wrong during a soak, one thing at a time, drawn by chance."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from compose.local.gateway import wait_for_webhook
from tests.bench.gateway.children import upstream_server
from tests.e2e.running import RunningStack

N8N, SCORER = "n8n restarted", "scorer restarted"
_GAP = (20.0, 60.0)
_LENGTH = (4.0, 12.0)
_MARGIN = 2.0
"""Seconds after a fault in which its effects may still be seen."""


@dataclass(frozen=True)
class Window:
    """When a fault held, on the monotonic clock, in seconds."""

    fault: str
    begin: float
    end: float

    def touches(self, begin: float, end: float) -> bool:
        return begin <= self.end + _MARGIN and end >= self.begin


class Ollama:
    """The model's stand-in, which can be taken away."""

    def __init__(self, node: Path, port: int) -> None:
        self._node, self._port = node, port
        self._server: AbstractContextManager[object] | None = None

    def __enter__(self) -> Ollama:
        self._server = upstream_server(self._node, self._port)
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            server.__exit__(None, None, None)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Nobody answers at its port inside."""
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()


class Faults(threading.Thread):
    """Lets something go wrong every 20 to 60 seconds until `stop`; n8n is restarted once, in the middle."""

    def __init__(self, running: RunningStack, ollama: Ollama, chance: random.Random, seconds: float) -> None:
        super().__init__(name="faults", daemon=True)
        self.windows: list[Window] = []
        self.failure: BaseException | None = None
        self._running, self._chance, self._seconds = running, chance, seconds
        self._over = threading.Event()
        self._kinds: dict[str, Callable[[], AbstractContextManager[None]]] = {
            "Ollama away": ollama.away,
            "ledger away": lambda: running.without("cost_ledger"),
            "Redis away": lambda: running.without("valkey"),
            SCORER: lambda: running.without("scorer"),
            "Claude 529": lambda: running.claude_says(status=529),
            "Claude 429": lambda: running.claude_says(status=429),
            "Claude cut": lambda: running.claude_says(cut=True),
        }

    def stop(self) -> None:
        """No fault begins after this; returns when the last one is over."""
        self._over.set()
        self.join()
        if self.failure is not None:
            raise self.failure

    def run(self) -> None:
        """Draw faults until the end; what stops them is kept in `failure`."""
        try:
            self._draw()
        except BaseException as error:  # noqa: BLE001 - told to who waits for this thread
            self.failure = error

    def _draw(self) -> None:
        middle, restarted = time.monotonic() + self._seconds / 2, False
        deck: list[str] = []
        # The first comes soon, so that a short soak has some.
        gap = _GAP[0] / 2
        while not self._over.wait(gap):
            if not restarted and time.monotonic() >= middle:
                restarted = True
                self._fail(N8N, self._without_n8n(), 0)
            else:
                # Each kind once before any comes again.
                deck = deck or self._chance.sample(list(self._kinds), len(self._kinds))
                name = deck.pop()
                length = 0.0 if name == SCORER else self._chance.uniform(*_LENGTH)
                self._fail(name, self._kinds[name](), length)
            gap = self._chance.uniform(*_GAP)
            if not restarted:
                gap = min(gap, max(1.0, middle - time.monotonic()))

    def _fail(self, name: str, fault: AbstractContextManager[None], seconds: float) -> None:
        begin = time.monotonic()
        with fault:
            self._over.wait(seconds)
        self.windows.append(Window(name, begin, time.monotonic()))
        print(f"  {name}: {self.windows[-1].end - begin:.0f} s", flush=True)

    @contextmanager
    def _without_n8n(self) -> Iterator[None]:
        with self._running.without("n8n"):
            yield
        # It is ready about a second before its addresses are there.
        wait_for_webhook(self._running.plan)
