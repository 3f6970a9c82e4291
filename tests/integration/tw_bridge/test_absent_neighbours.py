"""A ledger that is away, talks nonsense or was replaced; a Taskwarrior that is missing or is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.tw_bridge.service import (
    BridgeProcess,
    Ledger,
    StartBridge,
    Store,
    assert_each_once,
    make_entry,
    wait_until,
)


def test_a_ledger_that_is_away_is_a_503_and_is_caught_up_with_later(
    ledger: Ledger, store: Store, start: StartBridge
) -> None:
    ledger.entries = [make_entry(number) for number in range(10)]
    with start(TW_SYNC_SECONDS="0.2") as bridge:
        wait_until(lambda: bridge.status()["imported"] == 10)
        ledger.close()
        wait_until(lambda: bridge.ready().json()["status"] == "degraded")
        response = bridge.sync()
        assert (response.status_code, response.json()["error"]["code"]) == (503, "ledger_unavailable")
        assert bridge.ready().status_code == 200
        ledger.entries += [make_entry(number) for number in range(10, 20)]
        ledger.open_again()
        wait_until(lambda: bridge.status()["imported"] == 20)
        wait_until(lambda: bridge.ready().json()["status"] == "ok")
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
    ledger: Ledger, bridge: BridgeProcess, store: Store, status: int, body: bytes, code: str
) -> None:
    ledger.status, ledger.body = status, body
    response = bridge.sync()
    assert (response.status_code, response.json()["error"]["code"]) == (503, code)
    ledger.status, ledger.body, ledger.entries = 200, None, [make_entry(0)]
    assert bridge.synced() == 1


def test_a_ledger_that_was_replaced_is_read_from_its_beginning(
    ledger: Ledger, bridge: BridgeProcess, store: Store
) -> None:
    ledger.entries = [make_entry(number) for number in range(10)]
    bridge.synced()
    ledger.entries = [make_entry(3), make_entry(10)]
    assert bridge.synced() == 1
    assert_each_once(store, 11)


def test_without_taskwarrior_the_bridge_runs_and_says_so(start: StartBridge, tmp_path: Path) -> None:
    with start(PATH=str(tmp_path), TW_SYNC_SECONDS="0.2") as bridge:
        response = bridge.sync()
        assert (response.status_code, response.json()["error"]["code"]) == (503, "taskwarrior_missing")
        ready = bridge.ready()
        assert (ready.status_code, list(ready.json()["warnings"])) == (200, ["taskwarrior"])
        assert bridge.status()["taskwarrior"] is None


def test_a_taskwarrior_installed_later_is_found(
    ledger: Ledger, store: Store, start: StartBridge, taskwarrior: str, tmp_path: Path
) -> None:
    ledger.entries = [make_entry(number) for number in range(10)]
    programs = tmp_path / "bin"
    programs.mkdir()
    with start(PATH=str(programs), TW_SYNC_SECONDS="0.2") as bridge:
        (programs / "task").symlink_to(taskwarrior)
        wait_until(lambda: bridge.status()["imported"] == 10)
        assert bridge.status()["taskwarrior"].startswith(("2.", "3."))


def test_another_program_of_that_name_is_a_503_and_moves_no_cursor(
    ledger: Ledger, store: Store, start: StartBridge, tmp_path: Path
) -> None:
    ledger.entries = [make_entry(0)]
    programs = tmp_path / "bin"
    programs.mkdir()
    for script in ("exit 3", "exit 0", "kill -SEGV $$"):
        (programs / "task").write_text(f"#!/bin/sh\ncat >/dev/null\n{script}\n")
        (programs / "task").chmod(0o755)
        with start(PATH=f"{programs}:/usr/bin:/bin") as bridge:
            assert bridge.sync().json()["error"]["code"] == "taskwarrior_failed"
    with start() as bridge:
        assert bridge.synced() == 1


def test_the_log_tells_no_token_and_no_reasoning(ledger: Ledger, store: Store, start: StartBridge) -> None:
    ledger.entries = [make_entry(0, reasoning="confidential")]
    with start(LOG_LEVEL="DEBUG") as bridge:
        bridge.synced()
        log = bridge.end()
    assert "listening" in log
    assert "confidential" not in log
    assert bridge.token["Authorization"] not in log
