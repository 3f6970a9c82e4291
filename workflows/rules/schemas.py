"""JSON Schemas: n8n's own of a workflow, and the stricter one of this project."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from workflows.documents import WORKFLOWS_DIR, Document
from workflows.problems import Problem


def schema_problems(document: Document, n8n_schema: Mapping[str, Any]) -> Iterator[Problem]:
    """What either schema refuses: rules "n8n-schema" and "schema"."""
    yield from _problems(document, "n8n-schema", Draft202012Validator(n8n_schema))
    yield from _problems(document, "schema", _own_validator())


@cache
def _own_validator() -> Draft202012Validator:
    path = WORKFLOWS_DIR / "schemas" / "workflow.schema.json"
    return Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))


def _problems(document: Document, rule: str, validator: Draft202012Validator) -> Iterator[Problem]:
    for error in validator.iter_errors(document.content):
        yield Problem(document.file, _node_name(document, error), rule, _message(error))


def _node_name(document: Document, error: ValidationError) -> str:
    path = list(error.absolute_path)
    if len(path) < 2 or path[0] != "nodes":
        return ""
    node = document.content["nodes"][path[1]]
    return str(node.get("name", "")) if isinstance(node, dict) else ""


def _message(error: ValidationError) -> str:
    """Where it is, what is wrong, and what the schema says should be there."""
    where = error.json_path.removeprefix("$").removeprefix(".") or "workflow"
    advice = error.schema.get("description") if isinstance(error.schema, dict) else None
    advice = advice or {"additionalProperties": "remove it", "required": "add it"}.get(str(error.validator))
    if error.validator == "not":
        return f"{where} must not be there: {advice}"
    return f"{where}: {error.message[:200]}" + (f": {advice}" if advice else "")
