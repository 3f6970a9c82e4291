"""Kills, cut-off files, other writers and a full disk: every entry is a task in the end, once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from tests.integration.tw_bridge.service import (
    BridgeProcess,
    Ledger,
    StartBridge,
    Store,
    assert_each_once,
    make_entry,
    wait_until,
)

COUNT = 6000


def sync_in_vain(bridge: BridgeProcess) -> threading.Thread:
    """Ask for a sync that will not be answered."""

    def ask() -> None:
        with suppress(requests.RequestException):
            bridge.sync()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    return thread


def kill(bridge: BridgeProcess, *, group: bool) -> None:
    """kill -9 of the bridge, or of the bridge and its `task` at once."""
    if group:
        os.killpg(bridge.process.pid, signal.SIGKILL)
    else:
        bridge.process.kill()
    bridge.process.wait(10)


@pytest.fixture
def full_ledger(ledger: Ledger) -> Ledger:
    ledger.entries = [make_entry(number) for number in range(COUNT)]
    return ledger


@pytest.mark.parametrize("page", [1, 6])
def test_a_bridge_killed_while_it_reads_goes_on_where_it_was(
    full_ledger: Ledger, store: Store, start: StartBridge, page: int
) -> None:
    with start() as bridge:
        full_ledger.on_page = lambda number: kill(bridge, group=True) if number == page else None
        sync_in_vain(bridge).join(20)
    with start() as bridge:
        assert bridge.synced() == COUNT - (page - 1) // 5 * 5000
    assert_each_once(store, COUNT)


@pytest.mark.parametrize("group", [True, False], ids=["with its task", "without its task"])
def test_a_bridge_killed_at_any_moment_of_an_import_loses_and_doubles_nothing(
    full_ledger: Ledger, store: Store, start: StartBridge, group: bool
) -> None:
    completed = store.path / "completed.data"
    for size in (0, 900_000, 1_800_000):
        with start() as bridge:
            asked = sync_in_vain(bridge)
            while asked.is_alive() and _size(completed) <= size:
                time.sleep(0.001)
            kill(bridge, group=group)
    with start() as bridge:
        bridge.synced()
    assert_each_once(store, COUNT)


def test_a_task_cut_off_in_its_write_is_recorded_whole(ledger: Ledger, store: Store, start: StartBridge) -> None:
    ledger.entries = [make_entry(number) for number in range(100)]
    with start() as bridge:
        assert bridge.synced() == 100
    for name in ("completed.data", "undo.data", "backlog.data"):
        size = (store.path / name).stat().st_size
        os.truncate(store.path / name, size // 2 - 7)
    (store.path / "ledger.cursor").unlink()
    with start() as bridge:
        assert 40 < bridge.synced() < 60
    assert_each_once(store, 100)
    assert "vps_ai.router" in store.task("request_id.is:request-99", "info")


def test_what_a_user_adds_to_a_decision_outlives_a_lost_cursor(
    ledger: Ledger, store: Store, start: StartBridge
) -> None:
    ledger.entries = [make_entry(number) for number in range(10)]
    with start() as bridge:
        assert bridge.synced() == 10
        store.task("request_id.is:request-3", "annotate", "looked into this")
        (store.path / "ledger.cursor").unlink()
        assert bridge.synced() == 0
    (store.path / "ledger.cursor").unlink()
    ledger.entries.append(make_entry(10))
    with start() as bridge:
        assert bridge.synced() == 1
    (task,) = store.tasks("request_id.is:request-3")
    assert [note["description"] for note in task["annotations"]] == ["looked into this"]


def test_other_writers_with_the_lock_lose_nothing_while_it_syncs(
    full_ledger: Ledger, store: Store, bridge: BridgeProcess
) -> None:
    full_ledger.entries = full_ledger.entries[:3000]
    assert bridge.synced() == 3000
    full_ledger.entries = [
        *full_ledger.entries,
        *(dict(e, request_id=f"request-{3000 + i}") for i, e in enumerate(full_ledger.entries)),
    ]
    loop = (
        'for i in $(seq 15); do flock "$1/tw.lock" task "rc:$1/taskrc" rc.verbose=nothing add "$2 $i" || exit 1; done'
    )
    writers = [
        subprocess.Popen(
            ["bash", "-c", loop, "writer", str(store.path), f"writer {name}"],
            env={"PATH": os.environ["PATH"], "HOME": str(store.path)},
        )
        for name in "abcd"
    ]
    assert bridge.synced() == 3000
    assert [writer.wait(60) for writer in writers] == [0] * 4
    assert store.count("status:pending") == 60
    assert_each_once(store, 6000)


def test_a_store_that_somebody_else_holds_is_waited_for(ledger: Ledger, store: Store, bridge: BridgeProcess) -> None:
    ledger.entries = [make_entry(0)]
    bridge.synced()
    ledger.entries.append(make_entry(1))
    with subprocess.Popen(["flock", str(store.path / "tw.lock"), "sleep", "1"]):
        time.sleep(0.3)
        started = time.monotonic()
        assert bridge.synced() == 1
        assert time.monotonic() - started > 0.4


def test_a_file_that_somebody_writes_is_not_cut(ledger: Ledger, store: Store, bridge: BridgeProcess) -> None:
    ledger.entries = [make_entry(0)]
    bridge.synced()
    backlog = store.path / "backlog.data"
    with backlog.open("ab") as file:
        file.write(b'{"half')
    hold = "import fcntl, sys; f = open(sys.argv[1], 'r+b'); fcntl.lockf(f, fcntl.LOCK_EX); print(flush=True); input()"
    command = [sys.executable, "-c", hold, str(backlog)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        (store.path / "ledger.cursor").unlink()
        assert bridge.synced() == 0
        assert backlog.read_bytes().endswith(b'{"half')
        holder.communicate(b"\n", timeout=10)
    (store.path / "ledger.cursor").unlink()
    bridge.synced()
    assert not backlog.read_bytes().endswith(b'{"half')


def test_a_full_disk_is_a_503_and_what_did_not_fit_comes_later(
    full_ledger: Ledger, store: Store, start: StartBridge, taskwarrior: str, tmp_path: Path
) -> None:
    full_ledger.entries = full_ledger.entries[:1000]
    programs = tmp_path / "bin"
    programs.mkdir()
    # A limit on the size of files does to `task` what a full disk does: a write is cut short and fails.
    (programs / "task").write_text(f"#!/bin/bash\ntrap '' XFSZ\nulimit -f 100\nexec {taskwarrior} \"$@\"\n")
    (programs / "task").chmod(0o755)
    with start(PATH=f"{programs}:/usr/bin:/bin") as bridge:
        assert bridge.sync().json()["error"]["code"] == "taskwarrior_failed"
    assert _size(store.path / "completed.data") == 100 * 1024
    with start() as bridge:
        assert 600 < bridge.synced() < 900
    assert_each_once(store, 1000)


def test_it_ends_on_sigterm_in_the_middle_of_a_sync(full_ledger: Ledger, store: Store, start: StartBridge) -> None:
    with start(TW_SYNC_SECONDS="30") as bridge:
        wait_until(lambda: full_ledger.pages >= 6)
        bridge.end()
        assert bridge.process.returncode == 0
    with start() as bridge:
        bridge.synced()
    assert_each_once(store, COUNT)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
