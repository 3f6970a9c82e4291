"""The parts of the scorer put together, with a hand-written cache."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from services.catalog import Catalogue
from services.scorer.availability import AvailabilityWatch
from services.scorer.cache import CacheAway
from services.scorer.live_policy import LivePolicy
from services.scorer.live_tuning import LiveTuning
from services.scorer.metrics import ScorerMetrics
from services.scorer.outcomes.recorder import Recorder
from services.scorer.policy import DEFAULT_FILE, PolicyOverrides
from services.scorer.request import RouteRequest, read_request
from services.scorer.scorer import PromptTooLong, Scorer
from services.scorer.tuning import Correction, Tuning

NOW = datetime(2026, 11, 1, tzinfo=UTC)


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


class CountingRecorder:
    """A recorder that counts what is offered to it."""

    keep_prompts = False

    def __init__(self) -> None:
        self.offered = 0

    def offer_route(self, record: object) -> None:
        self.offered += 1


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
    return Scorer(catalogue, policy, watch, cache, metrics, lambda: NOW)


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


def test_batch_is_scored_like_its_prompts_and_each_is_counted(scorer: Scorer, registry: CollectorRegistry) -> None:
    prompts = ["What is Python?", "", "Prove that there are infinitely many primes."]
    assert scorer.score(prompts) == [scorer.score([prompt])[0] for prompt in prompts]
    assert registry.get_sample_value("scorer_score_seconds_count") == 6


def test_batch_is_tuned_by_what_was_learned(scorer: Scorer, catalogue: Catalogue, tmp_path: Path) -> None:
    [plain] = scorer.score(["What is Python?"])
    path = tmp_path / "tuning.json"
    path.write_text(json.dumps(Tuning(NOW, correction=Correction(intercept=3.0)).document()))
    policy = LivePolicy(DEFAULT_FILE, PolicyOverrides(), catalogue, tuning=LiveTuning(path))
    tuned = replace(scorer, policy=policy)
    scores = [*tuned.score(["What is Python?", "What is Python?"]), tuned.dry_run("What is Python?").score]
    assert [score.complexity > plain.complexity + 0.3 for score in scores] == [True] * 3


def test_dry_run_decides_like_a_route_but_leaves_no_trace(
    scorer: Scorer, cache: FakeCache, registry: CollectorRegistry
) -> None:
    watched = CountingRecorder()
    quiet = replace(scorer, cache=None, recorder=cast(Recorder, watched))
    dry_run = quiet.dry_run("What is Python?")
    assert registry.get_sample_value("scorer_routes_total", {"decision": "cloud", "tier": "cloud"}) is None
    assert watched.offered == 0
    cache.away = True
    assert scorer.dry_run("What is Python?") == dry_run
    assert registry.get_sample_value("scorer_cache_total", {"result": "unavailable"}) is None
    taken = scorer.route(request()).route
    assert (dry_run.route.model, dry_run.route.reasoning) == (taken.model, taken.reasoning)


def test_dry_run_refuses_a_prompt_that_the_policy_finds_too_long(scorer: Scorer) -> None:
    with pytest.raises(PromptTooLong, match="100001 characters; the limit is 100000") as caught:
        scorer.dry_run("x" * 100_001)
    assert (caught.value.status, caught.value.code) == (413, "prompt_too_long")


@pytest.mark.parametrize("prompt", [" \n", "\ud800", "\0", "\U0001f600" * 9])
def test_dry_run_takes_strange_prompts(scorer: Scorer, prompt: str) -> None:
    assert 0 <= scorer.dry_run(prompt).score.complexity <= 1
