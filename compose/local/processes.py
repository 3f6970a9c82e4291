"""The operating-system processes of a stack, found by the mark in their environment."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from compose.local.errors import StackError
from compose.local.layout import Layout
from compose.local.programs import STACK_MARK


def stack_processes(layout: Layout) -> list[int]:
    """The process ids of everything that belongs to the stack, supervisord included."""
    mark = f"{STACK_MARK}={layout.stack}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return [pid for pid in found if pid != os.getpid()]


def end_processes(layout: Layout) -> None:
    """End what is left of the stack's processes: asked first, forced after 15 s."""
    for number, seconds in ((signal.SIGINT, 15.0), (signal.SIGKILL, 5.0)):
        left = stack_processes(layout)
        if not left:
            return
        for pid in left:
            _send(pid, number)
        with contextlib.suppress(StackError):
            wait_for(lambda: not stack_processes(layout), seconds, "")
    left = stack_processes(layout)
    if left:
        raise StackError(f"these processes of the stack do not end: {', '.join(map(str, left))}")


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        group = os.getpgid(pid)
        if number == signal.SIGKILL and group != os.getpgrp():
            # Forced, a program cannot end its own helpers, which may not carry the mark.
            os.killpg(group, number)
        else:
            os.kill(pid, number)


def wait_for(condition: Callable[[], bool], seconds: float, problem: str) -> None:
    """Return when `condition` holds; StackError with `problem` when it does not within `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise StackError(problem)
        time.sleep(0.05)
