"""The folder of a Taskwarrior store: its lock, its configuration, and the repair of cut-off files."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.tw_bridge.errors import StoreBusy, StoreUnusable
from services.tw_bridge.taskrc import definitions, taskrc

_POLL_SECONDS = 0.02
_BLOCK = 64 * 1024

# Files that Taskwarrior 2.6 appends to, and what a finished record ends with. Other versions have none of them.
_RECORD_ENDS = {"completed.data": b"\n", "undo.data": b"---\n", "backlog.data": b"\n"}


class StoreFolder:
    """A folder that holds a store, the files that configure it, and the lock that guards it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.definitions = path / "hybrid-ai.rc"
        self.taskrc = path / "taskrc"
        self.lock = path / "tw.lock"

    @contextmanager
    def locked(self, wait: float) -> Iterator[int]:
        """Inside, the caller alone uses the store; yields the lock's file descriptor.

        A child process that inherits the descriptor keeps the lock until it ends, even when its
        parent is killed. StoreBusy after `wait` seconds; StoreUnusable when the folder is not usable.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(error) from error
        try:
            _take(lock, wait)
            yield lock
        finally:
            os.close(lock)  # not LOCK_UN: that would take the lock from a child, too

    def prepare(self) -> None:
        """Bring the configuration up to date and cut off half-written records. Needs the lock."""
        try:
            _write(self.definitions, definitions(self.definitions))
            if not self.taskrc.exists():
                text = taskrc(self.taskrc, store=self.path, definitions=self.definitions, lock=self.lock)
                _write(self.taskrc, text)
            self.mend()
        except OSError as error:
            raise _unusable(error) from error

    def mend(self) -> None:
        """Cut off the record that a killed `task` has left unfinished, if there is one. Needs the lock.

        Taskwarrior would read it as a task, and append the next one to the same line.
        """
        for name, end in _RECORD_ENDS.items():
            try:
                with (self.path / name).open("r+b") as file:
                    # Taskwarrior's own lock: who holds it writes at this moment, so nothing was cut off.
                    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _finish_last_record(file.fileno(), end)
            except (FileNotFoundError, BlockingIOError):
                continue

    def flush(self) -> None:
        """Return when the completed tasks are safe from a power failure."""
        try:
            with (self.path / "completed.data").open("rb") as file:
                os.fsync(file.fileno())
        except FileNotFoundError:
            return
        except OSError as error:
            raise _unusable(error) from error


def _take(lock: int, wait: float) -> None:
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise StoreBusy from None
            time.sleep(_POLL_SECONDS)
        else:
            return


def _finish_last_record(file: int, end: bytes) -> None:
    size = os.fstat(file).st_size
    last = os.pread(file, len(end), max(size - len(end), 0))
    if not last or last == end:
        return
    if end == b"\n" and last == b"]":  # only the line break is missing: brackets inside are written as entities
        os.pwrite(file, end, size)
        return
    keep = _end_of_last(file, end, size)
    if keep or end == b"\n":
        os.ftruncate(file, keep)


def _end_of_last(file: int, end: bytes, size: int) -> int:
    """The position after the last `end` in a file; 0 when there is none."""
    position, tail = size, b""
    while position > 0:
        start = max(position - _BLOCK, 0)
        tail = os.pread(file, position - start, start) + tail[: len(end) - 1]
        found = tail.rfind(end)
        if found >= 0:
            return start + found + len(end)
        position = start
    return 0


def _write(path: Path, text: str) -> None:
    """Make the file hold `text`, at once or not at all."""
    content = text.encode()
    if path.exists() and path.read_bytes() == content:
        return
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    new.replace(path)


def _unusable(error: OSError) -> StoreUnusable:
    return StoreUnusable(f"The folder of the Taskwarrior store cannot be used: {error}")
