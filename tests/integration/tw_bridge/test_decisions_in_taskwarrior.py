"""The ledger's entries as a user of Taskwarrior sees them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.tw_bridge.service import BridgeProcess, Ledger, StartBridge, Store, make_entry

REASONS = [
    "says \"quotes\", 'more', `ticks` and $HOME $(id)",
    "a path C:\\new\\table and a \\ at the end \\",
    "[brackets] {braces} (a or b) <b>&lt;</b> </a>",
    "project:other +tag -tag due:today /a/b/ #comment *",
    "&dquot; &open; &close; &amp; \\u0041 \\n %s 50%",
    "Ünïcode 漢字 שלום emoji 👩‍👩‍👧 e\u0301 \u00a0 \U0010ffff",
    "null",
    "-- import",
]
AS_KEPT = {"&open;": "[", "&close;": "]", "\u00a0": " "}


@pytest.fixture
def thousand(ledger: Ledger, bridge: BridgeProcess) -> None:
    ledger.entries = [make_entry(number) for number in range(1000)]
    assert bridge.synced() == 1000


@pytest.mark.usefixtures("thousand")
def test_a_thousand_entries_arrive_and_a_second_sync_adds_none(bridge: BridgeProcess, store: Store) -> None:
    assert store.count("project:vps_ai.router") == 1000
    before = (store.path / "completed.data").read_bytes()
    response = bridge.sync()
    assert response.json() == {"imported": 0, "cursor": "1000"}
    assert (store.path / "completed.data").read_bytes() == before


@pytest.mark.usefixtures("thousand")
def test_the_documented_one_liners_show_the_decisions(store: Store) -> None:
    listed = store.task("rc.defaultwidth=200", "project:vps_ai.router", "list")
    assert listed.count("claude-sonnet-5-5 0.012345678 USD complexity 0.82: asks for a proof") == 333
    listed = store.task("rc.defaultwidth=200", "project:vps_ai.router", "+routing", "cost.any:", "list")
    assert len(listed.splitlines()) == 1000
    assert [store.count(f"+{tag}") for tag in ("routing", "local", "cloud", "cached")] == [1000, 334, 333, 333]
    assert store.count("backend:cloud", "cost.over:0.01", "tokens_in.over:1500") == 166


@pytest.mark.usefixtures("thousand")
def test_a_task_has_all_of_its_entry(store: Store) -> None:
    (task,) = store.tasks("request_id.is:request-61")
    assert task.pop("uuid")
    assert task.pop("modified")
    assert sorted(task.pop("tags")) == ["cloud", "routing"]
    assert task == {
        "id": 0,
        "description": "claude-sonnet-5-5 0.012345678 USD complexity 0.82: asks for a proof",
        "status": "completed",
        "project": "vps_ai.router",
        "entry": "20261122T000101Z",
        "end": "20261122T000102Z",
        "model": "claude-sonnet-5-5",
        "backend": "cloud",
        "cost": 0.012345678,
        "complexity": 0.82,
        "tokens_in": 1061,
        "tokens_out": 7,
        "latency": 1.25,
        "request_id": "request-61",
        "urgency": task["urgency"],
    }


@pytest.mark.usefixtures("thousand")
def test_another_taskrc_can_include_the_attributes(store: Store, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "taskrc").write_text(f"data.location={own}\ninclude {store.path}/hybrid-ai.rc\n")
    command = ["task", f"rc:{own}/taskrc", "rc.verbose=nothing"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(own)}
    for more in (["add", "mine", "cost:1.5"], [f"rc.data.location={store.path}", "cost.any:", "count"]):
        done = subprocess.run(command + more, capture_output=True, text=True, env=environment, timeout=20, check=True)
    assert done.stdout.strip() == "1000"
    count = subprocess.run([*command, "count"], capture_output=True, text=True, env=environment, timeout=20, check=True)
    assert count.stdout.strip() == "1"


def test_special_characters_survive_and_a_repeat_changes_nothing(
    ledger: Ledger, store: Store, start: StartBridge
) -> None:
    ledger.entries = [
        make_entry(number, reasoning=reason, request_id=f"{number} {reason}") for number, reason in enumerate(REASONS)
    ]
    with start() as bridge:
        assert bridge.synced() == len(REASONS)
    before = (store.path / "completed.data").read_bytes()
    (store.path / "ledger.cursor").unlink()
    with start() as bridge:
        assert bridge.synced() == 0
    assert (store.path / "completed.data").read_bytes() == before
    kept = {task["request_id"]: task["description"].partition(": ")[2] for task in store.tasks()}
    for number, reason in enumerate(REASONS):
        for given, instead in AS_KEPT.items():
            reason = reason.replace(given, instead)
        reason = " ".join(reason.split())
        assert kept[f"{number} {reason}"] == reason


def test_odd_entries_hold_nothing_up(ledger: Ledger, bridge: BridgeProcess, store: Store) -> None:
    ledger.entries = [
        make_entry(0, occurred_at="0001-01-01T00:00:00.000000Z"),
        make_entry(1, occurred_at="9999-12-31T23:59:59.999999Z"),
        make_entry(2, cost=None, complexity=None, latency_seconds=None, reasoning=None),
        make_entry(3, reasoning="line\nbreak \x1b[31m\x07 " + "long " * 800, latency_seconds=1_000_000.0),
        make_entry(4, status="error", error_code="model_timeout", complexity=1e-12, cost="123456789.123456789123"),
    ]
    assert bridge.synced() == 5
    lines = [task["description"] for task in store.tasks()]
    assert "smollm2-135m unpriced" in lines
    assert (
        "claude-sonnet-5-5 failed (model_timeout) 123456789.123456789123 USD complexity 0.00: asks for a proof" in lines
    )
    assert store.count("cost.none:") == 1


@pytest.mark.parametrize("name", ["with space", "ünï 'quoted\" [x] %s", "a=b;c&d"])
def test_any_folder_that_is_accepted_works(
    ledger: Ledger, start: StartBridge, store: Store, tmp_path: Path, name: str
) -> None:
    ledger.entries = [make_entry(number) for number in range(3)]
    with start(TASKWARRIOR_DATA=str(tmp_path / name)) as bridge:
        assert bridge.synced() == 3
    assert Store(tmp_path / name).count("project:vps_ai.router", "cost.any:") == 3
