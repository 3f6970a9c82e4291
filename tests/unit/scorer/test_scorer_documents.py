"""What the scorer answers, as JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from services.catalog import Catalogue
from services.runtime import ConfigError, Env
from services.scorer.availability import NO_CLOUD_KEY, Availability
from services.scorer.config import ScorerConfig
from services.scorer.documents import complexity_document, models_document, route_document, score_document, usd
from services.scorer.policy import Policy
from services.scorer.route import Route
from services.scorer.score import Factor, Score
from services.scorer.scorer import Answer, DryRun

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0"),
        ("0E-10", "0"),
        ("1E-7", "0.0000001"),
        ("0.0012000", "0.0012"),
        ("1E+2", "100"),
        ("10.00", "10"),
    ],
)
def test_money_has_no_exponent_and_no_trailing_zeros(amount: str, text: str) -> None:
    assert usd(Decimal(amount)) == text


def test_local_route(route: Callable[..., Route]) -> None:
    document = route_document(Answer(route(0.4), cache_key="ab"))
    assert document == document | {
        "decision": "local",
        "tier": "medium",
        "model": "mid",
        "model_id": "mid:2b",
        "backend": "ollama",
        "complexity": 0.4,
        "estimated_cost": "0",
        "cache_key": "ab",
        "factors": [{"name": "plain_fact", "effect": 0.4, "text": "asks for a plain fact"}],
    }
    fallback = document["fallbacks"][0]
    assert fallback == fallback | {"model": "big", "model_id": "big", "backend": "ollama", "tier": "large"}
    assert document["local_fallback"] == fallback
    assert fallback.keys() < document.keys()
    assert all(one["context_window"] and one["max_output"] for one in (document, fallback))
    assert not {"error", "cached_answer"} & set(document)


def test_refused_route_has_its_error_and_no_model(route: Callable[..., Route]) -> None:
    document = route_document(Answer(route(0.4, model="gpt-9")))
    assert document["error"].keys() == {"code", "message", "status"}
    assert (document["model"], document["tier"], document["backend"], document["fallbacks"]) == (None, None, None, [])
    assert document["local_fallback"] is None


def test_models_say_why_they_cannot_be_used(catalogue: Catalogue, policy: Policy) -> None:
    available = Availability({"sky": NO_CLOUD_KEY})
    models = {model["name"]: model for model in models_document(catalogue, policy, available, NOW)["models"]}
    assert list(models) == [model.name for model in catalogue.models]
    assert models["tiny"] == {
        "name": "tiny",
        "backend": "ollama",
        "tier": "small",
        "available": True,
        "reason": None,
        "max_complexity": 0.3,
        "price": {"input": "0", "output": "0"},
        "context_window": 4_096,
        "max_output": 1024,
        "abilities": ["json"],
        "aliases": [],
    }
    assert (models["sky"]["available"], models["sky"]["reason"]) == (False, NO_CLOUD_KEY)
    assert models["sky"]["price"] == {"input": "2", "output": "10"}
    assert models["sky"]["max_complexity"] == 1.0
    assert models["sky-old"]["reason"] == "retired on 2026-06-15"
    assert models["sky-new"]["price"] is None


BASE = {"SERVICE_TOKEN": "t" * 32}


def test_settings_have_defaults_and_keep_no_key() -> None:
    config = ScorerConfig.from_env(Env(BASE | {"ANTHROPIC_API_KEY": "sk-secret", "REDIS_PASSWORD": "hush"}))
    assert (config.service.port, config.cloud_key, config.cache_enabled) == (8101, True, True)
    assert config.cache_ttl_seconds == 86_400
    assert "sk-secret" not in repr(config)
    assert "hush" not in repr(config)
    assert not ScorerConfig.from_env(Env(BASE)).cloud_key


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OLLAMA_URL", "localhost:11434"),
        ("OLLAMA_POLL_SECONDS", "0"),
        ("REDIS_PORT", "70000"),
        ("REDIS_CACHE_TTL", "0"),
        ("REDIS_CACHE_ENABLED", "maybe"),
        ("POLICY_FILE", "/no/such/policy.toml"),
        ("CLAUDE_MODEL", "gpt-9"),
        ("SCORER_PORT", "x"),
        ("RATE_LIMIT", "60 a minute"),
        ("KEY_CONCURRENCY", "0"),
        ("LOCAL_QUEUE", "none"),
    ],
)
def test_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ScorerConfig.from_env(Env(BASE | {name: value}))
    assert caught.value.name == name


def test_policy_file_is_checked_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("cloud_model = 'gpt-9'")
    with pytest.raises(ConfigError, match="gpt-9"):
        ScorerConfig.from_env(Env(BASE | {"POLICY_FILE": str(file)}))


def test_complexity_names_the_words_and_other_replies_do_not(route: Callable[..., Route]) -> None:
    wording = Factor("wording", 0.1, "worded like easy tasks", ("python",))
    dry_run = DryRun(Score(0.1, (wording,), 8, unsure=True), replace(route(0.1), factors=(wording,)))
    shown = {"name": "wording", "effect": 0.1, "text": "worded like easy tasks"}
    assert complexity_document(dry_run) == {
        "complexity": 0.1,
        "factors": [{**shown, "words": ["python"]}],
        "tokens": 8,
        "unsure": True,
        "reasoning": dry_run.route.reasoning,
        "recommended_model": "tiny",
        "backend": "local",
        "estimated_cost": "0",
    }
    assert score_document(dry_run.score)["factors"] == [shown]
    assert route_document(Answer(dry_run.route))["factors"] == [shown]


def test_complexity_of_a_prompt_that_no_model_can_take(route: Callable[..., Route]) -> None:
    refused = route(0.1, without=("tiny", "mini", "mid", "big", "sky", "sky-pro", "sky-new"))
    assert refused.error is not None
    document = complexity_document(DryRun(Score(0.1, (), 8, unsure=False), refused))
    assert [document[name] for name in ("recommended_model", "backend", "estimated_cost")] == [None, None, None]
    assert document["error"] == {"code": refused.error.code, "message": refused.error.message}
