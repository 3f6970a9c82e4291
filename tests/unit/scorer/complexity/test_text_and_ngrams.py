"""Reading a prompt: the part that counts, its words, its n-grams."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scorer.complexity.ngrams import BUCKETS, WORD_BUCKETS, NGrams
from services.scorer.complexity.text import HEAD_CHARACTERS, IDEOGRAPH, TAIL_CHARACTERS, Text


def words_of(prompt: str) -> list[str]:
    text = Text.of(prompt)
    return [bytes(text.codes[a:b]).decode("utf-32-le", "surrogatepass") for a, b in zip(*text.words, strict=True)]


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("", []),
        ("Hello,  World!", ["hello", ",", "world", "!"]),
        ("snake_case x1\n\ty", ["snake_case", "x1", "y"]),
        ("证明ABC定理", ["证", "明", "abc", "定", "理"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("naïve café", ["naïve", "café"]),
        ("かな漢字", ["か", "な", "漢", "字"]),
    ],
)
def test_words_are_runs_of_letters_and_single_marks_and_ideographs(prompt: str, words: list[str]) -> None:
    assert words_of(prompt) == words


def test_of_a_long_prompt_head_and_tail_are_read() -> None:
    prompt = "h" * HEAD_CHARACTERS + "m" * 10_000 + "t" * TAIL_CHARACTERS
    text = Text.of(prompt)
    assert text.raw == "h" * HEAD_CHARACTERS + "\n" + "t" * TAIL_CHARACTERS
    assert text.characters == len(prompt)


def test_shares_of_scripts_sum_to_one() -> None:
    shares = Text.of("二分 tree").shares
    assert shares.sum() == pytest.approx(1)
    assert shares[IDEOGRAPH] == pytest.approx(2 / 6)


def test_same_word_falls_into_the_same_bucket_wherever_it_stands() -> None:
    _, _, first = NGrams.of(Text.of("alpha beta gamma"))
    _, _, second = NGrams.of(Text.of("gamma then some more, alpha"))
    assert first[0] == second[-1]
    assert first[2] == second[0]
    assert len(set(first.tolist())) == 3


def test_ngrams_within_words_do_not_depend_on_the_neighbours() -> None:
    alone, _, _ = NGrams.of(Text.of("xylophone"))
    beside, _, _ = NGrams.of(Text.of("my xylophone sings"))
    characters = alone.buckets[alone.buckets >= WORD_BUCKETS]
    assert set(characters.tolist()) <= set(beside.buckets.tolist())


@given(st.text(max_size=300))
def test_each_group_has_length_one_and_buckets_are_in_range(prompt: str) -> None:
    ngrams, words, word_buckets = NGrams.of(Text.of(prompt))
    assert len(words) <= len(word_buckets)
    assert ((ngrams.buckets >= 0) & (ngrams.buckets < BUCKETS)).all()
    for group in (ngrams.buckets < WORD_BUCKETS, ngrams.buckets >= WORD_BUCKETS):
        if group.any():
            assert np.linalg.norm(ngrams.weights[group]) == pytest.approx(1, abs=1e-5)


def test_repeated_words_weigh_by_the_logarithm_of_their_count() -> None:
    ngrams, _, buckets = NGrams.of(Text.of("a b " * 8))
    weight = dict(zip(ngrams.buckets.tolist(), ngrams.weights.tolist(), strict=True))
    (thrice,) = NGrams.of(Text.of("c"))[2].tolist()
    assert weight[int(buckets[0])] == pytest.approx(weight[int(buckets[1])])
    assert thrice not in weight


def test_numbers_and_marks_do_not_count_as_words_that_training_may_have_seen() -> None:
    _, words, buckets = NGrams.of(Text.of("item 42, id 9f3c-77aa: ok!"))
    assert len(buckets) == 10
    assert words.tolist() == NGrams.of(Text.of("item id ok"))[1].tolist()
