# ruff: noqa: RUF001 (prompts in other scripts)
"""The complexity of prompts."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scorer.score import Score, score_prompt

EASY = [
    "What is Python?",
    "What is the capital of France?",
    "List the days of the week",
    "Translate 'good morning' to German",
    "Can you please list the planets?",
    "Tell me a joke",
    "WHO WROTE HAMLET",
    "¿Cuál es la capital de Francia?",
    "cual es la capital de francia",
    "Was ist die Hauptstadt von Frankreich?",
    "Quelle est la capitale de la France ?",
    "Что такое Python?",
    "什么是Python？",
    "フランスの首都はどこですか？",
    "프랑스의 수도는 어디입니까?",
    "Hello!",
    "Thank you",
]
MIDDLING = [
    "Explain how photosynthesis works",
    "Why is the sky blue?",
    "Describe the water cycle",
    "How do I reverse a string in Python?",
    "Write a SQL query to get all users older than 30",
    "Erkläre, wie die Photosynthese funktioniert",
    "Explica cómo funciona la fotosíntesis",
]
HARD = [
    "Write a Python class for a binary search tree with insertion, deletion and self-balancing (AVL), with unit tests.",
    "Implement a binary search tree with deletion and balancing",
    "Implement Raft consensus in Rust.",
    "Prove that there are infinitely many primes",
    "Refactor this React class into hooks and fix the race condition",
    "What is the maximum safe dose of ibuprofen for a child of 12 kg?",
    "Beweise, dass es unendlich viele Primzahlen gibt",
    "Escribe un ensayo sobre las causas de la Guerra Civil española",
    "Demuestra que hay infinitos números primos",
    "Démontre qu'il existe une infinité de nombres premiers",
    "Докажи, что простых чисел бесконечно много",
    "证明素数有无穷多个",
    "用Python实现一个带删除和平衡功能的二叉搜索树",
    "二分探索木を実装してください",
    "소수가 무한히 많음을 증명하시오",
]


def names(score: Score) -> set[str]:
    return {factor.name for factor in score.factors}


@pytest.mark.parametrize("prompt", EASY)
def test_easy_prompt_is_below_the_small_threshold(prompt: str) -> None:
    assert score_prompt(prompt).complexity < 0.3


@pytest.mark.parametrize("prompt", MIDDLING)
def test_explaining_prompt_is_in_the_middle(prompt: str) -> None:
    assert 0.3 <= score_prompt(prompt).complexity < 0.6


@pytest.mark.parametrize("prompt", HARD)
def test_hard_prompt_reaches_the_cloud_threshold(prompt: str) -> None:
    assert score_prompt(prompt).complexity >= 0.6


@pytest.mark.parametrize("word", ["lists", "enlist", "redesigned", "classify", "improvement", "approve", "summarized"])
def test_part_of_a_word_is_no_cue(word: str) -> None:
    assert score_prompt(f"flub {word} flub") == score_prompt(f"flub {'x' * len(word)} flub")


def test_ambiguous_words_are_no_cues() -> None:
    assert score_prompt("my yoga class has a function on the list").unsure


def test_a_simple_verb_counts_only_where_the_prompt_opens() -> None:
    assert "simple_task" in names(score_prompt("Please, list the rivers"))
    assert "simple_task" not in names(score_prompt("Implement a linked list"))


def test_instruction_below_a_long_text_is_its_opening() -> None:
    assert "simple_task" in names(score_prompt("The river rose again. " * 40 + "\nTranslate this to German"))
    assert "simple_task" not in names(score_prompt("The river rose again.\nTranslate this to German"))


def test_short_quotation_is_material_not_task() -> None:
    quoted, bare = score_prompt("Translate 'implement a parser' to German"), score_prompt("Translate it to German")
    assert quoted.complexity == bare.complexity


def test_case_accents_and_width_make_no_difference() -> None:
    complexities = {
        score_prompt(text).complexity for text in ("Diseña un parser", "DISENA UN PARSER", "ｄiseña un parser")
    }
    assert len(complexities) == 1


def test_unknown_prompt_is_unsure_and_in_the_middle() -> None:
    score = score_prompt("blorf zzz qqq")
    assert score.unsure
    assert 0.3 <= score.complexity < 0.6


def test_pasted_code_and_length_raise_the_complexity() -> None:
    plain = score_prompt("What happens here?").complexity
    assert score_prompt("What happens here?\n```\nx = 1\n```").complexity > plain
    assert score_prompt("What happens here? " + "It was a dark night. " * 100).complexity > plain


def test_several_numbers_in_a_question_of_amount_are_a_word_problem() -> None:
    assert "word_problem" in names(score_prompt("A train at 60 km/h and one at 90 km/h: how long until they meet?"))


def test_plain_question_counts_less_when_it_is_long() -> None:
    short = score_prompt("What is the best colour for a door?")
    long = score_prompt("What is the best colour for a door " + "and also for the other doors " * 8 + "?")
    assert long.complexity > short.complexity


@pytest.mark.parametrize("prompt", ["", "   ", "\n\t"])
def test_empty_prompt_scores_zero(prompt: str) -> None:
    assert score_prompt(prompt).complexity == 0.0


@given(st.text(max_size=400) | st.lists(st.sampled_from([*HARD, *EASY, "```", "\n"]), max_size=9).map(" ".join))
@settings(max_examples=300, deadline=None)
def test_any_text_has_a_score_that_its_factors_explain(prompt: str) -> None:
    score = score_prompt(prompt)
    total = math.fsum(factor.effect for factor in score.factors)
    assert score.complexity == pytest.approx(min(max(total, 0), 1), abs=1e-4)
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
    assert time.process_time() - begin < 0.1
