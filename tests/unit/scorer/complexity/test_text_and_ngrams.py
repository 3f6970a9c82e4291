"""Reading a prompt: the part that counts, its words, its n-grams."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scorer.complexity.ngrams import BUCKETS, WORD_BUCKETS, Wording
from services.scorer.complexity.text import HEAD_CHARACTERS, IDEOGRAPH, TAIL_CHARACTERS, Text


def wording_of(prompt: str) -> Wording:
    return Wording.of(Text.of(prompt))


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
    first = wording_of("alpha beta gamma").word_buckets
    second = wording_of("gamma then some more, alpha").word_buckets
    assert first[0] == second[-1]
    assert first[2] == second[0]
    assert len(set(first.tolist())) == 3


def test_ngrams_within_words_do_not_depend_on_the_neighbours() -> None:
    alone = wording_of("xylophone").ngrams
    beside = wording_of("my xylophone sings").ngrams
    characters = alone.buckets[alone.buckets >= WORD_BUCKETS]
    assert set(characters.tolist()) <= set(beside.buckets.tolist())


@given(st.text(max_size=300))
def test_each_group_has_length_one_and_buckets_are_in_range(prompt: str) -> None:
    wording = wording_of(prompt)
    ngrams = wording.ngrams
    assert len(wording.hashes) <= len(wording.word_buckets)
    assert ((ngrams.buckets >= 0) & (ngrams.buckets < BUCKETS)).all()
    for group in (ngrams.buckets < WORD_BUCKETS, ngrams.buckets >= WORD_BUCKETS):
        if group.any():
            assert np.linalg.norm(ngrams.weights[group]) == pytest.approx(1, abs=1e-5)


def test_repeated_words_weigh_by_the_logarithm_of_their_count() -> None:
    wording = wording_of("a b " * 8)
    buckets = wording.word_buckets
    weight = dict(zip(wording.ngrams.buckets.tolist(), wording.ngrams.weights.tolist(), strict=True))
    (thrice,) = wording_of("c").word_buckets.tolist()
    assert weight[int(buckets[0])] == pytest.approx(weight[int(buckets[1])])
    assert thrice not in weight


def test_numbers_and_marks_do_not_count_as_words_that_training_may_have_seen() -> None:
    wording = wording_of("item 42, id 9f3c-77aa: ok!")
    assert len(wording.word_buckets) == 10
    assert wording.hashes.tolist() == wording_of("item id ok").hashes.tolist()


@given(st.lists(st.text(max_size=60) | st.sampled_from(["", " ", "x" * 9_000, "\ufdfa" * 3_000]), max_size=12))
def test_many_texts_at_once_read_as_one_by_one(prompts: list[str]) -> None:
    together = Wording.of_all([Text.of(prompt) for prompt in prompts])
    assert len(together) == len(prompts)
    for one, prompt in zip(together, prompts, strict=True):
        alone = wording_of(prompt)
        assert one.ngrams.buckets.tolist() == alone.ngrams.buckets.tolist()
        assert one.ngrams.weights.tolist() == pytest.approx(alone.ngrams.weights.tolist())
        assert one.hashes.tolist() == alone.hashes.tolist()
        assert one.word_buckets.tolist() == alone.word_buckets.tolist()
