"""The wording of a text as hashed n-grams: words and pairs of words, and 3 to 5 characters within words.

An n-gram's weight is 1 + ln(count), and each of the two groups is scaled to the Euclidean length 1, so
that long texts do not weigh more than short ones. A hash is polynomial over the code points modulo 2^64,
taken from running sums: all n-grams of a text cost a few array operations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.scorer.complexity.text import DIGIT, HEAD_CHARACTERS, MARK, SPACE, TAIL_CHARACTERS, Text

BITS: Final = 17
WORD_BUCKETS: Final = 1 << BITS
BUCKETS: Final = 2 * WORD_BUCKETS
"""The first half of the buckets is of words, the second of characters."""

WORD_HASH_BITS: Final = 20
"""How many bits of a word's hash tell whether training saw it."""

_SIZES = (3, 4, 5)
# Lower case can make one character three.
_LONGEST = 3 * (HEAD_CHARACTERS + TAIL_CHARACTERS) + 8
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

    @classmethod
    def of(cls, text: Text) -> tuple[NGrams, NDArray[np.int64], NDArray[np.int64]]:
        """All n-grams of a text; the hashes (WORD_HASH_BITS bits) of its words of letters; the bucket of every word."""
        starts, ends = text.words
        sums = _running_sums(text)
        words = (sums[ends] - sums[starts]) * _DOWN[starts]
        pairs = words[:-1] * _PAIR + words[1:]
        mixed = _mix(np.concatenate([words, pairs]))
        found = ((mixed >> _SHIFT).astype(np.int64), _character_buckets(text, sums))
        groups = [_counted(buckets) for buckets in found]
        ngrams = cls(np.concatenate([b for b, _ in groups]), np.concatenate([_scaled(n) for _, n in groups]))
        hashes = (mixed[: len(words)] >> _WORD_SHIFT).astype(np.int64)
        return ngrams, hashes[_of_letters(text, starts, ends)], found[0][: len(words)]


def _of_letters(text: Text, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Of each word whether it is made of letters only: numbers and marks say nothing about what a text is of."""
    other = np.concatenate([[0], np.cumsum((text.kinds == DIGIT) | (text.kinds == MARK))])
    result: NDArray[np.bool_] = other[ends] == other[starts]
    return result


def _character_buckets(text: Text, sums: NDArray[np.uint64]) -> NDArray[np.int64]:
    spaces = np.concatenate([[0], np.cumsum(text.kinds == SPACE)])
    found = []
    for size in _SIZES:
        count = len(text.codes) - size + 1
        if count <= 0:
            break
        # A space may stand at either end of an n-gram, where a word begins or ends, not within it.
        begin = (spaces[size - 1 : size - 1 + count] == spaces[1 : 1 + count]).nonzero()[0]
        found.append((sums[begin + size] - sums[begin]) * _DOWN[begin] + np.uint64(size))
    if not found:
        return np.empty(0, np.int64)
    return (_mix(np.concatenate(found)) >> _SHIFT).astype(np.int64) + WORD_BUCKETS


def _running_sums(text: Text) -> NDArray[np.uint64]:
    codes = text.codes
    sums = np.zeros(len(codes) + 1, dtype=np.uint64)
    np.cumsum((codes.astype(np.uint64) + np.uint64(1)) * _UP[: len(codes)], out=sums[1:])
    return sums


def _mix(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread the low bits, which the polynomial leaves poor, over the high ones, which are used."""
    mixed = hashes * _MIX
    mixed ^= mixed >> np.uint64(32)
    return mixed * _MIX


def _counted(buckets: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """The distinct buckets, ascending, and how often each occurs; numpy's own function takes twice as long."""
    ordered = np.sort(buckets.astype(np.uint32))
    is_first = np.empty(len(ordered) + 1, dtype=bool)
    is_first[0] = is_first[-1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:-1])
    first = is_first.nonzero()[0]
    return ordered[first[:-1]].astype(np.int64), first[1:] - first[:-1]


def _scaled(counts: NDArray[np.intp]) -> NDArray[np.float32]:
    weights = np.log(counts) + 1.0
    return (weights / max(1e-9, float(np.sqrt(weights @ weights)))).astype(np.float32)
