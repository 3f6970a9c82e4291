"""Parsing Python that a model wrote: bounded in time, quiet, and nothing but a syntax tree or an error comes out."""

from __future__ import annotations

import ast
import re
import warnings

# About 3 µs a token in CPython 3.11, the densest code included.
MAX_TOKENS = 5_000
PYTHON_LABELS = frozenset({"python", "py", "python3"})
_MAX_CHARACTERS = 60_000
_TOKEN = re.compile(r"\w+|[^\w\s]")
_NAME = "<a checked answer>"

# Warnings about odd escapes and literals are not ours to print. A filter for this module name is safe
# with threads, which warnings.catch_warnings is not.
warnings.filterwarnings("ignore", module=re.escape(_NAME))


class TooLong(Exception):
    """The source is too long to be parsed in the time that a check may take."""


def parse_python(source: str, mode: str = "exec") -> ast.AST:
    """The tree of `source`; SyntaxError when it has none, TooLong beyond MAX_TOKENS. Nothing else is raised."""
    if len(source) > _MAX_CHARACTERS or count_tokens(source) > MAX_TOKENS:
        raise TooLong
    try:
        return ast.parse(source, _NAME, mode)
    except (ValueError, RecursionError, MemoryError) as error:  # null bytes, lone surrogates, deep nesting
        if isinstance(error, SyntaxError):
            raise
        raise SyntaxError(str(error)) from None


def count_tokens(source: str) -> int:
    """About as many tokens as the parser sees."""
    return sum(1 for _ in _TOKEN.finditer(source))
