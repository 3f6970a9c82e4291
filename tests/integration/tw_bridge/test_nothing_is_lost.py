"""Kills, cut-off files, other writers and absent neighbours: every entry is a task in the end, once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

COUNT = 6000


def sync_in_vain(bridge: Any) -> threading.Thread:
    """Ask for a sync that will not be answered."""

    def ask() -> None:
        with suppress(requests.RequestException):
            bridge.sync()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    return thread


def kill(bridge: Any, *, group: bool) -> None:
    """kill -9 of the bridge, or of the bridge and its `task` at once."""
    if group:
        os.killpg(bridge.process.pid, signal.SIGKILL)
    else:
        bridge.process.kill()
    bridge.process.wait(10)


def assert_each_once(store: Any, count: int) -> None:
    ids = sorted(int(task["request_id"].removeprefix("request-")) for task in store.tasks("project:vps_ai.router"))
    assert ids == list(range(count))
    for task in store.tasks("request_id.is:request-3"):
        assert task["description"] == "smollm2-135m 0.00 USD complexity 0.82: asks for a proof"


@pytest.fixture
def full_ledger(ledger: Any, entries: Any) -> Any:
    ledger.entries = [entries(number) for number in range(COUNT)]
    return ledger


@pytest.mark.parametrize("page", [1, 6])
def test_a_bridge_killed_while_it_reads_goes_on_where_it_was(
    full_ledger: Any, store: Any, start: Any, page: int
) -> None:
    with start() as bridge:
        full_ledger.on_page = lambda number: kill(bridge, group=True) if number == page else None
        sync_in_vain(bridge).join(20)
    with start() as bridge:
        assert bridge.synced() == COUNT - (page - 1) // 5 * 5000
    assert_each_once(store, COUNT)


@pytest.mark.parametrize("group", [True, False], ids=["with its task", "without its task"])
def test_a_bridge_killed_at_any_moment_of_an_import_loses_and_doubles_nothing(
    full_ledger: Any, store: Any, start: Any, group: bool
) -> None:
    completed = store.path / "completed.data"
    for size in (0, 900_000, 1_800_000):
        with start() as bridge:
            asked = sync_in_vain(bridge)
            wait_for(lambda size=size, asked=asked: _size(completed) > size or not asked.is_alive())
            kill(bridge, group=group)
    with start() as bridge:
        bridge.synced()
    assert_each_once(store, COUNT)


def test_a_task_cut_off_in_its_write_is_recorded_whole(ledger: Any, store: Any, start: Any, entries: Any) -> None:
    ledger.entries = [entries(number) for number in range(100)]
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
    ledger: Any, store: Any, start: Any, entries: Any
) -> None:
    ledger.entries = [entries(number) for number in range(10)]
    with start() as bridge:
        assert bridge.synced() == 10
        store.task("request_id.is:request-3", "annotate", "looked into this")
        (store.path / "ledger.cursor").unlink()
        assert bridge.synced() == 0
    (store.path / "ledger.cursor").unlink()
    ledger.entries.append(entries(10))
    with start() as bridge:
        assert bridge.synced() == 1
    (task,) = store.tasks("request_id.is:request-3")
    assert [note["description"] for note in task["annotations"]] == ["looked into this"]


def test_other_writers_with_the_lock_lose_nothing_while_it_syncs(full_ledger: Any, store: Any, bridge: Any) -> None:
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


def test_a_store_that_somebody_else_holds_is_waited_for(ledger: Any, store: Any, bridge: Any, entries: Any) -> None:
    ledger.entries = [entries(0)]
    bridge.synced()
    ledger.entries.append(entries(1))
    with subprocess.Popen(["flock", str(store.path / "tw.lock"), "sleep", "1"]):
        time.sleep(0.3)
        started = time.monotonic()
        assert bridge.synced() == 1
        assert time.monotonic() - started > 0.4


def test_a_file_that_somebody_writes_is_not_cut(ledger: Any, store: Any, bridge: Any, entries: Any) -> None:
    ledger.entries = [entries(0)]
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


def test_a_ledger_that_is_away_is_a_503_and_is_caught_up_with_later(
    ledger: Any, store: Any, start: Any, entries: Any
) -> None:
    ledger.entries = [entries(number) for number in range(10)]
    with start(TW_SYNC_SECONDS="0.2") as bridge:
        wait_for(lambda: bridge.status()["imported"] == 10)
        ledger.close()
        wait_for(lambda: bridge.ready().json()["status"] == "degraded")
        response = bridge.sync()
        assert (response.status_code, response.json()["error"]["code"]) == (503, "ledger_unavailable")
        assert bridge.ready().status_code == 200
        ledger.entries += [entries(number) for number in range(10, 20)]
        ledger.open_again()
        wait_for(lambda: bridge.status()["imported"] == 20)
        wait_for(lambda: bridge.ready().json()["status"] == "ok")
    assert_each_once(store, 20)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (500, b"{}", "ledger_unavailable"),
        (409, b"{}", "ledger_unavailable"),
        (200, b"<html>", "ledger_unreadable"),
        (200, b"[]", "ledger_unreadable"),
        (200, b'{"entries": {}, "cursor": "1"}', "ledger_unreadable"),
        (200, b'{"entries": [], "cursor": 1}', "ledger_unreadable"),
        (200, b'{"entries": [7], "cursor": "1"}', "ledger_unreadable"),
        (200, json.dumps({"entries": [{"request_id": "r"}], "cursor": "1"}).encode(), "ledger_unreadable"),
    ],
)
def test_a_ledger_that_talks_nonsense_is_a_503(
    ledger: Any, bridge: Any, store: Any, entries: Any, status: int, body: bytes, code: str
) -> None:
    ledger.status, ledger.body = status, body
    response = bridge.sync()
    assert (response.status_code, response.json()["error"]["code"]) == (503, code)
    ledger.status, ledger.body, ledger.entries = 200, None, [entries(0)]
    assert bridge.synced() == 1


def test_a_ledger_that_was_replaced_is_read_from_its_beginning(
    ledger: Any, bridge: Any, store: Any, entries: Any
) -> None:
    ledger.entries = [entries(number) for number in range(10)]
    bridge.synced()
    ledger.entries = [entries(3), entries(10)]
    assert bridge.synced() == 1
    assert_each_once(store, 11)


def test_without_taskwarrior_the_bridge_runs_and_says_so(start: Any, tmp_path: Path) -> None:
    with start(PATH=str(tmp_path), TW_SYNC_SECONDS="0.2") as bridge:
        response = bridge.sync()
        assert (response.status_code, response.json()["error"]["code"]) == (503, "taskwarrior_missing")
        ready = bridge.ready()
        assert (ready.status_code, list(ready.json()["warnings"])) == (200, ["taskwarrior"])
        assert bridge.status()["taskwarrior"] is None


def test_a_taskwarrior_installed_later_is_found(
    ledger: Any, store: Any, start: Any, taskwarrior: str, entries: Any, tmp_path: Path
) -> None:
    ledger.entries = [entries(number) for number in range(10)]
    programs = tmp_path / "bin"
    programs.mkdir()
    with start(PATH=str(programs), TW_SYNC_SECONDS="0.2") as bridge:
        (programs / "task").symlink_to(taskwarrior)
        wait_for(lambda: bridge.status()["imported"] == 10)
        assert bridge.status()["taskwarrior"].startswith(("2.", "3."))


def test_another_program_of_that_name_is_a_503_and_moves_no_cursor(
    ledger: Any, store: Any, start: Any, entries: Any, tmp_path: Path
) -> None:
    ledger.entries = [entries(0)]
    programs = tmp_path / "bin"
    programs.mkdir()
    for script in ("exit 3", "exit 0", "kill -SEGV $$"):
        (programs / "task").write_text(f"#!/bin/sh\ncat >/dev/null\n{script}\n")
        (programs / "task").chmod(0o755)
        with start(PATH=f"{programs}:/usr/bin:/bin") as bridge:
            assert bridge.sync().json()["error"]["code"] == "taskwarrior_failed"
    with start() as bridge:
        assert bridge.synced() == 1


def test_a_full_disk_is_a_503_and_what_did_not_fit_comes_later(
    full_ledger: Any, store: Any, start: Any, taskwarrior: str, tmp_path: Path
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


def test_the_log_tells_no_token_and_no_reasoning(ledger: Any, store: Any, start: Any, entries: Any) -> None:
    ledger.entries = [entries(0, reasoning="confidential")]
    with start(LOG_LEVEL="DEBUG") as bridge:
        bridge.synced()
        log = bridge.end()
    assert "listening" in log
    assert "confidential" not in log
    assert bridge.token["Authorization"] not in log


def test_it_ends_on_sigterm_in_the_middle_of_a_sync(full_ledger: Any, store: Any, start: Any) -> None:
    with start(TW_SYNC_SECONDS="30") as bridge:
        wait_for(lambda: full_ledger.pages >= 6)
        bridge.end()
        assert bridge.process.returncode == 0
    with start() as bridge:
        bridge.synced()
    assert_each_once(store, COUNT)


def wait_for(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Return as soon as `true()`; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.002)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
