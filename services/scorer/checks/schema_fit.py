"""Whether a value fits a caller's JSON Schema, in bounded time and without fetching anything.

jsonschema alone would follow a `$ref` to another host, and may take exponential time for a schema that
is made for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from services.runtime.errors import BadRequest
from services.runtime.validation import describe

MAX_SCHEMA_CHARACTERS = 50_000
# About 5 µs a step: one keyword applied to one value.
_MAX_STEPS = 4_000
_STEPS_OF_REFERENCE = 8
_MAX_PATTERN_WORK = 200_000
_MAX_PATTERN = 500
_MAX_PROBLEM = 200


class NotDecided(Exception):
    """The check would take too long, or the schema refers to what is not in it."""


@dataclass
class _Work:
    steps: int = _MAX_STEPS
    pattern_work: int = _MAX_PATTERN_WORK


_work: ContextVar[_Work] = ContextVar("schema_work")
# A repeated group, or one that is referred to, can take exponential time.
_UNBOUNDED = re.compile(r"\)[*+?{]|\\[1-9]|\(\?P=")
_QUANTIFIER = re.compile(r"(?<!\\)[*+?]|\{\d*,\d*\}")


def check_schema(schema: Any) -> None:
    """BadRequest naming the field `schema` when it is not a valid JSON Schema of a reasonable size."""
    try:
        text = json.dumps(schema, sort_keys=True)
    except (ValueError, RecursionError):
        raise BadRequest("schema is nested too deeply.", field="schema") from None
    if len(text) > MAX_SCHEMA_CHARACTERS:
        raise BadRequest(f"schema must have at most {MAX_SCHEMA_CHARACTERS} characters.", field="schema")
    problem = _problem_of(text)
    if problem is not None:
        raise BadRequest(f"schema is not a valid JSON Schema: {problem}", field="schema")


def misfit(value: Any, schema: Any) -> str | None:
    """One sentence on where `value` does not fit `schema`, a valid JSON Schema; None when it fits.

    NotDecided when that cannot be said with the work that is allowed. Formats are not checked, and
    patterns only where matching them is sure to be quick.
    """
    # It would also be matched where `additionalProperties` looks for what is left.
    if "patternProperties" in json.dumps(schema):
        raise NotDecided("it has patterns for names")
    token = _work.set(_Work())
    try:
        error = next(_Bounded(schema, registry=Registry()).iter_errors(value), None)
    except Unresolvable:
        raise NotDecided("it refers to a schema that is not part of it") from None
    except RecursionError:
        raise NotDecided("it is nested too deeply") from None
    except (ArithmeticError, ValueError, re.error) as error:  # numbers beyond a float, an odd $id
        raise NotDecided(f"it cannot be applied ({type(error).__name__})") from None
    finally:
        _work.reset(token)
    return None if error is None else f"{describe(error).rstrip('.')}."


@lru_cache(maxsize=128)
def _problem_of(schema: str) -> str | None:
    """What is wrong with a schema; kept, for callers send the same one again and again."""
    try:
        Draft202012Validator.check_schema(json.loads(schema))
    except SchemaError as error:
        where = error.json_path.removeprefix("$").removeprefix(".") or "it"
        return f"{where}: {error.message[:_MAX_PROBLEM]}"
    except RecursionError:
        return "it is nested too deeply"
    return None


def _counted(name: str, keyword: Any) -> Any:
    cost = _STEPS_OF_REFERENCE if name in ("$ref", "$dynamicRef") else 1

    def apply(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        work = _work.get()
        work.steps -= cost
        if work.steps < 0:
            raise NotDecided("it is too large")
        yield from keyword(validator, wanted, instance, schema) or ()

    return apply


def _pattern(validator: Any, wanted: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and _is_quick(wanted, instance) and not re.search(wanted, instance):
        yield ValidationError(f"does not match {wanted!r}")


def _is_quick(pattern: str, text: str) -> bool:
    """Whether matching is bounded by what is left of the allowance, which it is taken from.

    Without a repeated group the time is a power of the text's length, one for every quantifier.
    """
    work = _work.get()
    cost = (len(text) + 1) ** min(len(_QUANTIFIER.findall(pattern)) + 1, 20)
    if len(pattern) > _MAX_PATTERN or _UNBOUNDED.search(pattern) or cost > work.pattern_work:
        return False
    work.pattern_work -= cost
    return True


def _unique_items(validator: Any, wanted: bool, instance: Any, schema: Any) -> Iterator[ValidationError]:
    # jsonschema compares every pair of objects.
    if not wanted or not isinstance(instance, list):
        return
    if len({json.dumps(item, sort_keys=True) for item in instance}) < len(instance):
        yield ValidationError("has items that are not unique")


_OWN = {"pattern": _pattern, "uniqueItems": _unique_items}
_KEYWORDS = {name: _counted(name, _OWN.get(name, keyword)) for name, keyword in Draft202012Validator.VALIDATORS.items()}
_Bounded: Any = extend(Draft202012Validator, _KEYWORDS)  # type: ignore[no-untyped-call]
