"""The Taskwarrior store: every call of `task` that the bridge makes."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
from collections.abc import Sequence

from services.tw_bridge.decisions import Task
from services.tw_bridge.errors import TaskwarriorFailed, TaskwarriorMissing
from services.tw_bridge.folder import StoreFolder

log = logging.getLogger(__name__)

LOCK_SECONDS = 30.0
"""How long a call waits for other writers of the store."""

CALL_SECONDS = 300.0
"""How long one call may take: 100,000 tasks in one import take 10 s."""

_SETTINGS = ("rc.confirmation=off", "rc.hooks=off", "rc.gc=off", "rc.verbose=nothing", "rc.context=")


class TaskStore:
    """Tasks in a folder of their own, behind one lock. Needs nothing until it is called.

    Every method raises TaskwarriorMissing, StoreBusy, StoreUnusable or TaskwarriorFailed.
    """

    def __init__(self, folder: StoreFolder) -> None:
        self.folder = folder
        self._versions: dict[str, str | None] = {}

    def problem(self) -> str | None:
        """Why nothing can be recorded at all; None when Taskwarrior is installed."""
        return None if shutil.which("task") else TaskwarriorMissing().message

    def require(self) -> str:
        """The path of the program; TaskwarriorMissing when there is none."""
        program = shutil.which("task")
        if program is None:
            raise TaskwarriorMissing
        return program

    def version(self) -> str | None:
        """The version of Taskwarrior, such as 2.6.2; None when it is not installed or does not tell."""
        program = shutil.which("task")
        if program is None:
            return None
        if program not in self._versions:
            self._versions[program] = _ask_version(program)
        return self._versions[program]

    def import_tasks(self, tasks: Sequence[Task]) -> None:
        """Add tasks whose UUIDs are not in the store, and return once they are safely there."""
        text = json.dumps(list(tasks), ensure_ascii=False).encode("utf-8", "replace")
        output = self._call("import", "-", given=text)
        added = sum(line.startswith(b" add ") for line in output.split(b"\n"))
        if added != len(tasks):
            log.error("task import added %d of %d tasks", added, len(tasks))
            raise TaskwarriorFailed
        self.folder.flush()

    def uuids(self) -> frozenset[str]:
        """The UUIDs of all tasks: seconds of work in a store of 100,000."""
        return frozenset(self._call("_uuids").decode("ascii", "replace").split())

    def _call(self, action: str, *arguments: str, given: bytes = b"") -> bytes:
        """What `task` prints on its standard output, alone on the store."""
        program = self.require()
        with self.folder.locked(LOCK_SECONDS) as lock:
            self.folder.prepare()
            # The user's own configuration is left out: a hook or a context must not change what is recorded.
            rc = [f"rc:{self.folder.definitions}", f"rc.data.location={self.folder.path}", *_SETTINGS]
            done = self._run([program, *rc, action, *arguments], given, lock)
        if done.returncode != 0:
            words = done.stderr.decode("utf-8", "replace").strip()[:300]
            log.error("task %s failed", action, extra={"exit_status": done.returncode, "stderr": words})
            raise TaskwarriorFailed
        return done.stdout

    def _run(self, command: list[str], given: bytes, lock: int) -> subprocess.CompletedProcess[bytes]:
        # Nothing of the bridge's own environment: it holds the service token.
        environment = {"HOME": str(self.folder.path), "LC_ALL": "C.UTF-8", "TZ": "UTC0"}
        try:
            return subprocess.run(
                command, input=given, capture_output=True, env=environment, timeout=CALL_SECONDS, pass_fds=(lock,)
            )
        except subprocess.TimeoutExpired:
            log.error("task did not end within %g seconds", CALL_SECONDS)
            raise TaskwarriorFailed from None
        except OSError as error:
            raise TaskwarriorMissing(f"The program {command[0]} cannot be started: {error.strerror}.") from error


def _ask_version(program: str) -> str | None:
    try:  # needs no lock: it opens no store
        done = subprocess.run([program, "--version"], capture_output=True, stdin=subprocess.DEVNULL, env={}, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = done.stdout.decode("utf-8", "replace").split()
    return words[0][:40] if done.returncode == 0 and words else None
