"""Charts as SVG text. Pure: no colours (the stylesheet has them, by class), no text but for titles.

The drawings stretch to the room they get, so that axis labels, which must not stretch, stand beside them in HTML.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup, escape

SERIES = 6
"""The classes series-1 to series-6; what comes after the first five shares the last one."""
_STEPS = tuple(map(Decimal, ("1", "1.2", "1.6", "2", "2.4", "3", "4", "5", "6", "8", "10")))
_HEIGHT, _COLUMN, _GAP = 100, 10, 2


@dataclass(frozen=True)
class Series:
    """A named row of values, one for each column; `style` is the class that colours it."""

    name: str
    values: Sequence[Decimal]
    style: str


@dataclass(frozen=True)
class Part:
    """A named part of a bar; `share` is of the whole bar, from 0 to 1."""

    name: str
    share: float
    style: str


def nice_ceiling(value: Decimal) -> Decimal:
    """A short number not far above `value`, which has a short half, too; 1 for nothing."""
    if value <= 0:
        return Decimal(1)
    power = Decimal(1).scaleb(value.adjusted())
    return next(step * power for step in _STEPS if step * power >= value)


def stacked_columns(
    name: str, title: str, description: str, labels: Sequence[str], series: Sequence[Series], top: Decimal
) -> Markup:
    """A column for each label, the first series at the bottom. `top` is the value at the upper edge.

    `name` makes the ids of title and description unique on the page.
    """
    columns = (_column(index, label, series, top) for index, label in enumerate(labels))
    grid = "".join(f'<path class="grid" d="M0 {y}H{len(labels) * _COLUMN}"/>' for y in (0, _HEIGHT // 2, _HEIGHT))
    return _drawing(name, title, description, (len(labels) * _COLUMN, _HEIGHT), [grid, *columns], "columns")


def share_bar(name: str, title: str, description: str, parts: Iterable[Part]) -> Markup:
    """One bar that is made of parts, from left to right."""
    return _drawing(name, title, description, (1000, 10), list(_side_by_side(parts)), "share")


def budget_bar(name: str, title: str, description: str, parts: Iterable[Part], marks: Iterable[float]) -> Markup:
    """A bar in a frame, with a line at each of `marks` (shares of the whole length)."""
    frame = '<rect class="frame" width="1000" height="10"/>'
    lines = [f'<path class="mark" d="M{1000 * mark:.1f} 0V10"/>' for mark in marks]
    return _drawing(name, title, description, (1000, 10), [frame, *_side_by_side(parts), *lines], "budget")


def small_bar(share: float, style: str) -> Markup:
    """A bar that repeats in a table what a number beside it says, and so is nothing to a screen reader."""
    inside = f'<rect class="{escape(style)}" width="{1000 * share:.1f}" height="10"/>'
    return Markup(  # noqa: S704  - made of escaped text and numbers
        '<svg class="small" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        f"{inside}</svg>"
    )


def _drawing(
    name: str, title: str, description: str, size: tuple[int, int], inside: Sequence[str], style: str
) -> Markup:
    head = (
        f'<svg class="{style}" role="img" aria-labelledby="{escape(name)}-title {escape(name)}-desc"'
        f' viewBox="0 0 {size[0]} {size[1]}" preserveAspectRatio="none" focusable="false">'
        f'<title id="{escape(name)}-title">{escape(title)}</title>'
        f'<desc id="{escape(name)}-desc">{escape(description)}</desc>'
    )
    return Markup(f"{head}{''.join(inside)}</svg>")  # noqa: S704  - made of escaped text and numbers


def _column(index: int, label: str, series: Sequence[Series], top: Decimal) -> str:
    y, pieces = float(_HEIGHT), []
    for one in series:
        height = float(one.values[index] / top) * _HEIGHT
        if height > 0:
            y -= height
            pieces.append(
                f'<rect class="{escape(one.style)}" x="{index * _COLUMN + _GAP / 2:g}" y="{y:.3f}"'
                f' width="{_COLUMN - _GAP}" height="{height:.3f}"/>'
            )
    # An unseen rectangle of the whole height, so that low columns show their label to a pointer, too.
    area = f'<rect class="area" x="{index * _COLUMN}" width="{_COLUMN}" height="{_HEIGHT}"/>'
    return f"<g><title>{escape(label)}</title>{''.join(pieces)}{area}</g>"


def _side_by_side(parts: Iterable[Part]) -> Iterable[str]:
    x = 0.0
    for part in parts:
        width = 1000 * part.share
        if width > 0:
            yield (
                f'<rect class="{escape(part.style)}" x="{x:.1f}" width="{width:.1f}" height="10">'
                f"<title>{escape(part.name)}</title></rect>"
            )
        x += width
