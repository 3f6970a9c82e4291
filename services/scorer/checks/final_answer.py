"""The final answer that a text ends in: boxed, announced, or all there is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from services.scorer.checks.expressions import expression
from services.scorer.checks.reading import Reading, visible
from services.scorer.checks.values import Value, loose_phrase, read_value

# Final answers stand at the end; a text is itself one only when it is short.
_TAIL = 4_000
_MAX_FINAL = 200
_MAX_JSON = 20_000
_MAX_PHRASE = 60
_MAX_PHRASE_WORDS = 4
_MAX_PHRASE_UNSPACED = 8

_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_TAGGED = re.compile(r"(?:\[ANSWER\]|<answer>)(.{0,2000}?)(?:\[/ANSWER\]|</answer>|\Z)", re.IGNORECASE | re.DOTALL)
_HASHES = re.compile(r"^####[ \t]*(\S.*)$", re.MULTILINE)
_LETTERED = re.compile(r"[*_]{0,2}\(?([A-J])(?:\)|\.|:)[*_]{0,2}\s+\S.{0,100}")
_LAST_NUMBER = re.compile(r"[-\u2212]?\d+(?:[.,/]\d+)*%?")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")

_UNSPACED_SENTENCE = re.compile(r"[\u662f\u4e3a\u70ba\u306f\u3002]")
_BOLD_END = re.compile(r"(?<=[\w)])\*\*[.\u3002]?$")


def final_answer(answer: str) -> str | None:
    """The final answer of a text, in its own words; None for one that only explains, tells or lists."""
    reading = Reading.of(answer if len(answer) <= _MAX_JSON else answer[-_TAIL:])
    text, prose = reading.text, reading.prose.strip()
    for found in (_boxed(text), _in_json(text), *_marked(text[-_TAIL:], prose[-_TAIL:]), _alone(reading)):
        if found is not None:
            return found
    closing = None if reading.blocks else expression("answer.closing_number").search(text[-_MAX_FINAL:])
    return closing["number"] if closing else _phrase(text)


def last_number(answer: str) -> str | None:
    """The last number of the last line: what an answer says where the others' final answers are numbers."""
    lines = visible(answer[-_TAIL:]).splitlines()
    found = _LAST_NUMBER.findall(lines[-1][-_MAX_FINAL:]) if lines else []
    return found[-1] if found else None


def says_phrase(answer: str, phrase: str) -> bool:
    """Whether an answer of up to a page has `phrase` in it, as whole words where words are spaced."""
    said = loose_phrase(phrase)
    if len(answer) > _TAIL or not said:
        return False
    if _UNSPACED.search(said):
        return said in loose_phrase(answer)
    return re.search(rf"(?<!\w){re.escape(said)}(?!\w)", loose_phrase(answer)) is not None


def _boxed(text: str) -> str | None:
    """What the last box holds, braces inside it balanced."""
    start = max((match.end() for match in _BOXED.finditer(text)), default=None)
    if start is None:
        return None
    depth = 1
    for index in range(start, min(len(text), start + _MAX_FINAL)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return text[start:index] if read_value(text[start:index]) else None
    return None


def _in_json(text: str) -> str | None:
    """The answer of an object such as {"reasoning": ..., "answer": 42}."""
    bare = text.removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    if not bare.startswith("{") or len(bare) > _MAX_JSON or "answer" not in bare:
        return None
    try:
        given = json.loads(bare)
    except (ValueError, RecursionError):
        return None
    said = given.get("final_answer", given.get("answer"))
    return said if isinstance(said, str) else None if said is None else json.dumps(said)


def _marked(text: str, prose: str) -> Iterator[str | None]:
    """What is tagged or announced as the answer, the last one first."""
    for pattern in (_TAGGED, _HASHES):
        yield from (_statement(said) for said in reversed(pattern.findall(text)))
    for match in reversed(list(expression("answer.announced").finditer(prose))):
        said = match["said"] if match["said"].strip(" *_`") else match["below"] or ""
        # "The result is chaos" is no answer to a question, "the answer is chaos" may be.
        may_be_words = match["answer"] is not None and match.end() > len(prose) - 2 * _MAX_FINAL
        found = _statement(said, may_be_words=False) or _statement(_first_sentence(said), may_be_words)
        if found is not None:
            yield found


def _alone(reading: Reading) -> str | None:
    """A text that is nothing but a value, a choice, or begins with a verdict."""
    verdict = expression("answer.verdict").match(reading.text)
    if verdict:
        return verdict[1]
    if len(reading.blocks) == 1 and not reading.prose.strip():
        return _statement(reading.blocks[0].text, may_be_words=False)
    return _statement(reading.text, may_be_words=False)


def _statement(text: str, may_be_words: bool = True) -> str | None:
    """`text` when it is a value, the letter of a choice, or a phrase when that may be; else None."""
    said = _BOLD_END.sub("", text.strip())
    if not said or len(said) > _MAX_FINAL or "\n" in said:
        return None
    lettered = _LETTERED.fullmatch(said)
    if lettered:
        return lettered[1]
    value = read_value(said)
    if value is not None and _is_plain(value, said):
        return said
    return _phrase(said) if may_be_words else None


def _is_plain(value: Value, said: str) -> bool:
    return value.number is not None or value.literal or len(said.strip("().*")) == 1 or not isinstance(value.exact, str)


def _phrase(text: str) -> str | None:
    """`text` when it is a few words and not a sentence."""
    said = text.strip().strip("*_").strip()
    limit = _MAX_PHRASE_WORDS - (said[-1:] == ".")
    if not said or len(said) > _MAX_PHRASE or len(said.split()) > limit or said[-1] in ":?" or "\n" in said:
        return None
    unspaced = len(_UNSPACED.findall(said))
    if unspaced > _MAX_PHRASE_UNSPACED or (unspaced > 4 and _UNSPACED_SENTENCE.search(said)):
        return None
    return said if read_value(said) else None


def _first_sentence(text: str) -> str:
    end = expression("answer.sentence_end").search(text)
    return text[: end.start()] if end else text
