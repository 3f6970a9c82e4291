"""The stylesheet's colours: contrast as WCAG 2.2 AA asks for it, and series that colour-blind people tell apart."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest

import services.cost_ledger.page as page

_STYLE = (Path(page.__file__).parent / "static" / "costs.css").read_text("utf-8")
_LIGHT, _DARK = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block)) for block in _STYLE.split("@media")[:2])
SCHEMES = {"light": _LIGHT, "dark": _DARK}
SERIES = ("one", "two", "three", "four", "five", "six")
# Linear RGB as people see it who lack one kind of cone (Viénot, Brettel and Mollon, 1999).
BLINDNESS = {
    "protanopia": ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)),
    "deuteranopia": ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)),
}

Colour = tuple[float, ...]


def linear(colour: str) -> Colour:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return tuple(one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels)


def contrast(one: str, other: str) -> float:
    light = sorted(0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in (linear(one), linear(other)))
    return (light[1] + 0.05) / (light[0] + 0.05)


def lab(colour: Colour) -> Colour:
    """CIE L*a*b* of a linear sRGB colour, in daylight."""
    red, green, blue = colour
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    x, y, z = (one ** (1 / 3) if one > 0.008856 else 7.787 * one + 16 / 116 for one in (x, y, z))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def seen(colour: str, blindness: str) -> Colour:
    rgb = linear(colour)
    matrix = BLINDNESS[blindness]
    return lab(tuple(max(0.0, sum(part * channel for part, channel in zip(row, rgb, strict=True))) for row in matrix))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("ground", ["ground", "card"])
@pytest.mark.parametrize("ink", ["ink", "quiet", "accent", "near", "close", "spent"])
def test_text_has_a_contrast_of_4_5(scheme: str, ground: str, ink: str) -> None:
    assert contrast(SCHEMES[scheme][ink], SCHEMES[scheme][ground]) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_button_has_a_contrast_of_4_5(scheme: str) -> None:
    assert contrast(SCHEMES[scheme]["on-accent"], SCHEMES[scheme]["accent"]) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("colour", SERIES)
def test_drawings_have_a_contrast_of_3(scheme: str, colour: str) -> None:
    assert contrast(SCHEMES[scheme][colour], SCHEMES[scheme]["card"]) >= 3


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("blindness", BLINDNESS)
def test_series_differ_for_colour_blind_people(scheme: str, blindness: str) -> None:
    colours = {name: seen(SCHEMES[scheme][name], blindness) for name in SERIES}
    for one, other in combinations(SERIES, 2):
        difference = sum((a - b) ** 2 for a, b in zip(colours[one], colours[other], strict=True)) ** 0.5
        assert difference >= 12, f"{one} and {other}"  # 2.3 is just noticeable side by side
