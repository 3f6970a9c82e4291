"""Routes around models that fail, and around a full local queue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from services.scorer.health.breaker import Report
from services.scorer.health.model_health import ModelHealth
from services.scorer.limits.desk import Entrant
from services.scorer.limits.memory_desk import MemoryDesk
from services.scorer.policy import Policy
from services.scorer.request import read_request
from services.scorer.route import Route
from services.scorer.steering import Steering

Steer = Callable[..., Route]


class Around:
    """A steering with a clock that stands still until it is moved."""

    def __init__(self, policy: Policy) -> None:
        self.now = 1_000.0
        self.policy = policy
        self.health = ModelHealth(None, lambda: self.now)
        self.desk = MemoryDesk(lambda: self.now)
        self.steering = Steering(self.health, self.desk, local_queue=2)

    def fail(self, *models: str, retry_after: float | None = None) -> None:
        for model in models:
            for _ in range(2):
                self.health.report(model, Report(ok=False, status=529, retry_after=retry_after))

    def enter(self, *request_ids: str) -> None:
        for request_id in request_ids:
            self.desk.enter(Entrant(request_id, "k"))

    def steer(self, route: Route, **body: Any) -> Route:
        request = read_request({"prompt": "What is Python?", **body})
        return self.steering.steer(route, request, self.policy, lambda model: Decimal(0 if model.is_local else 7))


@pytest.fixture
def around(policy: Policy) -> Around:
    return Around(policy)


def names(route: Route) -> list[str]:
    return [model.name for model in (route.model, *route.fallbacks) if model is not None]


def test_a_route_of_well_models_is_left_as_it_is(route: Callable[..., Route], around: Around) -> None:
    taken = route(0.1)
    assert around.steer(taken) is taken


def test_a_failing_model_is_passed_over_and_becomes_the_last_resort(
    route: Callable[..., Route], around: Around
) -> None:
    first, second, *rest = names(route(0.1))
    around.fail(first)
    got = around.steer(route(0.1))
    assert names(got) == [second, *rest, first]
    assert f"{first} is left out: it answered with status 529 2 times in a row" in got.reasoning


def test_a_hard_prompt_goes_local_while_the_cloud_fails(route: Callable[..., Route], around: Around) -> None:
    hard = route(0.9)
    assert hard.decision == "cloud"
    around.fail(names(hard)[0])
    got = around.steer(hard)
    assert (got.decision, got.estimated_cost) == ("local", Decimal(0))


def test_when_all_fail_the_one_that_may_be_used_soonest_is(route: Callable[..., Route], around: Around) -> None:
    chain = names(route(0.1))
    around.fail(*chain, retry_after=60)
    around.now += 61
    for name in chain:  # the trials are under way
        assert around.health.may_use(name)
    around.fail(chain[0], retry_after=90)
    around.fail(*chain[2:], retry_after=90)
    around.fail(chain[1], retry_after=30)
    got = around.steer(route(0.1))
    assert (names(got)[0], got.error) == (chain[1], None)


def test_a_model_that_is_asked_for_by_name_is_asked(route: Callable[..., Route], around: Around) -> None:
    around.fail("tiny")
    assert names(around.steer(route(0.1, model="tiny"), model="tiny")) == ["tiny"]


def test_a_full_local_queue_is_a_429_with_the_time_that_it_takes(route: Callable[..., Route], around: Around) -> None:
    around.enter("a", "b", "c")
    assert around.steer(route(0.1), request_id="a").decision == "local"
    around.now += 8
    around.desk.leave("a", ok=True, stored=False)
    around.enter("a")
    for name in ("a", "b"):
        assert around.steer(route(0.1), request_id=name).decision == "local"
    got = around.steer(route(0.1), request_id="c")
    assert (got.decision, got.model, got.fallbacks) == ("refused", None, ())
    assert got.error is not None
    assert (got.error.code, got.error.status, got.error.retry_after) == ("local_queue_full", 429, 16)
    around.desk.leave("b", ok=True, stored=False)
    assert around.steer(route(0.1), request_id="c").decision == "local"


def test_the_policy_may_send_what_finds_the_queue_full_to_the_cloud(
    route: Callable[..., Route], around: Around
) -> None:
    around.policy = replace(around.policy, local_queue_full="cloud")
    around.enter("a", "b", "c", "d")
    for name in ("a", "b"):
        around.steer(route(0.1), request_id=name)
    got = around.steer(route(0.1), request_id="c")
    assert (got.decision, got.estimated_cost) == ("cloud", Decimal(7))
    assert "2 requests wait for the local models" in got.reasoning
    private = around.steer(route(0.1, privacy="local-only"), request_id="d", privacy="local-only")
    assert private.error is not None
    assert private.error.code == "local_queue_full"


def test_requests_that_were_never_let_in_are_neither_counted_nor_refused(
    route: Callable[..., Route], around: Around
) -> None:
    assert all(around.steer(route(0.1), request_id=f"r-{n}").decision == "local" for n in range(9))
