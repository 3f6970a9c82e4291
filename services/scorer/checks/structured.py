"""JSON where JSON was asked for, and fitting its schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from services.scorer.checks.expressions import expression
from services.scorer.checks.schema_fit import NotDecided, misfit
from services.scorer.checks.verdict import Case, Reason

_MAX_DIGITS = 4_000


def find_bad_json(case: Case) -> Iterator[Reason]:
    """Whether the answer is the JSON that was asked for by a parameter, a schema, or plain words in the prompt."""
    required, schema = case.request.needs_json, case.request.schema
    if not required and schema is None and not _asked_in_words(case.task):
        return
    text = case.answer.text
    blocks = case.answer.blocks
    if len(blocks) == 1 and not case.answer.prose.strip() and blocks[0].label in ("json", ""):
        yield Reason("fenced_json", "The JSON stands in a code block.", rejects=required)
        text = blocks[0].text
    try:
        value = _read(text)
    except (ValueError, RecursionError):
        yield Reason("invalid_json", "JSON was asked for, and the answer is not valid JSON.")
        return
    if schema is not None:
        yield from _check_schema(value, schema)


def _asked_in_words(task: str) -> bool:
    """Whether a task asks for JSON and nothing else."""
    return bool(
        expression("prompt.for_only_json").search(task) and not expression("prompt.about_other_json").search(task)
    )


def _check_schema(value: Any, schema: Any) -> Iterator[Reason]:
    try:
        problem = misfit(value, schema)
    except NotDecided as why:
        yield Reason("schema_not_checked", f"The answer could not be checked against its schema: {why}.", rejects=False)
        return
    if problem is not None:
        yield Reason("schema_mismatch", f"The answer does not fit its schema: {problem}")


def _read(text: str) -> Any:
    """The value of a JSON text; ValueError when it is none, RecursionError when it is nested too deeply."""
    return json.loads(text, parse_constant=_refuse, parse_int=_integer, parse_float=_real)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _integer(digits: str) -> float:
    # Python refuses to read longer ones, JSON does not.
    return int(digits) if len(digits) <= _MAX_DIGITS else float("inf")


def _real(digits: str) -> float:
    # In JSON Schema 1.0 is an integer, and equal to 1.
    number = float(digits)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
