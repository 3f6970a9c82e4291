"""The recorder: nothing waits for the database, nothing is lost in silence."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from services.scorer.outcomes.metrics import OutcomeMetrics
from services.scorer.outcomes.recorder import Recorder
from tests.unit.scorer.outcomes.fake_store import FakeStore, outcome, route


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def recorder(store: FakeStore, registry: CollectorRegistry, clock: Clock) -> Iterator[Recorder]:
    """A recorder for ten records, which looks at its queue a hundred times a second; not started."""
    made = Recorder(store, OutcomeMetrics(registry), keep_days=90, longest=10, write_every=0.01, monotonic=clock)
    yield made
    store.go_on.set()
    made.close()


def wait_for(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.005)


def counted(registry: CollectorRegistry, kind: str, result: str) -> float | None:
    return registry.get_sample_value("scorer_outcome_records_total", {"kind": kind, "result": result})


def test_records_are_written_in_batches_in_the_background(
    recorder: Recorder, store: FakeStore, registry: CollectorRegistry
) -> None:
    recorder.offer_route(route("a"))
    assert recorder.offer([outcome("a"), outcome("b", "bad")])
    assert registry.get_sample_value("scorer_outcome_queue_length") == 3
    assert store.routes == []
    recorder.start()
    wait_for(lambda: store.routes and len(store.outcomes) == 2)
    assert store.routes == [route("a")]
    wait_for(lambda: registry.get_sample_value("scorer_outcome_queue_length") == 0)
    assert counted(registry, "route", "written") == 1
    assert counted(registry, "outcome", "written") == 2
    assert recorder.problem() is None


def test_a_full_queue_takes_nothing_more_counts_it_and_says_so_for_a_minute(
    recorder: Recorder, registry: CollectorRegistry, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(9):
        recorder.offer_route(route(str(number)))
    with caplog.at_level(logging.WARNING):
        assert not recorder.offer([outcome("x"), outcome("y")])  # all or none
        assert recorder.offer([outcome("x")])
        recorder.offer_route(route("too much"))
    assert (counted(registry, "route", "lost"), counted(registry, "outcome", "lost")) == (1, 2)
    assert "lost a moment ago" in str(recorder.problem())
    assert [record.levelno for record in caplog.records] == [logging.WARNING]  # once, not for every loss
    clock.now = 61.0
    assert recorder.problem() is None


def test_offering_never_waits_for_a_store_that_hangs(recorder: Recorder, store: FakeStore) -> None:
    store.go_on.clear()
    recorder.start()
    recorder.offer_route(route("first"))
    time.sleep(0.05)  # the writer is in the store by now
    begin = time.perf_counter()
    for number in range(1000):
        recorder.offer_route(route(str(number)))
    assert time.perf_counter() - begin < 0.5


def test_records_wait_while_the_store_is_away_and_are_written_when_it_is_back(
    recorder: Recorder, store: FakeStore, registry: CollectorRegistry
) -> None:
    store.away = True
    recorder.start()
    recorder.offer_route(route("a"))
    time.sleep(0.05)
    assert recorder.problem() == "Outcomes are not kept: PostgreSQL does not answer."
    assert counted(registry, "route", "lost") == 0
    store.away = False
    wait_for(lambda: store.routes)
    assert store.routes == [route("a")]
    assert recorder.problem() is None


def test_one_bad_record_does_not_take_its_batch_with_it_and_its_content_is_not_logged(
    recorder: Recorder, store: FakeStore, registry: CollectorRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    store.refused = {"b"}
    for name in "abc":
        recorder.offer_route(route(name))
    recorder.start()
    wait_for(lambda: counted(registry, "route", "lost") == 1)
    assert [record.request_id for record in store.routes] == ["a", "c"]
    assert counted(registry, "route", "written") == 2
    assert "what was in the row" not in caplog.text


@pytest.mark.parametrize("request_id", ["", "x" * 129, "a\0b", "a\nb", "\ud800"])
def test_a_route_whose_id_no_table_can_hold_is_lost(
    recorder: Recorder, registry: CollectorRegistry, request_id: str
) -> None:
    recorder.offer_route(route(request_id))
    assert counted(registry, "route", "lost") == 1
    assert registry.get_sample_value("scorer_outcome_queue_length") == 0


def test_what_waits_is_written_at_the_end_and_the_store_let_go(recorder: Recorder, store: FakeStore) -> None:
    recorder.start()
    store.go_on.clear()
    recorder.offer_route(route("a"))
    threading.Timer(0.1, store.go_on.set).start()
    recorder.close()
    assert store.routes == [route("a")]
    assert store.closed


def test_the_end_does_not_wait_for_a_store_that_is_away(recorder: Recorder, store: FakeStore) -> None:
    store.away = True
    recorder.start()
    recorder.offer_route(route("a"))
    begin = time.perf_counter()
    recorder.close()
    assert time.perf_counter() - begin < 1
    assert store.closed


def test_old_records_are_removed_once_an_hour(recorder: Recorder, store: FakeStore, clock: Clock) -> None:
    recorder.start()
    wait_for(lambda: store.pruned)
    assert abs(datetime.now(UTC) - timedelta(days=90) - store.pruned[0]) < timedelta(minutes=1)
    time.sleep(0.05)
    assert len(store.pruned) == 1
    clock.now = 3_601.0
    wait_for(lambda: len(store.pruned) == 2)
