"""What raises the level that a prompt needs: doubt, risk, a cheap cloud model between the local and the strong one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from services.catalog import Catalogue, Model, PriceRow, UnitPrices
from services.runtime import ConfigError
from services.scorer.availability import Availability
from services.scorer.need import RiskWords
from services.scorer.policy import DEFAULT_FILE, Policy, PolicyOverrides, read_policy
from services.scorer.request import read_request
from services.scorer.route import Route, decide_route
from services.scorer.score import Factor, Score

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def cloud(name: str, price: str) -> Model:
    prices = UnitPrices(*map(Decimal, (price, price, price, price, price)))
    row = PriceRow(date.min, None, ((-1, prices),), "test")
    return Model(name, "anthropic", name, "cloud", 200_000, 32_000, frozenset({"tools"}), own_prices=(row,))


CATALOGUE = Catalogue(
    (
        Model("tiny", "ollama", "tiny", "small", 4_096, 1_024, frozenset()),
        Model("mid", "ollama", "mid", "medium", 4_096, 1_024, frozenset()),
        cloud("thrifty", "1"),
        cloud("strong", "5"),
    )
)


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    text = DEFAULT_FILE.read_text("utf-8").replace('"claude-sonnet"', '"strong"').replace('"claude-haiku"', '"thrifty"')
    (tmp_path / "policy.toml").write_text(text, "utf-8")
    return read_policy(tmp_path / "policy.toml", PolicyOverrides(), CATALOGUE)


def decide(policy: Policy, complexity: float, prompt: str = "hello", *, unsure: bool = False, away: str = "") -> Route:
    score = Score(complexity, (Factor("start", complexity, "any prompt"),), 8, unsure=unsure)
    reasons = {model.name: "it is away" for model in CATALOGUE.models if model.name in away.split()}
    return decide_route(read_request({"prompt": prompt}), score, policy, CATALOGUE, Availability(reasons), NOW)


def model_of(route: Route) -> str | None:
    return route.model.name if route.model else None


def test_by_default_hard_prompts_go_to_the_strong_model(policy: Policy) -> None:
    assert [model_of(decide(policy, c)) for c in (0.1, 0.5, 0.65, 0.9)] == ["tiny", "mid", "strong", "strong"]


def test_cheap_cloud_model_takes_what_lies_between(policy: Policy) -> None:
    policy = replace(policy, cheap_cloud_below=0.75)
    assert [model_of(decide(policy, c)) for c in (0.5, 0.65, 0.74, 0.75)] == ["mid", "thrifty", "thrifty", "strong"]


def test_without_a_local_model_the_cheapest_cloud_model_takes_an_easy_prompt(policy: Policy) -> None:
    assert model_of(decide(policy, 0.1, away="tiny mid")) == "thrifty"


def test_unknown_kind_of_prompt_goes_to_the_cheapest_cloud_model(policy: Policy) -> None:
    route = decide(policy, 0.1, unsure=True)
    assert model_of(route) == "thrifty"
    assert "unlike the prompts the scorer knows" in route.reasoning


@pytest.mark.parametrize(("wish", "model"), [("medium", "mid"), ("cloud", "strong"), ("ignore", "tiny")])
def test_tier_for_unknown_kinds_of_prompts_is_the_users_choice(policy: Policy, wish: str, model: str) -> None:
    assert model_of(decide(replace(policy, unsure=wish), 0.1, unsure=True)) == model


def test_doubt_never_lowers_the_level(policy: Policy) -> None:
    assert model_of(decide(replace(policy, unsure="medium"), 0.9, unsure=True)) == "strong"


def test_unsure_prompt_gets_the_largest_local_model_and_is_told_when_no_cloud_can_be_used(policy: Policy) -> None:
    route = decide(policy, 0.1, unsure=True, away="thrifty strong")
    assert model_of(route) == "mid"
    assert "unlike the prompts the scorer knows" in route.reasoning


@pytest.mark.parametrize(
    "prompt",
    [
        "What is the right dosage for a cat?",
        "is an OVERDOSE of vitamin c possible",
        "any drug  interactions? any drug interactions",
        "I have chest pain since noon",
        "布洛芬的用量是多少",
        "Überdosis Paracetamol",
    ],
)
def test_risk_words_call_for_the_strong_model_however_easy_the_prompt(policy: Policy, prompt: str) -> None:
    route = decide(policy, 0.05, prompt)
    assert model_of(route) == "strong"
    assert "medical words" in route.reasoning


@pytest.mark.parametrize(
    "prompt", ["Is dosed a word?", "endosed", "my dosas recipe", "reliable shoes", "What is a seized engine?"]
)
def test_parts_of_words_are_no_risk(policy: Policy, prompt: str) -> None:
    assert model_of(decide(policy, 0.05, prompt)) == "tiny"


def test_risk_words_without_a_cloud_are_refused_rather_than_answered_by_a_weak_model(policy: Policy) -> None:
    route = decide(policy, 0.05, "maximum dose?", away="thrifty strong")
    assert route.decision == "refused"


def test_empty_lists_switch_risk_off(policy: Policy) -> None:
    assert model_of(decide(replace(policy, risk=RiskWords.of({})), 0.05, "maximum dose?")) == "tiny"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('unsure = "cheapest"', "unsure must be"),
        ("cheap_cloud_below = 2", "cheap_cloud_below must be"),
        ('cheap_cloud_model = "tiny"', "not a cloud model"),
        ('cheap_cloud_model = "nobody"', "Unknown model"),
        ("[risk]\nmedical = 3", "risk.medical"),
        ('[risk]\nmedical = [""]', "risk.medical"),
    ],
)
def test_wrong_values_are_named(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "policy.toml").write_text(f'cloud_model = "strong"\n{text}\n', "utf-8")
    with pytest.raises(ConfigError, match=problem):
        read_policy(tmp_path / "policy.toml", PolicyOverrides(), CATALOGUE)
