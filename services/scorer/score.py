"""How hard a prompt is: the model's judgement, said in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from services.scorer.complexity.model import EXPERTS, Judgement, Model, Reading, load_model
from services.scorer.complexity.signals import GROUP_OF_SIGNAL, GROUPS
from services.scorer.tokens import estimate_tokens

_LEAST_EFFECT = 0.01  # of complexity; what moves it less is summed up as "other"


@dataclass(frozen=True)
class Factor:
    """Something in the prompt that moved its complexity by `effect`; `text` says it in words.

    `words` are the words of the prompt that it is about; they are for showing, not for keeping.
    """

    name: str
    effect: float
    text: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Score:
    """The judgement of a prompt.

    `complexity` in [0, 1] is the probability that a small local model's answer is worse than a large
    model's, and the sum of the factors' effects. `tokens` is an estimate. `unsure`: the prompt is
    unlike what the model was trained on. `signals` describe it in numbers, without its words.
    """

    complexity: float
    factors: tuple[Factor, ...]
    tokens: int
    unsure: bool
    signals: Mapping[str, float] = field(default_factory=dict)


def score_prompt(prompt: str) -> Score:
    """The score of any text, however long or strange; it never raises."""
    return score_prompts([prompt])[0]


def score_prompts(prompts: Sequence[str], *, explain: bool = False) -> list[Score]:
    """The scores of many prompts, quicker than one by one; `explain` names the words that count."""
    model = load_model()
    readings = Reading.of_all(prompts)
    judged = zip(prompts, readings, model.judge(readings), strict=True)
    return [_score(model, prompt, reading, judgement, explain=explain) for prompt, reading, judgement in judged]


def _score(model: Model, prompt: str, reading: Reading, judgement: Judgement, *, explain: bool) -> Score:
    tokens = estimate_tokens(prompt)
    if not prompt.strip():
        return Score(0.0, (Factor("empty", 0.0, "nothing is asked"),), tokens, unsure=False)
    words = model.telling_words(reading, judgement) if explain else ()
    factors = _factors(model, judgement, words)
    unsure = judgement.novelty > model.novelty_limit
    if unsure:
        factors = (Factor("novel", 0.0, "unlike the prompts the scorer knows"), *factors)
    kinds = {f"kind_{name}": weight for name, weight in zip(EXPERTS, judgement.gates.tolist(), strict=True)}
    found = {"wording": judgement.wording, "novelty": judgement.novelty, "raw": judgement.raw}
    return Score(round(judgement.complexity, 4), factors, tokens, unsure, {**reading.signals, **kinds, **found})


def _factors(model: Model, judgement: Judgement, words: Sequence[str]) -> tuple[Factor, ...]:
    """The effects by group, in units of complexity, the largest first; with the start they sum to it."""
    begin = float(np.interp(judgement.start, *model.calibration))
    moved = judgement.raw - judgement.start
    unit = (judgement.complexity - begin) / moved if abs(moved) > 1e-9 else 0.0
    by_group = np.bincount(GROUP_OF_SIGNAL, judgement.effects, len(GROUPS)) * unit
    sums = {_wording(judgement.wording): judgement.wording * unit, **dict(zip(GROUPS, by_group.tolist(), strict=True))}
    large = {group: effect for group, effect in sums.items() if abs(effect) >= _LEAST_EFFECT}
    rest = sum(sums.values()) - sum(large.values())
    found = [
        Factor(name, round(effect, 4), text, tuple(words) if name == "wording" else ())
        for (name, text), effect in sorted(large.items(), key=lambda item: -abs(item[1]))
    ]
    other = [Factor("other", round(rest, 4), "smaller things")] if abs(rest) >= 5e-5 else []
    return (Factor("start", round(begin, 4), "any prompt of its kind"), *found, *other)


def _wording(effect: float) -> tuple[str, str]:
    return "wording", f"worded like {'hard' if effect > 0 else 'easy'} tasks"
