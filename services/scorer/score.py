"""How hard a prompt is, from whole-word cues, pasted code, numbers and length.

A heuristic: the word lists are data (`cues.toml`), the score is the plain sum of named effects.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import fsum, log2

from services.scorer.cues import Passage, load_cues
from services.scorer.tokens import estimate_tokens

# The task of a long prompt stands at its beginning or its end; what is between is material.
_HEAD_CHARACTERS = 4_000
_TAIL_CHARACTERS = 2_000

_CODE_LINE = re.compile(
    r"^[ \t]*(?:def |class \w+[:({]|import \w|from \w+ import|public |private |fn |func |function\b|const |let |var "
    r"|#include|SELECT\b|return\b|(?:if|for|while) ?\(|}|</?\w+>)",
    re.MULTILINE,
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_AMOUNT = re.compile(
    r"\b(?:how (?:many|much|long|far|fast|old)|wie ?viele?|cu[aá]nt[oa]s?|combien|quant[ieo])\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Factor:
    """Something in the prompt that moved its complexity by `effect`; `text` says it in words."""

    name: str
    effect: float
    text: str


@dataclass(frozen=True)
class Score:
    """The judgement of a prompt.

    `complexity` is in [0, 1] and is the sum of the factors' effects, clamped. `tokens` is an
    estimate. `unsure`: nothing in the prompt was recognised, so the complexity is only the middle.
    """

    complexity: float
    factors: tuple[Factor, ...]
    tokens: int
    unsure: bool


def score_prompt(prompt: str) -> Score:
    """The complexity of any text, however long or strange, in linear time; it never raises."""
    tokens = estimate_tokens(prompt)
    if not prompt.strip():
        return Score(0.0, (Factor("empty", 0.0, "nothing is asked"),), tokens, False)
    cues = load_cues()
    task = _task_of(prompt)
    passage = Passage.of(task, cues.courtesy)
    if passage.only_courtesy:
        return Score(0.05, (Factor("small_talk", 0.05, "a greeting or thanks"),), tokens, False)
    found = [Factor(cue.name, effect, cue.text) for cue, effect in cues.found_in(passage)]
    found += _structure_of(task)
    factors = (Factor("start", cues.start, "any prompt"), *found, *_length_of(tokens))
    total = round(fsum(factor.effect for factor in factors), 4)
    return Score(min(max(total, 0.0), 1.0), factors, tokens, unsure=not found)


def _task_of(prompt: str) -> str:
    if len(prompt) <= _HEAD_CHARACTERS + _TAIL_CHARACTERS:
        return prompt
    return f"{prompt[:_HEAD_CHARACTERS]}\n{prompt[-_TAIL_CHARACTERS:]}"


def _structure_of(task: str) -> list[Factor]:
    factors = []
    if "```" in task or len(_CODE_LINE.findall(task)) >= 2:
        factors.append(Factor("code", 0.15, "contains code"))
    if _AMOUNT.search(task) and len(_NUMBER.findall(task)) >= 2:
        factors.append(Factor("word_problem", 0.25, "asks for an amount worked out of several numbers"))
    return factors


def _length_of(tokens: int) -> list[Factor]:
    effect = round(min(0.2, 0.04 * log2(tokens / 50)), 2) if tokens > 50 else 0.0
    return [Factor("length", effect, "long")] if effect > 0 else []
