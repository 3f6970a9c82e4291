# ruff: noqa: RUF001 (marks of other scripts)
"""Named numbers that describe a prompt: its length, its numbers, code, formulas, questions, choices, scripts.

They are what the trees of the model split on, what explanations are grouped by, and what is kept of a
request for learning from own traffic: they say what kind of text it was, not what it said.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from math import log1p
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.scorer.complexity.text import (
    ARABIC,
    CYRILLIC,
    DIGIT,
    HANGUL,
    IDEOGRAPH,
    INDIC,
    KANA,
    MARK,
    Text,
)

_WORD = re.compile(r"[^\W\d_]+(?:'[a-z]+)?")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_CHOICE = re.compile(r"^[ \t]*\(?([A-J])[.)][ \t]", re.MULTILINE)
_SENTENCE_END = re.compile(r"[.!?。！？](?:\s|$)|[。！？]")
_UPPER = re.compile(r"[A-Z]")
_TERM = re.compile(r"\w+")
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")


def _listed(words: str) -> list[str]:
    return words.split()


# How often each of these occurs, as ln(1 + n).
_COUNTED_CHARACTERS: Final[dict[str, str]] = {
    "equations": "=≤≥≠",
    "powers": "^²³",
    "operators": "+*/<>|",
    "brackets": "[(",
    "parentheses": "(",
    "braces": "{",
    "semicolons": ";",
    "colons": ":",
    "commas": ",，、",
    "quotes": "\"'“”„«»「」",
    "question_marks": "?？¿",
}
_COUNTED: Final[dict[str, re.Pattern[str]]] = {
    "latex_commands": re.compile(r"\\[a-zA-Z]+"),
    "roots_and_fractions": re.compile(r"frac|sqrt|√"),
    "decimals": re.compile(r"\d\.\d"),
    "method_calls": re.compile(r"\.\w+\("),
    "code_fences": re.compile(r"```"),
    "indented_lines": re.compile(r"\n(?:\t|  +)\S"),
    "list_items": re.compile(r"^[ \t]*(?:[-*•]|\d+[.)])[ \t]", re.MULTILINE),
    "links": re.compile(r"https?://"),
}
# How many of the words are among these, as ln(1 + n).
_WORD_LISTS: Final = {
    name: frozenset(words.split())
    for name, words in {
        "code_keywords": """
            def return elif import class lambda assert print const let var function public static void struct fn
            select from where join""",
        "assertions": "assert",
        "loops": "for while",
        "conditions": "if",
        "amounts": """
            each every per twice half third quarter percent total altogether remaining left fewer times average rate
            cost costs spend spent earn pay buy sell sold""",
        "negations": "not except false incorrect never least without none don't doesn't isn't can't won't didn't",
        "sciences": """
            theorem prove proof integral derivative matrix vector probability variance equation equations polynomial
            velocity acceleration force energy mass temperature pressure voltage current resistance capacitor circuit
            electron electrons molecule molecules reaction enzyme enzymes protein proteins dna cell cells species
            equilibrium concentration enthalpy entropy wavelength frequency diameter radius angle triangle perimeter
            area volume density""",
    }.items()
}
_FIRST_WORDS: Final = tuple(
    _listed("""
    what who when where why how which if a the let find write given calculate determine is are in for consider suppose
    compute explain""")
)
_ASKING_WORDS: Final = ("what", "who", "when", "where", "why", "how", "which")
_FUNCTION_WORDS: Final = frozenset(
    _listed("""
    the of and a to in is that it for as with was on are be by this from at or an which not have has had they you we he
    she his her their its but if can will would there been were what when how all any""")
)
_WORD_LENGTH: Final = 8  # letters; longer words are rarer ones
_TERM_LENGTH: Final = 11  # letters; longer words are mostly terms of a subject
_SCRIPTS: Final = {
    "script_ideographs": IDEOGRAPH,
    "script_kana": KANA,
    "script_hangul": HANGUL,
    "script_cyrillic": CYRILLIC,
    "script_arabic": ARABIC,
    "script_indic": INDIC,
}


def read_signals(text: Text) -> dict[str, float]:
    """The signals of a text, in the order of SIGNALS; counts and lengths as ln(1 + n), shares in [0, 1]."""
    raw = text.raw
    words = _WORD.findall(raw)
    folded = [word.lower() for word in words]
    return {
        **_size(text, words),
        **_numbers(text),
        **_choices(raw, len(words)),
        **{name: log1p(sum(map(raw.count, marks))) for name, marks in _COUNTED_CHARACTERS.items()},
        **{name: log1p(len(pattern.findall(raw))) for name, pattern in _COUNTED.items()},
        **{name: log1p(sum(map(listed.__contains__, folded))) for name, listed in _WORD_LISTS.items()},
        **_vocabulary(words, folded),
        **_questions(raw, folded),
    }


def _size(text: Text, words: list[str]) -> dict[str, float]:
    shares, solid = text.shares, max(1, len(text.raw))
    return {
        "characters": log1p(text.characters),
        "words": log1p(len(words)),
        "lines": log1p(text.raw.count("\n")),
        "word_length": sum(map(len, words)) / max(1, len(words)) / 5,
        "share_digits": float(shares[DIGIT]),
        "share_marks": float(shares[MARK]),
        "share_upper": len(_UPPER.findall(text.raw)) / solid,
        **{name: float(shares[kind]) for name, kind in _SCRIPTS.items()},
        "accents": 0.0 if text.raw.isascii() else float((text.codes > 0x7F).mean()),
    }


def _numbers(text: Text) -> dict[str, float]:
    numbers = _NUMBER.findall(text.raw)
    return {
        "numbers": log1p(len(numbers)),
        "distinct_numbers": log1p(len(set(numbers))),
        "longest_number": log1p(max(map(len, numbers), default=0)),
        "no_number": float(not numbers),
    }


def _choices(raw: str, words: int) -> dict[str, float]:
    choices = list(_CHOICE.finditer(raw))
    first = next((found.start() for found in choices if found.group(1) == "A"), len(raw))
    question, options = raw[:first], raw[first:]
    sentences = max(1, len(_SENTENCE_END.findall(question)))
    starts = [found.start() for found in choices] + [len(raw)]
    texts = [raw[found.end() : end] for found, end in zip(choices, starts[1:], strict=True)]
    return {
        "choices": log1p(len(choices)),
        "question_length": log1p(len(question)),
        "choice_length": log1p(len(options) / max(1, len(choices))) if choices else 0.0,
        "choice_numbers": log1p(len(_NUMBER.findall(options))) if choices else 0.0,
        "sentences": log1p(sentences),
        "sentence_length": log1p(words / sentences),
        **_answers(texts),
    }


def _answers(texts: list[str]) -> dict[str, float]:
    """How the answers to choose from are like each other; all zero when there are none.

    Answers that differ in a word or two ask for knowing it exactly, however plain the question is.
    """
    answers = [set(_TERM.findall(text.lower())) for text in texts]
    pairs = list(pairwise(answers))
    shared, size = len(set.intersection(*answers)) if pairs else 0, sum(map(len, answers))
    return {
        "choices_alike": sum(len(a & b) / max(1, len(a | b)) for a, b in pairs) / max(1, len(pairs)),
        "choices_shared": shared * len(answers) / max(1, size),
        "choices_numeric": sum(text.strip()[:1].isdigit() for text in texts) / max(1, len(texts)),
        "choice_shortest": log1p(min((len(text.strip()) for text in texts), default=0)),
    }


def _vocabulary(words: list[str], folded: list[str]) -> dict[str, float]:
    count = max(1, len(words))
    return {
        "distinct_words": len(set(folded)) / count,
        "function_words": sum(map(_FUNCTION_WORDS.__contains__, folded)) / count,
        "long_words": sum(len(word) > _WORD_LENGTH for word in words) / count,
        "longest_words": log1p(sum(len(word) > _TERM_LENGTH for word in words)),
        "capitalised": log1p(sum(word[0].isupper() for word in words[1:])),
    }


def _questions(raw: str, folded: list[str]) -> dict[str, float]:
    first, present = folded[0] if folded else "", set(folded)
    return {
        "longest_quote": log1p(max(map(len, _QUOTED.findall(raw)), default=0)),
        "ends_with_question": float(raw.rstrip()[-1:] in ("?", "？")),
        **{f"begins_{word}": float(first == word) for word in _FIRST_WORDS},
        **{f"asks_{word}": float(word in present) for word in _ASKING_WORDS},
    }


SIGNALS: Final = tuple(read_signals(Text.of("")))
"""The names of the signals, in their order."""


def signal_row(signals: dict[str, float]) -> NDArray[np.float64]:
    """The values of `signals` as an array of shape (len(SIGNALS),)."""
    return np.fromiter(signals.values(), dtype=np.float64, count=len(SIGNALS))


_LENGTH: Final = frozenset(_listed("characters words lines question_length sentences"))
_CODE: Final = frozenset(
    _listed("""
    code_keywords method_calls code_fences assertions indented_lines loops conditions braces semicolons""")
)
_MATHEMATICS: Final = frozenset(
    _listed("""
    latex_commands equations powers roots_and_fractions operators decimals amounts numbers distinct_numbers
    longest_number no_number share_digits""")
)
_ASKING: Final = frozenset(_listed("question_marks ends_with_question negations"))
_GROUPS: Final[tuple[tuple[str, str, Callable[[str], bool]], ...]] = (
    ("length", "its length", _LENGTH.__contains__),
    ("language", "its script or language", lambda name: name.startswith("script_") or name == "accents"),
    ("code", "code in it", _CODE.__contains__),
    ("mathematics", "numbers and formulas", _MATHEMATICS.__contains__),
    ("choices", "a choice of answers", lambda name: name.startswith("choice")),
    ("science", "terms of science", lambda name: name == "sciences"),
    ("question", "how it asks", lambda name: name.startswith(("begins_", "asks_")) or name in _ASKING),
)


def _group_of(signal: str) -> tuple[str, str]:
    return next(((name, text) for name, text, holds in _GROUPS if holds(signal)), ("style", "its style and layout"))


GROUPS: Final = tuple(dict.fromkeys(map(_group_of, SIGNALS)))
"""The factors that signals belong to: their names, and what they are in words."""

GROUP_OF_SIGNAL: Final = np.array([GROUPS.index(_group_of(signal)) for signal in SIGNALS])
"""For each signal the index of its group."""
