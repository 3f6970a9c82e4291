"""The operating-system processes of a stack, found by the mark in their environment."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from compose.local.errors import StackError
from compose.local.layout import Layout
from compose.local.programs import PROGRAM_MARK, STACK_MARK


def stack_processes(layout: Layout) -> dict[int, str]:
    """The process ids of everything that belongs to the stack, each with its program's name or ''."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            environment = (folder / "environ").read_bytes().decode(errors="replace").split("\0")
            values = dict(line.split("=", 1) for line in environment if line.startswith(STACK_MARK))
            if values.get(STACK_MARK) == str(layout.stack):
                found[int(folder.name)] = values.get(PROGRAM_MARK, "")
    found.pop(os.getpid(), None)
    return found


def end_processes(layout: Layout) -> None:
    """End what is left of the stack's processes: asked first, forced after 8 s."""
    for force, seconds in ((False, 8.0), (True, 5.0)):
        left = stack_processes(layout)
        for pid, program in left.items():
            # PostgreSQL takes the usual signal as "when all clients have gone".
            asked = signal.SIGINT if program == "postgres" else signal.SIGTERM
            _send(pid, signal.SIGKILL if force else asked)
        with contextlib.suppress(StackError):
            wait_for(partial(_all_gone, tuple(left)), seconds, "")
    left = stack_processes(layout)
    if left:
        raise StackError(f"these processes of the stack do not end: {', '.join(map(str, left))}")


def _all_gone(pids: Iterable[int]) -> bool:
    return not any(_holds_resources(pid) for pid in pids)


def _holds_resources(pid: int) -> bool:
    # Its environment goes first, its ports last: when no thread is left but a zombie's.
    folder = Path(f"/proc/{pid}")
    try:
        state = (folder / "stat").read_text("ascii", "replace").rpartition(")")[2].split()[0]
        return state not in "ZX" or len(list((folder / "task").iterdir())) > 1
    except OSError:
        return False


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
