"""Workflow files: finding them, reading them, and the one form they are written in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WORKFLOWS_DIR = Path(__file__).parent


@dataclass(frozen=True)
class Document:
    """A workflow file. `content` is empty and `fault` says why when the text is no JSON object."""

    file: str
    text: str
    content: dict[str, Any]
    fault: str = ""


def find_files(folder: Path = WORKFLOWS_DIR) -> list[Path]:
    """The workflow files of `folder`, in the order of their names; folders in it are not searched."""
    return sorted(folder.glob("*.json"))


def read_document(path: Path) -> Document:
    """The file at `path`; its `file` is the bare file name."""
    return parse_document(path.name, path.read_text(encoding="utf-8"))


def parse_document(file: str, text: str) -> Document:
    """`text` as a workflow; a key that occurs twice in one object is a fault, not a silent loss."""
    try:
        content = json.loads(text, object_pairs_hook=_object_without_duplicates)
    except ValueError as error:
        return Document(file, text, {}, str(error))
    if not isinstance(content, dict):
        return Document(file, text, {}, "a workflow is a JSON object")
    return Document(file, text, content)


def canonical(content: dict[str, Any]) -> str:
    """The one text of a workflow: sorted keys, two spaces, no escapes for letters, a newline at the end."""
    return json.dumps(_plain_numbers(content), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    duplicates = sorted({key for key in keys if keys.count(key) > 1})
    if duplicates:
        raise ValueError(f"the key {duplicates[0]!r} occurs twice in one object")
    return dict(pairs)


def _plain_numbers(value: Any) -> Any:
    """n8n is written in JavaScript, where 1.0 is 1."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _plain_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain_numbers(inner) for inner in value]
    return value
