"""The scorer's settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from services.catalog import CatalogueError, load_catalogue
from services.runtime import ConfigError, Env, ServiceConfig
from services.runtime.conninfo import optional_database_from_env
from services.scorer.limits.rate import RateLimit, read_rate
from services.scorer.policy import DEFAULT_FILE, PolicyOverrides, read_policy


@dataclass(frozen=True)
class ScorerConfig:
    """What the scorer is told at its start. Of the cloud's key it only keeps whether there is one.

    Without a `database` outcomes are not kept; with one, for `keep_outcomes_days`. `rate_limit` and
    `key_concurrency` (requests under way at once) hold for keys without their own.
    """

    service: ServiceConfig
    ollama_url: str = "http://localhost:11434"
    ollama_poll_seconds: float = 5.0
    cloud_key: bool = False
    cache_enabled: bool = True
    cache_ttl_seconds: int = 86_400
    redis_host: str = "localhost"
    redis_port: int = 6379
    redis_password: str | None = field(default=None, repr=False)
    policy_file: Path = DEFAULT_FILE
    policy_overrides: PolicyOverrides = field(default_factory=PolicyOverrides)
    tuning_file: Path | None = None
    database: str | None = field(default=None, repr=False)
    keep_outcomes_days: int = 90
    keep_prompts: bool = False
    rate_limit: RateLimit | None = field(default_factory=lambda: RateLimit(60, 60))
    key_concurrency: int = 16
    local_queue: int = 8

    @classmethod
    def from_env(cls, env: Env) -> ScorerConfig:
        """Read the environment; ConfigError names what is wrong, in it or in the policy file."""
        config = cls(
            service=ServiceConfig.from_env(env, port_name="SCORER_PORT", port=8101),
            ollama_url=env.url("OLLAMA_URL", cls.ollama_url),
            ollama_poll_seconds=env.real("OLLAMA_POLL_SECONDS", cls.ollama_poll_seconds, low=0.1, high=3600),
            cloud_key=env.optional("ANTHROPIC_API_KEY") is not None,
            cache_enabled=env.flag("REDIS_CACHE_ENABLED", default=True),
            cache_ttl_seconds=env.integer("REDIS_CACHE_TTL", cls.cache_ttl_seconds, low=1, high=31_536_000),
            redis_host=env.text("REDIS_HOST", cls.redis_host),
            redis_port=env.integer("REDIS_PORT", cls.redis_port, low=1, high=65535),
            redis_password=env.optional("REDIS_PASSWORD"),
            policy_file=env.path("POLICY_FILE", DEFAULT_FILE),
            policy_overrides=PolicyOverrides.from_env(env),
            tuning_file=tuning_file_from_env(env),
            database=optional_database_from_env(env),
            keep_outcomes_days=env.integer("SCORER_KEEP_OUTCOMES_DAYS", cls.keep_outcomes_days, low=1, high=3_650),
            keep_prompts=env.flag("SCORER_KEEP_PROMPTS", default=False),
            rate_limit=read_rate("RATE_LIMIT", env.text("RATE_LIMIT", "60/minute")),
            key_concurrency=env.integer("KEY_CONCURRENCY", cls.key_concurrency, low=1, high=100_000),
            local_queue=env.integer("LOCAL_QUEUE", cls.local_queue, low=1, high=100_000),
        )
        try:
            read_policy(config.policy_file, config.policy_overrides, load_catalogue())
        except CatalogueError as error:
            raise ConfigError("the model catalogue", str(error)) from None
        return config


def tuning_file_from_env(env: Env) -> Path | None:
    """SCORER_TUNING_FILE, which need not exist yet."""
    text = env.optional("SCORER_TUNING_FILE")
    return Path(text) if text else None
