"""What the user sees while the stack comes up: one line a step, with its time."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_COLOURS = {"ok": "32", "same": "2", "wait": "36", "note": "33", "fail": "31", "bold": "1"}
_TITLE_WIDTH = 24
_TICK_SECONDS = 0.5
_HEARTBEAT_SECONDS = 15.0


class Step:
    """A step that is under way; `note` is what its line will say beside the title."""

    def __init__(self) -> None:
        self.note = ""
        self.unchanged = False

    def same(self, note: str) -> None:
        """Say that there was nothing to do."""
        self.note, self.unchanged = note, True


class Progress:
    """Writes steps to `stream`: a living line on a terminal, plain lines anywhere else."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._live = self._stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._colour = self._live and not os.environ.get("NO_COLOR")
        self.started = time.monotonic()

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show `title` while the block runs, then how it ended and how long it took."""
        step, begin, done = Step(), time.monotonic(), threading.Event()
        ticker = threading.Thread(target=self._tick, args=(title, step, begin, done), daemon=True)
        ticker.start()
        sign = "fail"
        try:
            yield step
            sign = "same" if step.unchanged else "ok"
        finally:
            done.set()
            ticker.join()
            self._line(self._mark(sign), title, step.note, time.monotonic() - begin)

    def note(self, text: str) -> None:
        """A remark that the user should see."""
        self._stream.write(f"  {self.paint('note', 'note')}  {text}\n")
        self._stream.flush()

    def say(self, text: str = "") -> None:
        """Plain text."""
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def paint(self, style: str, text: str) -> str:
        """`text` in the colour of `style`, where colours are shown."""
        return f"\033[{_COLOURS[style]}m{text}\033[0m" if self._colour else text

    def _mark(self, sign: str) -> str:
        return self.paint(sign, {"ok": "  ok", "same": "  ok", "fail": "FAIL"}[sign])

    def _line(self, mark: str, title: str, note: str, seconds: float) -> None:
        clear = "\r\033[K" if self._live else ""
        took = f"{seconds:7.1f} s"
        self._stream.write(f"{clear}  {mark}  {title:<{_TITLE_WIDTH}} {took}  {note}".rstrip() + "\n")
        self._stream.flush()

    def _tick(self, title: str, step: Step, begin: float, done: threading.Event) -> None:
        every = _TICK_SECONDS if self._live else _HEARTBEAT_SECONDS
        while not done.wait(every):
            seconds = time.monotonic() - begin
            mark = self.paint("wait", "  ..")
            line = f"  {mark}  {title:<{_TITLE_WIDTH}} {seconds:7.1f} s  {step.note}".rstrip()
            self._stream.write(f"\r\033[K{line}" if self._live else f"{line}\n")
            self._stream.flush()
