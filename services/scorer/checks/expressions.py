"""The regular expressions of `expressions.toml`, by name."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("expressions.toml")


@cache
def expression(name: str) -> re.Pattern[str]:
    """The expression `name`, such as "prompt.for_code"; KeyError when there is none."""
    section, _, key = name.partition(".")
    return re.compile(joined(_document()[section][key]), re.IGNORECASE)


def joined(lines: str) -> str:
    """An expression that is written over several lines."""
    return "".join(map(str.strip, lines.splitlines()))


@cache
def _document() -> dict[str, dict[str, str]]:
    document: dict[str, dict[str, str]] = tomllib.loads(_FILE.read_text("utf-8"))
    return document
