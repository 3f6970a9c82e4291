"""What a prompt needs at least: a level of model, from its complexity, from doubt, and from what is at stake."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from services.scorer.score import Score

Level = Literal["small", "medium", "large", "cheap_cloud", "cloud"]
LEVELS: tuple[Level, ...] = ("small", "medium", "large", "cheap_cloud", "cloud")
"""From the weakest to the strongest: three sizes of local models, the cheap cloud model, the strong one."""

_WORD = re.compile(r"\w+(?:[-']\w+)*")
_LOOKED_AT = 20_000  # characters


@dataclass(frozen=True)
class Need:
    """The least level that will do. `why` says what raised it above the `by_complexity` one, if something did."""

    level: Level
    by_complexity: Level
    why: str | None = None


@dataclass(frozen=True)
class RiskWords:
    """Words and phrases by subject; where one occurs a wrong answer may do harm."""

    words: Mapping[str, str]
    phrases: Mapping[str, str]

    @classmethod
    def of(cls, listed: Mapping[str, list[str]]) -> RiskWords:
        """From lists by subject. Whole words are found; phrases and what is not ASCII are found anywhere."""
        subjects = {word.casefold(): subject for subject, words in listed.items() for word in words}
        single = {word for word in subjects if word.isascii() and _WORD.fullmatch(word)}
        return cls(
            {word: subjects[word] for word in single},
            {word: subject for word, subject in subjects.items() if word not in single},
        )

    def subject_of(self, prompt: str) -> str | None:
        """The subject of the first listed word in the prompt, None when there is none."""
        text = prompt[:_LOOKED_AT].casefold()
        found = next((word for word in _WORD.findall(text) if word in self.words), None)
        if found is not None:
            return self.words[found]
        return next((subject for phrase, subject in self.phrases.items() if phrase in text), None)


def needed_level(score: Score, prompt: str, by_complexity: Level, unsure: Level | None, risk: RiskWords) -> Need:
    """The level by complexity, raised to `unsure` for a prompt unlike the known ones, and to the top for risk."""
    subject = risk.subject_of(prompt)
    if subject is not None and by_complexity != "cloud":
        return Need("cloud", by_complexity, f"{subject} words in it call for the strong model")
    if score.unsure and unsure is not None and LEVELS.index(unsure) > LEVELS.index(by_complexity):
        return Need(unsure, by_complexity, "it is unlike the prompts the scorer knows")
    return Need(by_complexity, by_complexity)


def read_risk(value: Any) -> RiskWords:
    """The [risk] table of a policy; ValueError names the subject that is wrong."""
    if not isinstance(value, dict):
        raise ValueError("risk must be a table")
    for subject, words in value.items():
        if not isinstance(words, list) or not all(isinstance(word, str) and word.strip() for word in words):
            raise ValueError(f"risk.{subject} must be a list of words")
    return RiskWords.of(value)
