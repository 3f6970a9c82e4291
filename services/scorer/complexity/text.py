"""A prompt made ready for reading: the part that says the task, its characters' classes, its words."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

# The task of a long prompt stands at its beginning or its end; what is between is material.
HEAD_CHARACTERS: Final = 4_000
TAIL_CHARACTERS: Final = 2_000

SPACE, LETTER, DIGIT, MARK, IDEOGRAPH, KANA, HANGUL, CYRILLIC, ARABIC, INDIC = range(10)
CLASSES: Final = 10
_ALONE = (MARK, IDEOGRAPH, KANA)  # every such character is a word of its own

_BLOCKS = (
    (0x0400, 0x0530, CYRILLIC),
    (0x0600, 0x0780, ARABIC),
    (0x08A0, 0x0900, ARABIC),
    (0x0900, 0x0E00, INDIC),
    (0x1100, 0x1200, HANGUL),
    (0x3040, 0x3100, KANA),
    (0x3400, 0xA000, IDEOGRAPH),
    (0xAC00, 0xD7B0, HANGUL),
    (0xF900, 0xFB00, IDEOGRAPH),
)


def _class_table() -> NDArray[np.uint8]:
    table = np.full(0x10001, MARK, dtype=np.uint8)
    for code in range(0x10000):
        category = unicodedata.category(chr(code))
        if category[0] == "Z" or code in (9, 10, 11, 12, 13):
            table[code] = SPACE
        elif category[0] in "LM" or code == 0x5F:
            table[code] = LETTER
        elif category[0] == "N":
            table[code] = DIGIT
    for first, end, kind in _BLOCKS:
        block = table[first:end]
        block[block == LETTER] = kind
    return table


_TABLE: Final = _class_table()
_ALONE_TABLE: Final = np.isin(np.arange(CLASSES), _ALONE)


def classes_of(codes: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """The class of each code point."""
    result: NDArray[np.uint8] = _TABLE.take(np.minimum(codes, 0x10000))
    return result


def word_bounds(kinds: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where words begin and end in characters of these classes."""
    solid = kinds != SPACE
    joined = solid & ~_ALONE_TABLE.take(kinds)
    starts = solid.copy()
    starts[1:] &= ~(joined[1:] & joined[:-1])
    ends = solid.copy()
    ends[:-1] &= ~(joined[:-1] & joined[1:])
    return np.flatnonzero(starts), np.flatnonzero(ends) + 1


@dataclass(frozen=True)
class Text:
    """The part of a prompt that is read: `raw`, at most 6,001 characters of it, and `characters` in all."""

    raw: str
    characters: int

    @classmethod
    def of(cls, prompt: str) -> Text:
        """The head and the tail of `prompt`."""
        if len(prompt) <= HEAD_CHARACTERS + TAIL_CHARACTERS:
            return cls(prompt, len(prompt))
        return cls(f"{prompt[:HEAD_CHARACTERS]}\n{prompt[-TAIL_CHARACTERS:]}", len(prompt))

    @cached_property
    def codes(self) -> NDArray[np.uint32]:
        """The code points in lower case, with every run of spaces as one space, and a space at either end."""
        data = self.raw.lower().encode("utf-32-le", "surrogatepass")
        codes = np.empty(len(data) // 4 + 2, dtype=np.uint32)
        codes[0] = codes[-1] = 32
        codes[1:-1] = np.frombuffer(data, dtype="<u4")
        space = classes_of(codes) == SPACE
        codes[space] = 32
        keep = np.ones(len(codes), dtype=bool)
        keep[1:] = ~(space[1:] & space[:-1])
        return codes[keep]

    @cached_property
    def kinds(self) -> NDArray[np.uint8]:
        """The class of each of `codes`."""
        return classes_of(self.codes)

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """Of each class the share of the characters that are no spaces; all zero in an empty text."""
        counts = np.bincount(self.kinds, minlength=CLASSES).astype(np.float64)
        counts[SPACE] = 0
        result: NDArray[np.float64] = counts / max(1.0, float(counts.sum()))
        return result

    @cached_property
    def words(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Where words begin and end in `codes`; marks, ideographs and kana are words of one character."""
        return word_bounds(self.kinds)
