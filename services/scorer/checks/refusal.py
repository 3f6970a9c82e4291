"""Refusals: answers that say that they will not, cannot or do not know, and leave it at that."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from services.scorer.checks.expressions import expression, joined
from services.scorer.checks.verdict import Case, Reason

_FILE = Path(__file__).with_name("refusals.toml")

# A refusal stands in the first sentences. What it says after that decides whether it answers all the same.
_OPENING = 600
_SENTENCES = 3
_MAX_REFUSAL = 1_500
_CONTENT_AFTER = {"sure": 400, "model": 150, "likely": 60, "unknown": 60}
_CONTENT_UNTURNED = 300
_MAX_UNKNOWN = 300
_MAY_ASK_BACK = ("likely", "unknown")

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[\u3002\uff01\uff1f])|\n+")
_QUOTED = re.compile(r"[\"“„«「『][^\"“”„«»「」『』\n]{1,400}[\"”“»」』]|^>.*$", re.MULTILINE)
_MARKUP = re.compile(r"[*_#]+|^\s*-\s", re.MULTILINE)
_MAX_ABOUT_THE_MODEL = 90


@dataclass(frozen=True)
class _Phrases:
    """The expressions of `refusals.toml`, compiled; `kinds` from the surest on."""

    apology: re.Pattern[str]
    offer: re.Pattern[str]
    pivot: re.Pattern[str]
    kinds: tuple[tuple[str, re.Pattern[str]], ...]


def find_refusal(case: Case) -> Iterator[Reason]:
    """At most one reason: a refusal, no answer, or one that is answered in part, which does not reject."""
    answer = case.answer.text
    if len(answer) > 2 * _MAX_REFUSAL or case.answer.blocks:
        return
    found = _refusing_sentence(_plain(answer))
    if found is None:
        return
    kind, rest = found
    prompt = _plain(case.task)
    if expression("prompt.about_refusing").search(prompt) or kind in _pardoned(prompt):
        return
    if kind == "unknown" and len(answer) > _MAX_UNKNOWN:
        return
    if _answers_after_all(rest, _CONTENT_AFTER[kind]) or len(answer) > _MAX_REFUSAL:
        yield Reason("refused_in_part", "The answer begins with a refusal, and then answers in part.", rejects=False)
    elif kind in _MAY_ASK_BACK and expression("reply.asks_back").search(rest):
        yield Reason("asks_back", "The answer asks back for what it needs.", rejects=False)
    elif kind == "unknown":
        yield Reason("no_answer", "The answer says that it does not know.")
    else:
        yield Reason("refused", "The answer refuses the task instead of doing it.")


@cache
def load_refusals() -> _Phrases:
    """The phrases of `refusals.toml`, read once."""
    document = tomllib.loads(_FILE.read_text("utf-8"))

    kinds = tuple(
        (kind, re.compile("|".join(f"(?:{one})" for language in document["language"] for one in language[kind])))
        for kind in _CONTENT_AFTER
    )
    apology = re.compile(rf"(?:(?:{joined(document['apology'])})(?:{joined(document['between'])}))+")
    offer, pivot = re.compile(rf"(?:{joined(document['offer'])})"), re.compile(joined(document["pivot"]))
    return _Phrases(apology, offer, pivot, kinds)


def _pardoned(prompt: str) -> tuple[str, ...]:
    """The kinds of refusing words that are no refusal in an answer to `prompt`."""
    if len(prompt) <= _MAX_ABOUT_THE_MODEL and expression("prompt.about_the_model").search(prompt):
        return "model", "likely", "unknown"
    return ("likely", "unknown") if expression("prompt.for_a_text").search(prompt) else ()


def _plain(text: str) -> str:
    return text.casefold().replace("\u2019", "'")


def _refusing_sentence(answer: str) -> tuple[str, str] | None:
    """The kind of the first refusing sentence, and what follows its refusing words."""
    phrases = load_refusals()
    opening = _MARKUP.sub("", _QUOTED.sub(" ", answer[:_OPENING])).strip()
    begin = 0
    for sentence in [part for part in _SENTENCE_END.split(opening) if part.strip()][:_SENTENCES]:
        begin = opening.index(sentence, begin)
        text = sentence.strip()
        apology = phrases.apology.match(text)
        text = text[apology.end() :] if apology else text
        for kind, pattern in phrases.kinds:
            if match := pattern.match(text):
                return kind, text[match.end() :] + opening[begin + len(sentence) :] + answer[_OPENING:]
    return None


def _answers_after_all(rest: str, enough: int) -> bool:
    """Whether what follows a refusal turns to an answer of at least `enough` characters."""
    phrases = load_refusals()
    # The refusing sentence itself may turn at a comma.
    first, *others = _SENTENCE_END.split(rest)
    clauses = [*re.split(r"[,;\uff0c\u3001]\s*", first)[1:], *others]
    turned = next((at for at, clause in enumerate(clauses) if phrases.pivot.match(clause.strip())), None)
    content = [clause.strip() for clause in (others if turned is None else clauses[turned:])]
    length = sum(len(clause) for clause in content if not phrases.offer.match(clause))
    return length >= (enough if turned is not None else max(enough, _CONTENT_UNTURNED))
