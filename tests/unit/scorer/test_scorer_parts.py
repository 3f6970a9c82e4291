"""The parts of the scorer put together, with a hand-written cache."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from services.catalog import Catalogue
from services.scorer.availability import AvailabilityWatch
from services.scorer.cache import CacheAway
from services.scorer.live_policy import LivePolicy
from services.scorer.metrics import ScorerMetrics
from services.scorer.policy import DEFAULT_FILE, PolicyOverrides
from services.scorer.request import RouteRequest, read_request
from services.scorer.scorer import Scorer


class FakeCache:
    """A cache in memory that may be away."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.away = False

    def get(self, key: str) -> dict[str, Any] | None:
        if self.away:
            raise CacheAway
        return self.kept.get(key)

    def put(self, key: str, answer: dict[str, Any]) -> None:
        if self.away:
            raise CacheAway
        self.kept[key] = answer


@pytest.fixture
def cache() -> FakeCache:
    return FakeCache()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def scorer(catalogue: Catalogue, cache: Any, registry: CollectorRegistry) -> Scorer:
    watch = AvailabilityWatch(catalogue, "http://127.0.0.1:9", cloud_key=True)
    policy = LivePolicy(DEFAULT_FILE, PolicyOverrides(), catalogue)
    metrics = ScorerMetrics(registry, catalogue, watch)
    return Scorer(catalogue, policy, watch, cache, metrics, lambda: datetime(2026, 11, 1, tzinfo=UTC))


def request(**more: Any) -> RouteRequest:
    return read_request({"prompt": "What is Python?"} | more)


def test_answer_of_a_model_that_left_the_catalogue_is_still_used(scorer: Scorer) -> None:
    first = scorer.route(request())
    assert scorer.keep_answer(first.cache_key or "", {"text": "x", "model": "gone"})
    again = scorer.route(request())
    assert again.route.decision == "cached"
    assert again.route.model == first.route.model
    assert again.route.estimated_cost == 0


def test_away_cache_is_counted_and_done_without(scorer: Scorer, cache: FakeCache, registry: CollectorRegistry) -> None:
    cache.away = True
    got = scorer.route(request())
    assert (got.route.decision, got.cached_answer) == ("cloud", None)
    assert not scorer.keep_answer(got.cache_key or "", {"text": "x"})
    assert registry.get_sample_value("scorer_cache_total", {"result": "unavailable"}) == 1


def test_routes_are_counted_by_decision_and_tier(scorer: Scorer, registry: CollectorRegistry) -> None:
    scorer.route(request())
    scorer.route(request(model="gpt-9"))
    assert registry.get_sample_value("scorer_routes_total", {"decision": "cloud", "tier": "cloud"}) == 1
    assert registry.get_sample_value("scorer_routes_total", {"decision": "refused", "tier": "none"}) == 1
    assert registry.get_sample_value("scorer_score_seconds_count") == 2
    assert registry.get_sample_value("scorer_model_available", {"model": "tiny"}) == 0
    assert registry.get_sample_value("scorer_model_available", {"model": "sky"}) == 1
