"""The desk in memory and the one in a real Valkey: the same promises."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest

from services.scorer.limits.desk import Desk, Entrant
from services.scorer.limits.memory_desk import MemoryDesk
from services.scorer.limits.rate import RateLimit
from services.scorer.limits.redis_desk import RedisDesk
from services.scorer.limits.shared_desk import SharedDesk
from services.scorer.redis_link import RedisLink
from tests.integration.scorer.conftest import wait_until

LEASE = 0.4
numbers = itertools.count()


@pytest.fixture
def key() -> str:
    """A key that no other test has."""
    return f"key-{next(numbers)}"


@pytest.fixture
def clock() -> list[float]:
    return [time.time() + 1_000]


@pytest.fixture(params=["memory", "redis"])
def desk(request: pytest.FixtureRequest, valkey: Any, clock: list[float]) -> Desk:
    """With the clock of the test, but for what Redis itself lets run out."""
    if request.param == "memory":
        return MemoryDesk(lambda: clock[0])
    link = RedisLink("127.0.0.1", valkey.port)
    link.ask(lambda client: client.flushall())  # the clocks of two tests do not agree
    return RedisDesk(link, lambda: clock[0])


@pytest.fixture
def make_desk(valkey: Any) -> Callable[[], RedisDesk]:
    """Desks in Redis whose leases run out soon, as of several scorers."""
    return lambda: RedisDesk(RedisLink("127.0.0.1", valkey.port), lease_seconds=LEASE)


def flight(number: int) -> str:
    return f"{number:064x}"


def test_a_rate_lets_through_what_it_says_and_then_one_with_each_share(
    desk: Desk, key: str, clock: list[float]
) -> None:
    def enter() -> tuple[str, int, float, float]:
        entry = desk.enter(Entrant(f"{key}-{next(numbers)}", key, RateLimit(3, 60)))
        assert entry.rate is not None
        rate = entry.rate
        return entry.ticket, rate.remaining, round(rate.reset, 1), round(rate.retry_after, 1)

    assert [enter() for _ in range(4)] == [
        ("go", 2, 20, 0),
        ("go", 1, 40, 0),
        ("go", 0, 60, 0),
        ("rate_limited", 0, 60, 20),
    ]
    clock[0] += 20
    assert [enter()[0] for _ in range(2)] == ["go", "rate_limited"]
    clock[0] += 3_600
    assert [enter()[0] for _ in range(4)] == ["go", "go", "go", "rate_limited"]


def test_keys_have_rates_of_their_own_and_who_comes_again_after_waiting_is_not_counted(desk: Desk, key: str) -> None:
    one = RateLimit(1, 60)
    assert desk.enter(Entrant(f"{key}-1", key, one)).ticket == "go"
    assert desk.enter(Entrant(f"{key}-2", f"{key}-other", one)).ticket == "go"
    again = desk.enter(Entrant(f"{key}-3", key, one, counted=False))
    assert (again.ticket, again.rate) == ("go", None)


def test_places_are_freed_by_the_end_of_a_request(desk: Desk, key: str) -> None:
    tickets = [desk.enter(Entrant(f"{key}-{n}", key, most_at_once=2)).ticket for n in range(3)]
    assert tickets == ["go", "go", "too_many_at_once"]
    desk.leave(f"{key}-0", ok=False, stored=False)
    desk.leave(f"{key}-0", ok=False, stored=False)
    assert [desk.enter(Entrant(f"{key}-{n}", key, most_at_once=2)).ticket for n in (3, 4)] == ["go", "too_many_at_once"]


def test_a_crash_frees_places_after_the_lease_and_a_sign_of_life_keeps_them(
    desk: Desk, key: str, clock: list[float]
) -> None:
    for name in ("dead", "alive"):
        desk.enter(Entrant(f"{key}-{name}", key, most_at_once=2))
    clock[0] += 10
    desk.look([], [f"{key}-alive"])
    clock[0] += 10
    assert desk.inside() == 1
    assert desk.enter(Entrant(f"{key}-new", key, most_at_once=2)).ticket == "go"
    assert desk.enter(Entrant(f"{key}-more", key, most_at_once=2)).ticket == "too_many_at_once"


def test_a_refused_request_costs_nothing_of_the_rate(desk: Desk, key: str) -> None:
    limit = RateLimit(2, 60)
    tickets = [desk.enter(Entrant(f"{key}-{n}", key, limit, most_at_once=1)).ticket for n in range(3)]
    assert tickets == ["go", "too_many_at_once", "too_many_at_once"]


def test_the_local_queue_is_bounded_and_its_pace_is_measured(desk: Desk, key: str, clock: list[float]) -> None:
    for n in range(4):
        desk.enter(Entrant(f"{key}-{n}", key))
    assert desk.queue_local(f"{key}-stranger", 1).admitted
    assert [desk.queue_local(f"{key}-{n}", 2).admitted for n in (0, 1, 1, 2)] == [True, True, True, False]
    clock[0] += 4
    desk.leave(f"{key}-0", ok=True, stored=False)
    place = desk.queue_local(f"{key}-2", 2)
    assert (place.admitted, place.ahead) == (True, 1)
    full = desk.queue_local(f"{key}-3", 2)
    assert (full.admitted, full.ahead) == (False, 2)
    assert full.seconds_each == pytest.approx(4)


def test_of_identical_requests_one_goes_and_the_others_wait_for_it(
    make_desk: Callable[[], RedisDesk], key: str
) -> None:
    one, other = make_desk(), make_desk()
    same = flight(next(numbers))
    assert one.enter(Entrant(f"{key}-1", key, flight=same)).ticket == "go"
    waits = other.enter(Entrant(f"{key}-2", key, most_at_once=1, flight=same))
    assert (waits.ticket, waits.leader) == ("wait", f"{key}-1")
    assert other.enter(Entrant(f"{key}-3", key)).ticket == "go"
    assert other.look([same, flight(next(numbers))], []) == ["wait", "free"]
    one.leave(f"{key}-1", ok=False, stored=False)
    assert other.look([same], []) == ["free"]
    tickets = [other.enter(Entrant(f"{key}-{n}", key, flight=same, counted=False)).ticket for n in (2, 4)]
    assert tickets == ["go", "wait"]


def test_a_leader_that_dies_is_followed_by_one_and_one_that_lives_keeps_its_place(
    make_desk: Callable[[], RedisDesk], key: str
) -> None:
    desk, same = make_desk(), flight(next(numbers))
    desk.enter(Entrant(f"{key}-leader", key, flight=same))
    end = time.monotonic() + 2 * LEASE
    while time.monotonic() < end:
        assert desk.look([same], [f"{key}-leader"]) == ["wait"]
        time.sleep(LEASE / 8)
    wait_until(lambda: desk.look([same], []) == ["free"], 5)
    tickets = [make_desk().enter(Entrant(f"{key}-{n}", key, flight=same, counted=False)) for n in range(9)]
    assert [entry.ticket for entry in tickets] == ["go"] + ["wait"] * 8
    assert {entry.leader for entry in tickets[1:]} == {f"{key}-0"}
    # Late, after it was taken for dead, the old leader must not end the flight of the new one.
    desk.leave(f"{key}-leader", ok=True, stored=False)
    assert desk.look([same], []) == ["wait"]


def test_after_an_answer_that_cannot_be_shared_nobody_waits_in_line(
    make_desk: Callable[[], RedisDesk], key: str
) -> None:
    desk, same = make_desk(), flight(next(numbers))
    desk.enter(Entrant(f"{key}-leader", key, flight=same))
    desk.leave(f"{key}-leader", ok=True, stored=False)
    assert desk.look([same], []) == ["free"]
    assert [desk.enter(Entrant(f"{key}-{n}", key, flight=same)).ticket for n in range(3)] == ["go"] * 3


def test_without_redis_a_process_keeps_its_own_books(valkey: Any, key: str) -> None:
    desk = SharedDesk(RedisDesk(RedisLink("127.0.0.1", 9)), MemoryDesk())
    limit = RateLimit(2, 60)
    tickets = [desk.enter(Entrant(f"{key}-{n}", key, limit, flight=flight(1))).ticket for n in range(3)]
    assert tickets == ["go", "go", "rate_limited"]
    assert desk.inside() == 2
    assert desk.queue_local(f"{key}-0", 1).admitted
    assert not desk.queue_local(f"{key}-1", 1).admitted
    assert desk.look([flight(1)], [f"{key}-0"]) == ["free"]
    desk.leave(f"{key}-0", ok=True, stored=False)
    assert desk.queue_local(f"{key}-1", 1).admitted
