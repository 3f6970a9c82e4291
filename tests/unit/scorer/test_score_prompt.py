"""The complexity of prompts."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scorer.policy import Thresholds
from services.scorer.score import score_prompt, score_prompts
from services.scorer.training.data import Case, held_out_cases

KNOWN = held_out_cases("known_cases")
TIERS = held_out_cases("tiers")


def tier_of(prompt: str) -> str:
    tier = Thresholds().tier(score_prompt(prompt).complexity)
    return "medium" if tier == "large" else tier


@pytest.mark.parametrize("case", KNOWN[:12], ids=lambda case: case.prompt[:40])
def test_the_twelve_known_cases_route_as_a_person_would(case: Case) -> None:
    assert tier_of(case.prompt) in case.expected


def test_known_cases_of_easy_prompts_stay_local() -> None:
    assert [case.prompt for case in KNOWN if "cloud" not in case.expected and tier_of(case.prompt) == "cloud"] == []


def test_hard_prompts_are_harder_than_easy_ones_in_every_language() -> None:
    for language in {case.language for case in TIERS}:
        own = [case for case in TIERS if case.language == language]
        easy = [score_prompt(case.prompt).complexity for case in own if case.expected == ("small",)]
        hard = [score_prompt(case.prompt).complexity for case in own if case.expected == ("cloud",)]
        pairs = [high > low for high in hard for low in easy]
        assert sum(pairs) / len(pairs) > 0.8, language


def test_held_out_prompts_go_where_a_person_would_send_them() -> None:
    right = [tier_of(case.prompt) in case.expected for case in TIERS]
    cloud = [(tier_of(case.prompt) == "cloud") == (case.expected == ("cloud",)) for case in TIERS]
    assert sum(right) / len(right) > 0.64
    assert sum(cloud) / len(cloud) > 0.78


def test_case_and_spaces_make_little_difference() -> None:
    plain = score_prompt("Explain how a heat pump works").complexity
    assert score_prompt("explain  how a\theat pump works").complexity == pytest.approx(plain, abs=0.1)


@pytest.mark.parametrize(
    "prompt",
    [
        "blorf zzqx wunkle",
        "\u0e43\u0e04\u0e23\u0e40\u0e1b\u0e47\u0e19\u0e19\u0e32\u0e22\u0e01",
        "\u03c0\u03bf\u03b9\u03b1 \u03b5\u03af\u03bd\u03b1\u03b9 \u03b7",
    ],
    ids=["gibberish", "Thai", "Greek"],
)
def test_prompts_unlike_the_training_data_are_unsure(prompt: str) -> None:
    score = score_prompt(prompt)
    assert score.unsure
    assert "novel" in {factor.name for factor in score.factors}


def test_ordinary_prompts_are_sure() -> None:
    unsure = [case.prompt for case in TIERS if score_prompt(case.prompt).unsure]
    assert len(unsure) <= len(TIERS) * 0.03


def test_explanation_names_the_words_that_tell() -> None:
    (score,) = score_prompts(["Implement a lock-free queue in Rust"], explain=True)
    (wording,) = [factor for factor in score.factors if factor.name == "wording"]
    assert wording.effect > 0.2
    assert set(wording.words) & {"implement", "lock", "free", "queue", "rust"}


def test_words_are_not_named_unless_asked_for() -> None:
    assert not any(factor.words for factor in score_prompt("Implement a lock-free queue in Rust").factors)


def test_many_prompts_at_once_score_as_one_by_one() -> None:
    prompts = [case.prompt for case in KNOWN] + [""]
    alone, together = [score_prompt(prompt) for prompt in prompts], score_prompts(prompts)
    assert [score.complexity for score in together] == pytest.approx([score.complexity for score in alone], abs=1e-3)
    assert score_prompts([]) == []


def test_signals_hold_numbers_only() -> None:
    signals = score_prompt("My name is Fridolin Zwetschge").signals
    assert all(isinstance(value, float) for value in signals.values())
    assert {"characters", "wording", "novelty", "kind_everyday"} <= set(signals)


@pytest.mark.parametrize("prompt", ["", "   ", "\n\t"])
def test_empty_prompt_scores_zero(prompt: str) -> None:
    assert score_prompt(prompt).complexity == 0.0


@given(
    st.text(max_size=400)
    | st.lists(st.sampled_from([*(case.prompt[:200] for case in KNOWN), "```", "\n"]), max_size=9).map(" ".join)
)
@settings(max_examples=300, deadline=None)
def test_any_text_has_a_score_that_its_factors_explain(prompt: str) -> None:
    score = score_prompt(prompt)
    total = math.fsum(factor.effect for factor in score.factors)
    assert score.complexity == pytest.approx(min(max(total, 0), 1), abs=2e-3)
    assert 0 <= score.complexity <= 1
    assert score.tokens >= 0
    assert all(factor.text and factor.name for factor in score.factors)
    assert score == score_prompt(prompt)


@pytest.mark.parametrize(
    "prompt",
    [
        "a" * 100_000,
        "implement raft " * 7_000,
        "' " * 50_000,
        "\n" * 100_000 + "x",
        "can you " * 12_500,
        "实现二叉" * 25_000,
        "\ufdfa" * 100_000,
        "\ud800" * 100_000,
        " " * 99_999 + "x",
        "9" * 100_000,
        "`" * 100_000,
    ],
    ids=[
        "one word",
        "words",
        "quotes",
        "lines",
        "courtesy",
        "cjk",
        "expanding",
        "surrogates",
        "blank",
        "digits",
        "ticks",
    ],
)
def test_hundred_thousand_characters_take_milliseconds(prompt: str) -> None:
    score_prompt("warm up")
    begin = time.process_time()
    score_prompt(prompt)
    assert time.process_time() - begin < 0.1  # 20 ms wanted, on a machine that may be busy
