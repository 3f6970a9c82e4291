"""The waiting line before the engine: bounded, first come first served, left by clients that go away."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .errors import BusyError

POLL_SECONDS = 0.25


class Gate:
    """Lets `running` requests through at a time and `waiting` more stand in line."""

    def __init__(self, running: int, waiting: int) -> None:
        self._running = running
        self._room = running + waiting
        self._line: list[object] = []
        self._moved = threading.Condition()

    @contextmanager
    def place(self, check: Callable[[], None]) -> Iterator[None]:
        """Hold a place in the engine for the `with` block; `check` may end the wait by raising.

        Raises BusyError at once when the line is full.
        """
        ticket = object()
        with self._moved:
            if len(self._line) >= self._room:
                raise BusyError
            self._line.append(ticket)
        try:
            self._await_turn(ticket, check)
            yield
        finally:
            with self._moved:
                self._line.remove(ticket)
                self._moved.notify_all()

    def _await_turn(self, ticket: object, check: Callable[[], None]) -> None:
        with self._moved:
            check()
            while ticket not in self._line[: self._running]:
                self._moved.wait(POLL_SECONDS)
                check()
