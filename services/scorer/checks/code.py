"""Code blocks that do not parse: Python by its own parser, JSON and TOML by the standard library's."""

from __future__ import annotations

import json
import re
import textwrap
import tomllib
from collections.abc import Callable, Iterator

from services.scorer.checks.expressions import expression
from services.scorer.checks.python_source import MAX_TOKENS, PYTHON_LABELS, TooLong, count_tokens, parse_python
from services.scorer.checks.reading import Block
from services.scorer.checks.verdict import Case, Reason

_NAMES = dict.fromkeys(PYTHON_LABELS, "Python") | {"json": "JSON", "toml": "TOML"}
_MAX_CHARACTERS = 60_000

_PROMPT_LINE = re.compile(r"^\s*(?:>>>|\.\.\.|In \[\d+\]:)(?: |$)", re.MULTILINE)
_LIKE_PYTHON = re.compile(
    r"\bdef \w+\(|^import [\w.]+(?: as \w+)?$|^from [\w.]+ import|\bself\.|\belif\b|\bprint\(|\brange\(", re.MULTILINE
)
_SHELL_LINE = re.compile(r"^([ \t]*)(?:[%!][^\n]*|\$ [^\n]*)$", re.MULTILINE)
# What the reader is to put in: <name of your file>.
_BLANK = re.compile(r"<[A-Za-z][\w .,'/-]{2,80}>")
_REMARK = re.compile(r"^\s*//.*$|\s//\s.*$|^\s*\.\.\.,?\s*$", re.MULTILINE)
_LEFT_OUT = re.compile(r"^([ \t]*)(?:\.\.\.|\u2026)[^\n]*$", re.MULTILINE)


def find_broken_code(case: Case) -> Iterator[Reason]:
    """At most one reason. The largest block rejects when code was asked for, any other only lowers the confidence."""
    blocks = [block for block in case.answer.blocks if block.label in _NAMES and block.text.strip()]
    if not blocks or expression("prompt.about_broken_code").search(case.task):
        return
    budget = MAX_TOKENS
    largest = max(blocks, key=lambda block: len(block.text))
    for block in [largest, *(block for block in blocks if block is not largest)]:
        budget -= count_tokens(block.text) if len(block.text) <= _MAX_CHARACTERS else MAX_TOKENS
        if budget < 0:
            return
        if not _parses(block) and block.text.strip() not in case.prompt.text:
            asked = expression("prompt.for_code").search(case.task) is not None
            rejects = block is largest and asked and _is_meant(block, case)
            # A block that is open was cut, which is said elsewhere.
            if block.closed:
                yield Reason("code_does_not_parse", f"A {_NAMES[block.label]} block does not parse.", rejects=rejects)
            return


def _is_meant(block: Block, case: Case) -> bool:
    """Whether a block is in the language of its label: models put "python" over what they have no label for."""
    name = _NAMES[block.label].casefold()
    return name in case.task.casefold() or (name == "python" and _LIKE_PYTHON.search(block.text) is not None)


def _parses(block: Block) -> bool:
    if block.label in PYTHON_LABELS:
        return any(_is_python(source) for source in _python_readings(block.text))
    if block.label == "toml":
        return _accepts(tomllib.loads, block.text)
    lines = [line for line in block.text.splitlines() if line.strip()]
    # Several objects, one a line, are JSON Lines; pieces of objects, remarks and dots are common in explanations.
    candidates = (
        block.text,
        f"{{{block.text.strip().rstrip(',')}}}",
        _REMARK.sub("", block.text),
    )
    return any(_accepts(json.loads, text) for text in candidates) or all(_accepts(json.loads, line) for line in lines)


def _python_readings(text: str) -> Iterator[str]:
    """The text as it stands, and as it is meant: a piece of a body, a transcript, parts left to the reader."""
    yield text
    if _PROMPT_LINE.search(text):
        typed = (line for line in text.splitlines() if _PROMPT_LINE.match(line))
        text = "\n".join(_PROMPT_LINE.sub("", line, count=1) for line in typed)
    plain = textwrap.dedent(_LEFT_OUT.sub(r"\1...", _SHELL_LINE.sub(r"\1pass", text)))
    yield _with_bodies(_BLANK.sub("None", plain))


def _with_bodies(source: str) -> str:
    """`source` with a body for every header that has none, or only a remark."""
    lines = source.splitlines()
    done: list[str] = []
    for at, line in enumerate(lines):
        done.append(line)
        if line.rstrip().endswith(":"):
            following = next(
                (text for text in lines[at + 1 :] if text.strip() and not text.lstrip().startswith("#")), ""
            )
            depth = len(line) - len(line.lstrip())
            if len(following) - len(following.lstrip()) <= depth:
                done.append(" " * (depth + 4) + "pass")
    return "\n".join(done)


def _is_python(source: str) -> bool:
    try:
        parse_python(source)
    except SyntaxError:
        return False
    except TooLong:
        pass
    return True


def _accepts(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except (ValueError, RecursionError):
        return False
    return True
