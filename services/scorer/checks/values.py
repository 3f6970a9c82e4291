"""What a final answer says, in a form in which equal answers compare equal."""

from __future__ import annotations

import ast
import json
import re
import unicodedata
from collections.abc import Hashable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from services.scorer.checks.numbers import Number, plain_latex, read_number
from services.scorer.checks.python_source import TooLong, parse_python

_MAX_LITERAL = 4_000
_MAX_DEPTH = 30
_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "„": "“", "«": "»", "「": "」", "\u2018": "\u2019"}
_LITERAL = re.compile(r"[\[({'\"rbuf]|True|False|None|true|false|null")
_NOTHING_SAID = re.compile(r"[\s?_.\u2026\-*]*")
_CHOICE = re.compile(r"(?:option |choice )?\(?([A-J])\)?[.:]?", re.IGNORECASE)
_ARTICLE = re.compile(r"(?:the|an?|der|die|das|le|la|les|el|los|las|il|lo|os|as) (?=\S{2})")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Value:
    """An answer's value. `exact` minds case and punctuation, `loose` does not; a `number` goes before both.

    `literal`: it was written as a quoted string or a container, as answers about code are.
    """

    exact: Hashable
    loose: Hashable
    number: Number | None = None
    literal: bool = False

    def same(self, other: Value, *, exact: bool) -> bool:
        """Whether both say the same; `exact` when case and punctuation count, and rounding does not help."""
        if self.number is not None and other.number is not None:
            return self.number.value == other.number.value if exact else self.number.same(other.number)
        return self.exact == other.exact if exact else self.loose == other.loose


def read_value(text: str) -> Value | None:
    r"""The value of a final answer such as "42", "\frac{1}{2}", "[1, 2]", "(B)" or "Paris"; None for no value."""
    said = text.strip()
    if said[:2] == said[-2:] == "**" and len(said) > 4:
        said = said[2:-2].strip()
    number = _number(said)
    if number is not None:
        return Value(number.value, number.value, number)
    literal = _read_literal(said)
    if literal is not None and not isinstance(literal[0], str):
        return _of_literal(*literal)
    inner = literal[0] if literal is not None else _unquoted(said)
    if inner is None:
        return None if _NOTHING_SAID.fullmatch(said) else Value(said, _loose(said))
    number = _number(inner) if inner == inner.strip() else None
    if number is not None:
        return Value(number.value, number.value, number, literal=True)
    return Value(inner, _loose(inner), literal=True)


def loose_phrase(text: str) -> str:
    """`text` without case, typography, markup and doubled spaces: for finding one phrase in another."""
    plain = plain_latex(unicodedata.normalize("NFKC", text)).replace("*", "").replace("`", "")
    return _SPACE.sub(" ", plain).strip(" .!,;:\u3002\uff01\"'").casefold()


def _number(text: str) -> Number | None:
    """A number, also after the last equals sign of "x = 5"; digits with a leading zero are a name, not a number."""
    if text[:1] == "0" and text[1:2].isdigit():
        return None
    return read_number(text) or ("=" in text and "," not in text and read_number(text.rpartition("=")[2])) or None


def _of_literal(literal: Any, key: Hashable) -> Value:
    if isinstance(key, Fraction):
        return Value(key, key, Number(key, None, ""))
    return Value(key, key, literal=isinstance(literal, list | tuple | dict | set))


def _read_literal(text: str) -> tuple[Any, Hashable] | None:
    """The Python or JSON literal that `text` is, with its canonical key; None when it is not one."""
    if len(text) > _MAX_LITERAL or not _LITERAL.match(text):
        return None
    try:
        value = ast.literal_eval(parse_python(text, "eval"))
        return value, _canonical(value)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError, TooLong):
        pass
    try:
        value = json.loads(text)
        return value, _canonical(value)
    except (ValueError, RecursionError):
        return None


def _canonical(value: Any, depth: int = 0) -> Hashable:
    """Equal for equal values of equal type, numbers aside: 1 and 1.0 are one, 1 and True are two.

    ValueError when it is nested deeper than anybody would compare by eye.
    """
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, list | tuple):
        return type(value).__name__, tuple(_canonical(item, depth + 1) for item in value)
    if isinstance(value, dict):
        pairs = ((_canonical(key, depth + 1), _canonical(item, depth + 1)) for key, item in value.items())
        return "dict", frozenset(pairs)
    if isinstance(value, set):
        return "set", frozenset(_canonical(item, depth + 1) for item in value)
    if isinstance(value, bool) or value is None:
        return str(value).casefold()
    if isinstance(value, int | float) and abs(value) < float("inf"):
        return Fraction(value) if isinstance(value, int) else Fraction(str(value))
    return type(value).__name__, repr(value)


def _unquoted(text: str) -> str | None:
    if len(text) >= 2 and _QUOTES.get(text[0]) == text[-1]:
        return text[1:-1]
    return None


def _loose(text: str) -> str:
    choice = _CHOICE.fullmatch(text.strip())
    if choice:
        return choice[1].casefold()
    phrase = _ARTICLE.sub("", loose_phrase(text), count=1)
    # In formulas spaces say nothing.
    return phrase.replace(" ", "") if "\\" in text or "=" in text else phrase
