"""Tables for the terminal: aligned columns that fit a line of 100 characters."""

from __future__ import annotations

from collections.abc import Sequence

WIDTH = 100
_GAP = "  "


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()) -> list[str]:
    """Lines of aligned columns under their heads; the columns numbered in `right` stand to the right."""
    lines = [list(map(plain, line)) for line in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        _GAP.join(_cell(*each, right) for each in zip(line, widths, range(len(line)), strict=True)).rstrip()
        for line in lines
    ]


def plain(text: str) -> str:
    """The text with a question mark for each character that could move the cursor or end the line."""
    return "".join(character if character.isprintable() else "?" for character in text)


def shorten(text: str, width: int) -> str:
    """The text, cut to `width` characters with an ellipsis at its end when it is longer."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _cell(text: str, width: int, column: int, right: frozenset[int]) -> str:
    return text.rjust(width) if column in right else text.ljust(width)
