"""Answers that run in circles: an end that repeats itself, lines said again and again, sentences in a loop."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from services.scorer.checks.expressions import expression
from services.scorer.checks.verdict import Case, Reason

# A loop, once begun, does not end: the end of the answer shows it.
_END = 3_000
_MIN_LOOP = 160
_MIN_ROUNDS = 4
_MIN_LETTERS_LOOP = 400
_MIN_LINE = 15
_LINE_BEGINNING = 200
_MAX_LINES = 400
_MIN_SAME_LINES = 8
_MIN_RUN = 6
# Rae et al. (2021), "Scaling Language Models" (Gopher), appendix A.1.1, drops web pages with more than 0.30 of
# their lines, or 0.10 to 0.15 of their characters in n-grams, said before. Answers quote and sum up: ours are wider.
_LINE_SHARE = 0.6
_GRAM = 8
_GRAM_SHARE = 0.65
_MIN_GRAMS = 80
_MAX_WORDS = 3_000

_WORD = re.compile(r"[^\W\d_]+")
_MARKER = re.compile(r"^(?:[-*+•>|#\s]+|\(?\d{1,4}[.):]\s*)+")


def find_repetition(case: Case) -> Iterator[Reason]:
    """At most one reason: the answer repeats itself, and was not asked to."""
    what = _repeated(case)
    if what is not None and not expression("prompt.for_repetition").search(case.task):
        yield Reason("repeats_itself", what)


def _repeated(case: Case) -> str | None:
    if _loops(case.answer.text[-_END:]):
        return "The answer ends in a loop."
    if _repeats_lines([line for line in case.answer.lines[-_MAX_LINES:] if line not in case.task]):
        return "The answer says the same line again and again."
    if _repeats_phrases(case.answer.prose):
        return "The answer says the same sentences again and again."
    return None


def _loops(end: str) -> bool:
    """Whether a long piece at the end is one unit said at least four times, the last one perhaps cut."""
    turned = end[::-1]
    length, period = _longest_periodic_prefix(turned)
    if not period:
        return False
    unit = turned[:period]
    letters = _letters(unit)
    if letters >= 3:
        return length >= _MIN_LOOP and letters * 3 >= period
    return length >= _MIN_LETTERS_LOOP and not unit.isspace() and "\n" not in unit


def _longest_periodic_prefix(text: str) -> tuple[int, int]:
    """The length and period of the longest prefix that is its period said at least _MIN_ROUNDS times; (0, 0) if none.

    By the prefix function of Knuth, Morris and Pratt (1977), in linear time.
    """
    border = [0] * len(text)
    best = (0, 0)
    matched = 0
    for index in range(1, len(text)):
        while matched and text[index] != text[matched]:
            matched = border[matched - 1]
        matched += text[index] == text[matched]
        border[index] = matched
        period = index + 1 - matched
        if index + 1 >= _MIN_ROUNDS * period:
            best = (index + 1, period)
    return best


def _repeats_lines(lines: Sequence[str]) -> bool:
    """Whether one line of words makes up most of the lines, or stands several times in a row."""
    said = [_MARKER.sub("", line[:_LINE_BEGINNING]).casefold() for line in lines]
    said = [line for line in said if len(line) >= _MIN_LINE and 2 * _letters(line) >= len(line)]
    most = max(Counter(said).values(), default=0)
    return (most >= _MIN_SAME_LINES and most >= _LINE_SHARE * len(said)) or _longest_run(said) >= _MIN_RUN


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))


def _longest_run(lines: Sequence[str]) -> int:
    longest = run = min(len(lines), 1)
    for before, line in pairwise(lines):
        run = run + 1 if line == before else 1
        longest = max(longest, run)
    return longest


def _repeats_phrases(prose: str) -> bool:
    """Whether most of the pieces of eight words in a row were said before."""
    words = _WORD.findall(prose[-6 * _MAX_WORDS :].casefold())[-_MAX_WORDS:]
    grams = [tuple(words[at : at + _GRAM]) for at in range(len(words) - _GRAM + 1)]
    return len(grams) >= _MIN_GRAMS and 1 - len(set(grams)) / len(grams) > _GRAM_SHARE
