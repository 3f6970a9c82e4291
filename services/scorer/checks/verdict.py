"""What is asked of the answer checks and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from services.scorer.checks.reading import Reading

_HEAD = 3_000
_TAIL = 1_500


@dataclass(frozen=True)
class VerifyRequest:
    """An answer with the prompt it answers, and what is known about both.

    `samples` are other answers to the same prompt. `finish_reason` is what the model's server said.
    `needs_json`: the caller asked for JSON by a parameter. `schema` is a valid JSON Schema that the
    answer must fit.
    """

    prompt: str
    answer: str
    samples: tuple[str, ...] = ()
    finish_reason: str | None = None
    needs_json: bool = False
    schema: Mapping[str, Any] | bool | None = None


@dataclass(frozen=True)
class Reason:
    """What speaks against an answer: a code for machines, a sentence for people.

    One that does not reject only lowers the confidence.
    """

    code: str
    text: str
    rejects: bool = True


@dataclass(frozen=True)
class Verdict:
    """Whether to send the answer or to ask a stronger model; `confidence` in [0, 1] that it is good."""

    accept: bool
    confidence: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Case:
    """A request with its prompt and answer read, which every check gets."""

    request: VerifyRequest
    prompt: Reading
    answer: Reading

    @classmethod
    def of(cls, request: VerifyRequest) -> Case:
        """Read the prompt and the answer of `request`."""
        return cls(request, Reading.of(request.prompt), Reading.of(request.answer))

    @cached_property
    def task(self) -> str:
        """The beginning and the end of the prompt, where its task stands; what is between is material."""
        text = self.prompt.text
        return text if len(text) <= _HEAD + _TAIL else f"{text[:_HEAD]}\n{text[-_TAIL:]}"
