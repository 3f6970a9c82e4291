"""The scorer's Flask application."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask
from prometheus_client import CollectorRegistry

from services.catalog import Catalogue, load_catalogue
from services.runtime import create_service_app
from services.scorer.availability import AvailabilityWatch
from services.scorer.cache import AnswerCache
from services.scorer.config import ScorerConfig
from services.scorer.cues import load_cues
from services.scorer.live_policy import LivePolicy
from services.scorer.metrics import ScorerMetrics
from services.scorer.routes import build_routes
from services.scorer.scorer import Scorer


def create_app(
    config: ScorerConfig,
    *,
    catalogue: Catalogue | None = None,
    availability: AvailabilityWatch | None = None,
    cache: AnswerCache | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Flask:
    """The service from its settings; what is given goes before what the settings would make.

    Without a given `availability` this asks Ollama once, for at most its timeout. Raises
    ConfigError when the policy is not usable.
    """
    catalogue = catalogue or load_catalogue()
    watch = availability or _start_watch(config, catalogue)
    cache = cache or _make_cache(config)
    policy = LivePolicy(config.policy_file, config.policy_overrides, catalogue)
    registry = CollectorRegistry()
    metrics = ScorerMetrics(registry, catalogue, watch)
    load_cues()
    scorer = Scorer(catalogue, policy, watch, cache, metrics, clock or _utc_now)
    checks = {"policy": policy.problem, "ollama": watch.problem}
    if cache is not None:
        checks["redis"] = cache.problem
    return create_service_app("scorer", config.service, build_routes(scorer), optional=checks, registry=registry)


def _start_watch(config: ScorerConfig, catalogue: Catalogue) -> AvailabilityWatch:
    watch = AvailabilityWatch(
        catalogue, config.ollama_url, cloud_key=config.cloud_key, every=config.ollama_poll_seconds
    )
    watch.start()
    return watch


def _make_cache(config: ScorerConfig) -> AnswerCache | None:
    if not config.cache_enabled:
        return None
    return AnswerCache(
        config.redis_host,
        config.redis_port,
        password=config.redis_password,
        ttl_seconds=config.cache_ttl_seconds,
    )


def _utc_now() -> datetime:
    return datetime.now(UTC)
