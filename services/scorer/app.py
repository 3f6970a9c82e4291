"""The scorer's Flask application."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask
from prometheus_client import CollectorRegistry

from services.catalog import Catalogue, load_catalogue
from services.runtime import Check, create_service_app
from services.scorer.availability import AvailabilityWatch
from services.scorer.cache import AnswerCache
from services.scorer.cancel_routes import build_cancel_routes
from services.scorer.cancellations import Cancellations
from services.scorer.checks.language import load_languages
from services.scorer.checks.refusal import load_refusals
from services.scorer.complexity.model import load_model
from services.scorer.config import ScorerConfig
from services.scorer.health.model_health import ModelHealth
from services.scorer.limits.admission import FrontDesk, Limits
from services.scorer.limits.memory_desk import MemoryDesk
from services.scorer.limits.metrics import register_in_progress
from services.scorer.limits.redis_desk import RedisDesk
from services.scorer.limits.routes import build_limits_routes
from services.scorer.limits.shared_desk import SharedDesk
from services.scorer.live_policy import LivePolicy
from services.scorer.live_tuning import LiveTuning
from services.scorer.metrics import ScorerMetrics
from services.scorer.outcomes.metrics import OutcomeMetrics
from services.scorer.outcomes.recorder import Recorder, Store
from services.scorer.outcomes.store import OutcomeStore, open_database
from services.scorer.redis_link import RedisLink
from services.scorer.routes import build_routes
from services.scorer.scorer import Scorer
from services.scorer.steering import Steering

log = logging.getLogger(__name__)


def create_app(
    config: ScorerConfig,
    *,
    catalogue: Catalogue | None = None,
    availability: AvailabilityWatch | None = None,
    cache: AnswerCache | None = None,
    outcomes: Store | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Flask:
    """The service from its settings; what is given goes before what the settings would make.

    Without a given `availability` this asks Ollama once, for at most its timeout. Raises
    ConfigError when the policy is not usable. Where outcomes are kept,
    `app.extensions["scorer_recorder"].close()` writes what waits and lets go of the database.
    """
    catalogue = catalogue or load_catalogue()
    watch = availability or _start_watch(config, catalogue)
    link = RedisLink(config.redis_host, config.redis_port, password=config.redis_password)
    if cache is None and config.cache_enabled:
        cache = AnswerCache(link, ttl_seconds=config.cache_ttl_seconds)
    tuning = LiveTuning(config.tuning_file) if config.tuning_file else None
    policy = LivePolicy(config.policy_file, config.policy_overrides, catalogue, tuning=tuning)
    registry = CollectorRegistry()
    metrics = ScorerMetrics(registry, catalogue, watch)
    for load in (load_model, load_refusals, load_languages):  # now, not in the first request
        load()
    recorder = _start_recorder(config, outcomes, registry)
    desk, health = SharedDesk(RedisDesk(link), MemoryDesk()), ModelHealth(link)
    register_in_progress(registry, desk)
    steering = Steering(health, desk, config.local_queue)
    scorer = Scorer(catalogue, policy, watch, cache, metrics, clock or _utc_now, recorder, steering)
    checks: dict[str, Check] = {"policy": policy.problem, "ollama": watch.problem, "redis": link.problem}
    parts = {"tuning": tuning, "outcomes": recorder}
    checks |= {name: part.problem for name, part in parts.items() if part is not None}
    routes = build_routes(scorer)
    routes.register_blueprint(build_cancel_routes(Cancellations(link)), url_prefix="")
    app = create_service_app("scorer", config.service, routes, optional=checks, registry=registry)
    front = FrontDesk(scorer, desk, Limits(config.rate_limit, config.key_concurrency))
    app.register_blueprint(build_limits_routes(front, health))
    app.extensions["scorer_recorder"] = recorder
    return app


def _start_watch(config: ScorerConfig, catalogue: Catalogue) -> AvailabilityWatch:
    watch = AvailabilityWatch(
        catalogue, config.ollama_url, cloud_key=config.cloud_key, every=config.ollama_poll_seconds
    )
    watch.start()
    return watch


def _start_recorder(config: ScorerConfig, store: Store | None, registry: CollectorRegistry) -> Recorder | None:
    if store is None and config.database is None:
        log.info("outcomes are not kept: neither DATABASE_URL nor POSTGRES_USER is set")
        return None
    if store is None:
        database = open_database(str(config.database))
        database.begin()
        store = OutcomeStore(database)
    recorder = Recorder(
        store, OutcomeMetrics(registry), keep_days=config.keep_outcomes_days, keep_prompts=config.keep_prompts
    )
    recorder.start()
    return recorder


def _utc_now() -> datetime:
    return datetime.now(UTC)
