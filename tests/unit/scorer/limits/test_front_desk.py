"""The front desk with a desk that says what the test wants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from services.catalog import Catalogue
from services.runtime.errors import BadRequest
from services.scorer.availability import AvailabilityWatch
from services.scorer.limits.admission import FrontDesk, Limits
from services.scorer.limits.body import read_admit
from services.scorer.limits.desk import Entrant, Entry, Flight, QueuePlace
from services.scorer.limits.rate import RateLimit, RateState
from services.scorer.live_policy import LivePolicy
from services.scorer.metrics import ScorerMetrics
from services.scorer.policy import DEFAULT_FILE, PolicyOverrides
from services.scorer.scorer import Scorer
from tests.unit.scorer.test_scorer_parts import NOW, FakeCache

Ask = Callable[..., Any]


class FakeDesk:
    """Gives `entry` to all, and writes down what it was asked and in which order."""

    def __init__(self, cache: FakeCache) -> None:
        self.entry = Entry("go")
        self.entered: list[Entrant] = []
        self.left: list[tuple[str, bool, bool, int]] = []
        self._cache = cache

    def enter(self, entrant: Entrant) -> Entry:
        self.entered.append(entrant)
        return self.entry

    def look(self, cache_keys: Sequence[str], alive: Sequence[str]) -> list[Flight]:
        return ["free"] * len(cache_keys)

    def queue_local(self, request_id: str, most: int) -> QueuePlace:
        return QueuePlace(admitted=True)

    def leave(self, request_id: str, *, ok: bool, stored: bool) -> None:
        self.left.append((request_id, ok, stored, len(self._cache.kept)))

    def inside(self) -> int:
        return 0


@pytest.fixture
def cache() -> FakeCache:
    return FakeCache()


@pytest.fixture
def desk(cache: FakeCache) -> FakeDesk:
    return FakeDesk(cache)


@pytest.fixture
def front(catalogue: Catalogue, cache: Any, desk: FakeDesk) -> FrontDesk:
    watch = AvailabilityWatch(catalogue, "http://127.0.0.1:9", cloud_key=True)
    policy = LivePolicy(DEFAULT_FILE, PolicyOverrides(), catalogue)
    metrics = ScorerMetrics(CollectorRegistry(), catalogue, watch)
    scorer = Scorer(catalogue, policy, watch, cache, metrics, lambda: NOW)
    return FrontDesk(scorer, desk, Limits(RateLimit(60, 60), 16))


@pytest.fixture
def admit(front: FrontDesk) -> Ask:
    def ask(**more: Any) -> Any:
        return front.admit(read_admit({"request_id": "r", "key_id": "k", "prompt": "What is Python?", **more}))

    return ask


def test_the_key_of_a_request_is_the_one_that_its_route_has(admit: Ask, front: FrontDesk) -> None:
    for more in ({}, {"model": "sky-pro"}, {"model": "claude-sonnet"}, {"allowed_models": ["tiny", "sky"]}):
        admission = admit(rate_limit=9, max_concurrent=3, takes_cached=False, **more)
        request = read_admit({"request_id": "r", "prompt": "What is Python?", **more}).request
        assert admission.cache_key == front.scorer.route(request).cache_key is not None


@pytest.mark.parametrize(
    "more", [{"cache": "off"}, {"cache": "refresh"}, {"privacy": "local-only"}, {"model": "gpt-9"}]
)
def test_what_shares_no_answer_has_no_flight(admit: Ask, desk: FakeDesk, more: dict[str, Any]) -> None:
    admit(**more)
    assert desk.entered[0].flight is None


def test_limits_of_the_key_go_before_the_settings(admit: Ask, desk: FakeDesk) -> None:
    admit()
    admit(rate_limit=5, max_concurrent=2, waited=True)
    limits = [(one.rate, one.most_at_once, one.counted) for one in desk.entered]
    assert limits == [(RateLimit(60, 60), 16, True), (RateLimit(5, 60), 2, False)]


def test_an_answer_that_is_gone_by_now_is_asked_for_anew(admit: Ask, desk: FakeDesk, cache: FakeCache) -> None:
    desk.entry = Entry("cached")
    assert admit().decision == "go"
    key = admit().cache_key
    cache.kept[key] = {"text": "A language.", "model": "sky"}
    found = admit()
    assert (found.decision, found.answer.cached_answer["text"]) == ("cached", "A language.")


def test_a_request_that_the_policy_refuses_is_left_to_the_flow(admit: Ask, desk: FakeDesk, cache: FakeCache) -> None:
    desk.entry = Entry("cached")
    key = admit(prompt="x" * 100_001).cache_key
    cache.kept[key] = {"text": "A language.", "model": "sky"}
    assert admit(prompt="x" * 100_001).decision == "go"


def test_refusals_say_when_to_try_again(admit: Ask, desk: FakeDesk) -> None:
    desk.entry = Entry("rate_limited", rate=RateState(60, 0, 60, 0.2))
    soon = admit()
    assert (soon.decision, soon.error.status, soon.error.code, soon.error.retry_after) == (
        "refused", 429, "rate_limited", 1,
    )  # fmt: skip
    assert soon.error.message == "This API key may send 60 requests a minute. Try again in 1 s."
    desk.entry = Entry("too_many_at_once")
    assert (admit().error.code, admit().error.retry_after) == ("too_many_at_once", 1)


def test_the_answer_is_kept_before_the_places_are_freed(front: FrontDesk, desk: FakeDesk) -> None:
    whole, cut = {"text": "Yes."}, {"text": "Ye", "stop_reason": "max_tokens"}
    assert front.finish("r-1", ok=True, cache_key="a", answer=whole)
    assert not front.finish("r-2", ok=True, cache_key="b", answer=cut)
    assert not front.finish("r-3", ok=False, cache_key=None, answer=None)
    assert desk.left == [("r-1", True, True, 1), ("r-2", True, False, 1), ("r-3", False, False, 1)]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"request_id": ""}, "request_id"),
        ({"request_id": "x" * 129}, "request_id"),
        ({"key_id": 5}, "key_id"),
        ({"rate_limit": True}, "rate_limit"),
        ({"rate_limit": 0}, "rate_limit"),
        ({"max_concurrent": 1.5}, "max_concurrent"),
        ({"takes_cached": "no"}, "takes_cached"),
        ({"prompt": 5}, "prompt"),
    ],
)
def test_a_wrong_field_is_named(admit: Ask, more: dict[str, Any], field: str) -> None:
    with pytest.raises(BadRequest) as caught:
        admit(**more)
    assert caught.value.details["field"] == field
