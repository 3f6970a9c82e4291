"""How a workflow file is called and written."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workflows.documents import Document, canonical
from workflows.problems import Problem

# chat.json, cost-alert.json: an area, or an area and what is done in it.
FILE_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*){0,2}\.json")


def odd_file_name(document: Document) -> Iterator[Problem]:
    """Files are called `<area>-<verb>.json`, or by one plain word where that says it all: `chat.json`."""
    if not FILE_NAME.fullmatch(document.file):
        advice = "rename it to <area>-<verb>.json: one to three lower-case words"
        yield Problem(document.file, "", "file-name", advice)


def odd_form(document: Document) -> Iterator[Problem]:
    """Files are written in one form, so that a difference is always a change of meaning."""
    wanted = canonical(document.content)
    if document.text == wanted:
        return
    lines, wanted_lines = document.text.splitlines(), wanted.splitlines()
    pairs = enumerate(zip(lines, wanted_lines, strict=False), start=1)
    differing = next((number for number, (line, other) in pairs if line != other), min(len(lines), len(wanted_lines)))
    advice = "write it with sorted keys, two spaces and a newline at the end"
    yield Problem(document.file, "", "form", f"line {differing} is not in canonical form: {advice}")
