"""Request bodies checked against JSON Schema, with errors that name the field."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from flask import request
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from services.runtime.errors import BadRequest


@cache
def load_schema(path: Path) -> Draft202012Validator:
    """The validator of a JSON Schema file, read and checked once."""
    schema = json.loads(path.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def parse_body(validator: Draft202012Validator) -> Any:
    """The JSON body of the current request; BadRequest when it is not JSON or not as the schema says."""
    try:
        body = json.loads(request.get_data(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise BadRequest("The body is not valid JSON.", code="invalid_json") from None
    error = best_match(validator.iter_errors(body))
    if error is not None:
        raise BadRequest(describe(error), field=error.json_path.removeprefix("$").removeprefix("."))
    return body


def describe(error: ValidationError) -> str:
    """One sentence on a schema violation that names the field and does not echo a long value."""
    where = error.json_path.removeprefix("$").removeprefix(".") or "the body"
    problem = error.message
    if len(problem) > 200 and error.validator in ("additionalProperties", "unevaluatedProperties"):
        problem = f"{problem[:200]} ..."
    elif len(problem) > 200:
        problem = f"does not satisfy {error.validator}: {json.dumps(error.validator_value)[:100]}"
    return f"{where}: {problem}"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
