"""Whether several answers to one prompt say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.scorer.checks.final_answer import final_answer, last_number, says_phrase
from services.scorer.checks.values import Value, read_value


@dataclass(frozen=True)
class Agreement:
    """Answers by what they say: `groups` of their indices, the largest first, of equal ones the earliest.

    `answers` counts all that were given. One that states nothing is in no group, and so agrees with none.
    """

    groups: tuple[tuple[int, ...], ...]
    answers: int

    @property
    def share(self) -> float:
        """The share of the answers that say what most say, in [0, 1]."""
        return len(self.groups[0]) / self.answers if self.groups else 0.0

    @property
    def doubt(self) -> float:
        """1 - share, and of equal shares more where the next largest group is larger. In [0, 1].

        Ours. The size of the runner-up orders ties better than the number of different answers does:
        tests/bench/scorer/cascade.py measures it.
        """
        runner_up = len(self.groups[1]) if len(self.groups) > 1 else 0
        return 1 - self.share + runner_up / max(self.answers, 1) ** 2

    def with_answer(self, index: int) -> int:
        """How many answers say what answer `index` says, itself included."""
        return next((len(group) for group in self.groups if index in group), 1)


def agreement(answers: Sequence[str]) -> Agreement | None:
    """How far whole answers agree in their final answers; None when most are free text and cannot be compared.

    An answer without a final one of its own joins those whose number it ends in, or whose phrase it
    has, and otherwise agrees with none.
    """
    finals = [final_answer(answer) for answer in answers]
    known = [final for final in finals if final is not None]
    if 2 * len(known) <= len(answers):
        return None
    if len(known) < len(answers):
        said = [final for group in compare_finals(finals).groups if (final := finals[group[0]]) is not None]
        given = zip(finals, answers, strict=True)
        finals = [final if final is not None else _inferred(answer, said) for final, answer in given]
    return compare_finals(finals)


def compare_finals(finals: Sequence[str | None]) -> Agreement:
    """The agreement of final answers that are already extracted; None is an answer without one."""
    return compare_values([None if final is None else read_value(final) for final in finals])


def compare_values(values: Sequence[Value | None]) -> Agreement:
    """The agreement of the values of final answers; None is an answer without one.

    Case and punctuation count as soon as one of them is a quoted string or a container: the prompt is
    about literal values then.
    """
    known = {index: value for index, value in enumerate(values) if value is not None}
    exact = any(value.literal for value in known.values())
    groups: list[list[int]] = []
    # A rounded number or one without its unit joins those that say more.
    for index in sorted(known, key=lambda index: _vagueness(known[index])):
        for group in groups:
            if all(known[index].same(known[other], exact=exact) for other in group):
                group.append(index)
                break
        else:
            groups.append([index])
    ordered = sorted((tuple(sorted(group)) for group in groups), key=lambda group: (-len(group), group))
    return Agreement(tuple(ordered), len(values))


def _inferred(answer: str, finals: Sequence[str]) -> str | None:
    """The one of the others' final answers that a wordy answer gives; None when it gives none or several."""
    value = read_value(finals[0]) if finals else None
    if value is not None and value.number is not None:
        return last_number(answer)
    said = [final for final in finals if says_phrase(answer, final)]
    return said[0] if len(said) == 1 else None


def _vagueness(value: Value) -> tuple[bool, float]:
    if value.number is None:
        return False, 0.0
    places = value.number.places
    return not value.number.unit, float("-inf") if places is None else -places
