"""The wording of a text as hashed n-grams: words and pairs of words, and 3 to 5 characters within words.

An n-gram's weight is 1 + ln(count), and each of the two groups is scaled to the Euclidean length 1, so
that long texts do not weigh more than short ones. A hash is polynomial over the code points modulo 2^64,
taken from running sums: all n-grams of a text cost a few array operations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.scorer.complexity.text import (
    DIGIT,
    HEAD_CHARACTERS,
    MARK,
    SPACE,
    TAIL_CHARACTERS,
    Text,
    classes_of,
    word_bounds,
)

BITS: Final = 17
WORD_BUCKETS: Final = 1 << BITS
BUCKETS: Final = 2 * WORD_BUCKETS
"""The first half of the buckets is of words, the second of characters."""

WORD_HASH_BITS: Final = 20
"""How many bits of a word's hash tell whether training saw it."""

_SIZES = (3, 4, 5)
# Lower case can make one character three.
_LONGEST = 3 * (HEAD_CHARACTERS + TAIL_CHARACTERS) + 8
_MOST_TOGETHER = 1 << 31 - BITS - 1  # texts; their number and a bucket fit into 32 bits, which sort quicker
_BASE: Final = 0x9E3779B97F4A7C15 | 1
_MIX: Final = np.uint64(0xD6E8FEB86659FD93)
_PAIR: Final = np.uint64(0xA24BAED4963EE407)
_SHIFT: Final = np.uint64(64 - BITS)
_WORD_SHIFT: Final = np.uint64(64 - WORD_HASH_BITS)


def _powers(base: int) -> NDArray[np.uint64]:
    powers = np.empty(_LONGEST + 1, dtype=np.uint64)
    value = 1
    for index in range(_LONGEST + 1):
        powers[index] = value
        value = value * base & 0xFFFFFFFFFFFFFFFF
    return powers


_UP: Final = _powers(_BASE)
_DOWN: Final = _powers(pow(_BASE, -1, 1 << 64))


@dataclass(frozen=True)
class NGrams:
    """The buckets that a text falls into, ascending, and their weights."""

    buckets: NDArray[np.int64]
    weights: NDArray[np.float32]


@dataclass(frozen=True)
class Wording:
    """The n-grams of a text, the hashes (WORD_HASH_BITS bits) of its words of letters, the bucket of every word."""

    ngrams: NGrams
    hashes: NDArray[np.int64]
    word_buckets: NDArray[np.int64]

    @classmethod
    def of(cls, text: Text) -> Wording:
        """The wording of one text."""
        return cls.of_all([text])[0]

    @classmethod
    def of_all(cls, texts: Sequence[Text]) -> list[Wording]:
        """The wording of each text. Short ones are read many at a time: an array operation costs more than its work."""
        return [wording for group in _groups(texts) for wording in _read(group)]


def _groups(texts: Sequence[Text]) -> Iterator[list[Text]]:
    """Texts that are read together: as many as the powers reach for."""
    group: list[Text] = []
    length = 0
    for text in texts:
        if group and (length + len(text.codes) > _LONGEST or len(group) == _MOST_TOGETHER):
            yield group
            group, length = [], 0
        group.append(text)
        length += len(text.codes)
    if group:
        yield group


def _read(texts: Sequence[Text]) -> Iterator[Wording]:
    """The wording of texts that stand one after another; each has a space at either end, so no word goes across."""
    codes = np.concatenate([text.codes for text in texts])
    owner = np.repeat(np.arange(len(texts)), [len(text.codes) for text in texts])
    kinds, sums = classes_of(codes), _running_sums(codes)
    starts, ends = word_bounds(kinds)
    words, owner_of_word = (sums.take(ends) - sums.take(starts)) * _DOWN.take(starts), owner.take(starts)
    pairs = words[:-1] * _PAIR + words[1:]
    inside = owner_of_word[:-1] == owner_of_word[1:]
    mixed = _mix(np.concatenate([words, pairs[inside]]))
    buckets = (mixed >> _SHIFT).astype(np.int64)
    characters, begins = _character_buckets(kinds, sums)
    ngrams = _weighed(
        np.concatenate([buckets, characters]),
        np.concatenate([owner_of_word, owner_of_word[1:][inside], owner.take(begins)]),
        len(texts),
    )
    hashes = (mixed[: len(words)] >> _WORD_SHIFT).astype(np.int64)
    of_letters = _of_letters(kinds, starts, ends)
    at = np.searchsorted(owner_of_word, np.arange(len(texts) + 1)).tolist()
    for index, grams in enumerate(ngrams):
        own = slice(at[index], at[index + 1])
        yield Wording(grams, hashes[own][of_letters[own]], buckets[own])


def _weighed(buckets: NDArray[np.int64], owner: NDArray[np.int64], texts: int) -> Iterator[NGrams]:
    """The n-grams of each text from the bucket and the text (`owner`) of every occurrence."""
    keys, counts = _counted(owner << (BITS + 1) | buckets)
    weights = np.log(counts) + 1.0
    group = keys >> BITS  # a text's words, then its characters
    norms = np.sqrt(np.bincount(group, weights * weights))
    scaled = (weights / np.maximum(norms, 1e-9).take(group)).astype(np.float32)
    buckets = keys & (BUCKETS - 1)
    at = np.searchsorted(keys, np.arange(texts + 1) << (BITS + 1)).tolist()
    for begin, end in pairwise(at):
        yield NGrams(buckets[begin:end], scaled[begin:end])


def _of_letters(kinds: NDArray[np.uint8], starts: NDArray[np.intp], ends: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Of each word whether it is made of letters only: numbers and marks say nothing about what a text is of."""
    other = np.concatenate([[0], np.cumsum((kinds == DIGIT) | (kinds == MARK))])
    result: NDArray[np.bool_] = other[ends] == other[starts]
    return result


def _character_buckets(
    kinds: NDArray[np.uint8], sums: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """The buckets of all n-grams of characters, and where each begins."""
    spaces = np.concatenate([[0], np.cumsum(kinds == SPACE)])
    hashes, begins = [np.empty(0, np.uint64)], [np.empty(0, np.intp)]
    for size in _SIZES:
        count = max(0, len(kinds) - size + 1)
        # A space may stand at either end of an n-gram, where a word begins or ends, not within it.
        begin = (spaces[size - 1 : size - 1 + count] == spaces[1 : 1 + count]).nonzero()[0]
        hashes.append((sums.take(begin + size) - sums.take(begin)) * _DOWN.take(begin) + np.uint64(size))
        begins.append(begin)
    mixed = _mix(np.concatenate(hashes))
    return (mixed >> _SHIFT).astype(np.int64) + WORD_BUCKETS, np.concatenate(begins)


def _running_sums(codes: NDArray[np.uint32]) -> NDArray[np.uint64]:
    sums = np.zeros(len(codes) + 1, dtype=np.uint64)
    np.cumsum((codes.astype(np.uint64) + np.uint64(1)) * _UP[: len(codes)], out=sums[1:])
    return sums


def _mix(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread the low bits, which the polynomial leaves poor, over the high ones, which are used."""
    mixed = hashes * _MIX
    mixed ^= mixed >> np.uint64(32)
    return mixed * _MIX


def _counted(keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """The distinct keys, ascending, and how often each occurs; numpy's own function takes twice as long."""
    ordered = np.sort(keys.astype(np.uint32))
    is_first = np.empty(len(ordered) + 1, dtype=bool)
    is_first[0] = is_first[-1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:-1])
    first = is_first.nonzero()[0]
    return ordered[first[:-1]].astype(np.int64), first[1:] - first[:-1]
