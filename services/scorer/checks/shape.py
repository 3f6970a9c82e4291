"""Answers that are nothing, only repeat the question, or stop in the middle."""

from __future__ import annotations

import re
from collections.abc import Iterator

from services.scorer.checks.expressions import expression
from services.scorer.checks.python_source import PYTHON_LABELS, TooLong, parse_python
from services.scorer.checks.reading import Block
from services.scorer.checks.verdict import Case, Reason

_PLACEHOLDER = re.compile(
    r"(?P<fill>[._\u2026\-*\s]{3,}|\u2026)|lorem ipsum.{0,2000}"
    r"|[\[<{]{1,2}\s*(?:(?:please )?(?:insert|enter|add|write|your|the|an?)\b[^\]>}\n]{0,60}"
    r"|(?:answer|response|text|output)(?: here)?)\s*[\]>}]{1,2}",
    re.IGNORECASE | re.DOTALL,
)
_LENGTH_STOPS = frozenset({"length", "max_tokens", "max_output_tokens", "model_length"})
_MIN_ECHO = 20
_LONG_ECHO = 80

# An answer shorter than this may end as it likes, and so may a last line that is short: a name, a line of a poem.
_MIN_TEXT = 300
_MIN_LAST_LINE = 80
_MIN_ITEM = 30
_MIN_ITEMS = 3
_LAST_WORDS = 100
_LIST_ITEM = re.compile(
    r"(?:[-*+\u2022\u2013\u2014\u00b7\u25aa>|#]|\(?\d{1,3}[.):]|\(?[a-z][.)]|\[\d+\])\s*\S", re.IGNORECASE
)
_NO_SENTENCE = re.compile(r"(?:[#@]|https?://)\S+$")
_ENDED = re.compile(r"[^\w\s,\uff0c\u3001\u2013\u2014-]|_")
_SENTENCE_END = re.compile(r"[.!?\u3002\uff01\uff1f](?:[\s\"'\u201d\u00bb)]|$)")


def find_nothing(case: Case) -> Iterator[Reason]:
    """Whether there is no answer at all: nothing to see, only an empty code block, or a placeholder."""
    text = case.answer.text
    if not text or (
        case.answer.blocks and not case.answer.prose.strip() and not any(b.text for b in case.answer.blocks)
    ):
        yield Reason("empty", "The answer is empty.")
        return
    placeholder = _PLACEHOLDER.fullmatch(text)
    # "..." may be what was asked for.
    asked_for = placeholder and placeholder["fill"] and _dotted(text) in _dotted(case.task)
    if placeholder and not asked_for:
        yield Reason("placeholder", "The answer is only a placeholder.")


def find_echo(case: Case) -> Iterator[Reason]:
    """Whether the answer only repeats the prompt."""
    asked, said = _folded(case.prompt.text), _folded(case.answer.text)
    same = len(said) >= _MIN_ECHO and said == asked
    if same or (len(asked) >= _LONG_ECHO and said.startswith(asked) and len(said) < 1.1 * len(asked)):
        yield Reason("echoes_prompt", "The answer only repeats the prompt.")


def find_cut(case: Case) -> Iterator[Reason]:
    """Whether the answer was cut off: said by the server, an open code block, or a text that ends mid-sentence."""
    finish = (case.request.finish_reason or "").casefold()
    if finish in _LENGTH_STOPS:
        yield Reason("cut_off", "The answer was cut off at the limit of its length.")
        return
    blocks = case.answer.blocks
    if blocks and not blocks[-1].closed:
        # Small models forget the fence at the end of an answer that is complete.
        complete = finish != "" or _is_complete(blocks[-1])
        yield Reason("cut_off", "The answer ends inside a code block.", rejects=not complete)
    elif _ends_mid_sentence(case, stopped=finish != ""):
        yield Reason("cut_off", "The answer ends in the middle of a sentence.")


def _dotted(text: str) -> str:
    return text.replace("\u2026", "...")


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _is_complete(block: Block) -> bool:
    if block.label not in PYTHON_LABELS:
        return False
    try:
        parse_python(block.text)
    except (SyntaxError, TooLong):
        return False
    return True


def _ends_mid_sentence(case: Case, *, stopped: bool) -> bool:
    """`stopped`: the model is known to have ended by itself; only an end that is none at all counts then."""
    text, lines = case.answer.text, case.answer.lines
    if not lines or len(text) < _MIN_TEXT or text.endswith("~~~") or _is_ended(text):
        return False
    last, before = lines[-1], lines[:-1]
    if _NO_SENTENCE.search(last[-_LAST_WORDS:]):
        return False
    dangling = expression("answer.dangling").search(last[-_LAST_WORDS:]) is not None
    if _LIST_ITEM.match(last):
        return not stopped and len(last) >= _MIN_ITEM and _items_end(before, 0.5 if dangling else 0.9)
    if len(last) < _MIN_LAST_LINE:
        return False
    # Only where the text has full stops at all does a missing one say something.
    long = [line for line in before if len(line) >= _MIN_LAST_LINE and not _LIST_ITEM.match(line)]
    return dangling or (not stopped and (_SENTENCE_END.search(last) is not None or _share_ended(long) > 0.5))


def _items_end(lines: list[str], share: float) -> bool:
    """Whether there are several list items, and at least `share` of them end like sentences."""
    items = [line for line in lines if len(line) >= _MIN_ITEM and _LIST_ITEM.match(line)]
    return len(items) >= _MIN_ITEMS and _share_ended(items) >= share


def _share_ended(lines: list[str]) -> float:
    return sum(map(_is_ended, lines)) / len(lines) if lines else 0.0


def _is_ended(line: str) -> bool:
    """Whether a line ends in anything but a word, a comma or a dash."""
    return _ENDED.match(line[-1:]) is not None
