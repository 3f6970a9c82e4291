"""Following a ledger, with a fake one and a fake store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.tw_bridge import sync as sync_module
from services.tw_bridge.cursor import CursorFile
from services.tw_bridge.decisions import task_uuid
from services.tw_bridge.errors import (
    CursorAhead,
    LedgerUnavailable,
    LedgerUnreadable,
    StoreUnusable,
    SyncRunning,
    TaskwarriorFailed,
    TaskwarriorMissing,
)
from services.tw_bridge.ledger import PAGE, Page
from services.tw_bridge.metrics import BridgeMetrics
from services.tw_bridge.sync import BATCH, Sync
from tests.unit.tw_bridge.bridge_fakes import USAGE, FakeLedger, FakeStore, entry

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def ledger() -> FakeLedger:
    return FakeLedger()


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def cursor(tmp_path: Path) -> CursorFile:
    return CursorFile(tmp_path / "cursor")


@pytest.fixture
def metrics() -> BridgeMetrics:
    return BridgeMetrics()


@pytest.fixture
def sync(ledger: FakeLedger, store: FakeStore, cursor: CursorFile, metrics: BridgeMetrics) -> Sync:
    return make_sync(ledger, store, cursor, metrics)


def make_sync(ledger: FakeLedger, store: FakeStore, cursor: CursorFile, metrics: BridgeMetrics) -> Sync:
    return Sync(ledger, store, cursor, metrics, lambda: NOW)  # type: ignore[arg-type]


def test_all_entries_become_tasks_in_their_order(sync: Sync, ledger: FakeLedger, store: FakeStore) -> None:
    ledger.add(2345)
    result = sync.run()
    assert (result.imported, result.cursor) == (2345, "2345")
    assert store.tasks == [task_uuid(f"r-{number}") for number in range(2345)]


def test_many_pages_are_imported_in_large_batches(sync: Sync, ledger: FakeLedger, store: FakeStore) -> None:
    ledger.add(2 * BATCH + 1)
    sync.run()
    assert store.imports == [BATCH, BATCH, 1]


def test_a_second_sync_adds_none_and_calls_no_task(sync: Sync, ledger: FakeLedger, store: FakeStore) -> None:
    ledger.add(10)
    sync.run()
    looked = store.looked
    assert sync.run().imported == 0
    assert (store.imports, store.looked) == ([10], looked)


def test_new_entries_are_not_compared_with_the_whole_store(sync: Sync, ledger: FakeLedger, store: FakeStore) -> None:
    for _ in range(3):
        ledger.add(5)
        sync.run()
    assert (store.imports, store.looked) == ([5, 5, 5], 1)


def test_what_was_taken_back_or_never_confirmed_is_no_decision(
    sync: Sync, ledger: FakeLedger, store: FakeStore
) -> None:
    unconfirmed = entry(0) | {"status": "unconfirmed"}
    ledger.entries = [unconfirmed, unconfirmed | {"reversal": True}, entry(0) | {"reversal": False}]
    assert sync.run().imported == 1
    assert store.tasks == [task_uuid("r-0")]


def test_a_correction_takes_the_place_of_the_task_that_it_corrects(
    sync: Sync, ledger: FakeLedger, store: FakeStore
) -> None:
    ledger.add(2)
    sync.run()
    ledger.entries += [entry(1) | {"reversal": True, "correction": "c-1"}, entry(1) | {"correction": "c-1"}]
    assert sync.run().imported == 1
    assert store.imports == [2, 1]
    assert store.tasks[-1] == task_uuid("r-1")


def test_an_empty_ledger_is_no_error(sync: Sync, cursor: CursorFile) -> None:
    assert sync.run().imported == 0
    assert cursor.read() is None


def test_what_a_crash_made_come_again_is_left_alone(
    sync: Sync, ledger: FakeLedger, store: FakeStore, cursor: CursorFile, metrics: BridgeMetrics
) -> None:
    ledger.add(10)
    sync.run()
    ledger.add(10)
    cursor.save("5")
    again = make_sync(ledger, store, cursor, metrics)
    assert again.run().imported == 10
    assert store.imports == [10, 10]
    ledger.add(1)
    again.run()
    ledger.add(1)
    again.run()
    assert store.looked == 2


def test_a_cursor_removed_under_a_running_bridge_repeats_nothing(
    sync: Sync, ledger: FakeLedger, store: FakeStore, cursor: CursorFile
) -> None:
    ledger.add(10)
    sync.run()
    cursor.path.unlink()
    assert sync.run().imported == 0
    assert cursor.read() == "10"


def test_the_cursor_stays_when_the_import_fails(
    sync: Sync, ledger: FakeLedger, store: FakeStore, cursor: CursorFile
) -> None:
    ledger.add(10)
    store.error = TaskwarriorFailed()
    with pytest.raises(TaskwarriorFailed):
        sync.run()
    assert cursor.read() is None
    assert sync.state.error is store.error
    store.error = None
    assert sync.run().imported == 10
    assert sync.state.error is None


def test_tasks_whose_cursor_could_not_be_saved_are_not_added_again(
    sync: Sync, ledger: FakeLedger, store: FakeStore, cursor: CursorFile
) -> None:
    ledger.add(10)
    folder = cursor.path.parent
    cursor.path = folder / "nowhere" / "cursor"
    with pytest.raises(StoreUnusable):
        sync.run()
    cursor.path = folder / "cursor"
    assert sync.run().imported == 0
    assert store.imports == [10]
    assert sync.state.imported == 10


def test_what_came_before_a_failure_is_kept(sync: Sync, ledger: FakeLedger, store: FakeStore) -> None:
    ledger.add(BATCH + 1)
    ledger.entries[BATCH]["usage"] = None
    with pytest.raises(LedgerUnreadable, match=f"r-{BATCH}"):
        sync.run()
    assert store.imports == [BATCH]
    ledger.entries[BATCH]["usage"] = USAGE
    assert sync.run().imported == 1


def test_a_replaced_ledger_is_read_from_its_beginning(
    sync: Sync, ledger: FakeLedger, store: FakeStore, cursor: CursorFile
) -> None:
    ledger.add(10)
    sync.run()
    ledger.entries = [entry(3), entry(100)]
    assert sync.run().imported == 1
    assert store.tasks[-1] == task_uuid("r-100")
    assert cursor.read() == "2"


def test_a_ledger_that_always_calls_its_cursor_wrong_ends_the_sync(sync: Sync, ledger: FakeLedger) -> None:
    ledger.error = CursorAhead()
    with pytest.raises(LedgerUnreadable):
        sync.run()
    assert ledger.asked == [None, None]


def test_a_ledger_whose_cursor_does_not_move_ends_the_sync(sync: Sync, ledger: FakeLedger) -> None:
    ledger.read = lambda after: Page([entry(number) for number in range(PAGE)], "7")  # type: ignore[method-assign]
    assert sync.run().cursor == "7"


def test_without_taskwarrior_the_ledger_is_not_asked(sync: Sync, ledger: FakeLedger, store: FakeStore) -> None:
    store.missing = True
    with pytest.raises(TaskwarriorMissing):
        sync.run()
    assert ledger.asked == []


def test_one_sync_waits_for_another_but_not_for_ever(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_module, "_WAIT_SECONDS", 0.01)
    with sync._lock, pytest.raises(SyncRunning):
        sync.run()


def test_a_failure_is_logged_once_and_counted_each_time(
    sync: Sync, ledger: FakeLedger, metrics: BridgeMetrics, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.error = LedgerUnavailable()
    for _ in range(3):
        with pytest.raises(LedgerUnavailable):
            sync.run()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    count = metrics.registry.get_sample_value("tw_bridge_sync_failures_total", {"code": "ledger_unavailable"})
    assert count == 3
    ledger.error = None
    sync.run()
    assert metrics.registry.get_sample_value("tw_bridge_last_sync_timestamp_seconds") == NOW.timestamp()


def test_the_end_closes_the_connection(sync: Sync, ledger: FakeLedger) -> None:
    sync.end()
    assert ledger.closed
