"""Secrets belong in credentials, never in a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from workflows.documents import Document
from workflows.problems import Problem

KNOWN_SECRETS = {
    "an Anthropic key": re.compile(r"sk-ant-[\w-]{4,}"),
    "an API key": re.compile(r"\b(?:hai-|sk-|xox[abp]-|gh[pousr]_|github_pat_|AKIA)[A-Za-z0-9_-]{8,}"),
    "a bearer token": re.compile(r"\bBearer\s+(?=[\w.~+/-]*\d)[\w.~+/-]{8,}"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a password in a URL": re.compile(r"://[^/\s:@{}<>]+:[^/\s:@{}<>$]+@"),
}
HEX = re.compile(r"\b[0-9a-fA-F]{32,}\b")
# Long, without blanks, with capitals, small letters and at least three digits: no word of ours looks like that.
RANDOM = re.compile(r"(?=[\w+=-]*[A-Z])(?=[\w+=-]*[a-z])(?=(?:[\w+=-]*\d){3})[\w+=-]{32,}")


def secret_in_text(document: Document) -> Iterator[Problem]:
    """No text of the file looks like a key, a token or a password, and no header is authorised by hand."""
    content = {key: value for key, value in document.content.items() if key != "nodes"}
    places: list[tuple[str, Any]] = [("", content)]
    nodes = document.content.get("nodes")
    for node in nodes if isinstance(nodes, list) else []:
        if isinstance(node, dict):
            places.append((str(node.get("name", "")), node))
    for name, value in places:
        for path, text in _texts(value, ""):
            kind = _kind_of_secret(text)
            if kind:
                advice = f"{path} looks like {kind}: put it into a credential (and replace it, as it was in a file)"
                yield Problem(document.file, name, "secret", advice)


def _kind_of_secret(text: str) -> str:
    for kind, pattern in KNOWN_SECRETS.items():
        if pattern.search(text):
            return kind
    if HEX.search(text) or RANDOM.search(text):
        return "a token"
    return ""


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, f"{path}[{index}]")
