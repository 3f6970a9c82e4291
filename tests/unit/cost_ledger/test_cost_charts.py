"""The charts of the cost page: sizes, names for screen readers, and no way in for foreign markup."""

from __future__ import annotations

from decimal import Decimal
from xml.etree import ElementTree

import pytest

from services.cost_ledger.page.charts import (
    Part,
    Series,
    budget_bar,
    nice_ceiling,
    share_bar,
    small_bar,
    stacked_columns,
)


def series(name: str, style: str, *values: str) -> Series:
    return Series(name, [Decimal(value) for value in values], style)


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314  - our own


def rects(svg: str, *styles: str) -> list[dict[str, str]]:
    return [rect.attrib for rect in parsed(svg).iter("rect") if rect.get("class") in styles]


def test_columns_stack_the_first_series_at_the_bottom_and_to_scale() -> None:
    drawn = stacked_columns(
        "days",
        "Spending",
        "By day.",
        ["a", "b"],
        [series("x", "one", "1", "2"), series("y", "two", "3", "0")],
        Decimal(4),
    )
    first, second = rects(drawn, "one")
    assert (first["y"], first["height"], second["y"], second["height"]) == ("75.000", "25.000", "50.000", "50.000")
    (stacked,) = rects(drawn, "two")  # nothing is drawn for 0
    assert (stacked["x"], stacked["y"], stacked["height"]) == (first["x"], "0.000", "75.000")


def test_every_column_has_a_label_even_where_nothing_is_drawn() -> None:
    drawn = stacked_columns(
        "days", "Spending", "By day.", ["empty", "full"], [series("x", "one", "0", "1")], Decimal(1)
    )
    titles = [group.findtext("title") for group in parsed(drawn).iter("g")]
    assert titles == ["empty", "full"]
    assert len(rects(drawn, "area")) == 2


@pytest.mark.parametrize(
    "drawn",
    [
        stacked_columns("a", "A title", "A description.", ["x"], [], Decimal(1)),
        share_bar("a", "A title", "A description.", []),
        budget_bar("a", "A title", "A description.", [], [0.8]),
    ],
)
def test_a_drawing_is_an_image_with_title_and_description(drawn: str) -> None:
    svg = parsed(drawn)
    title, description = svg.find("title"), svg.find("desc")
    assert title is not None
    assert description is not None
    assert svg.get("role") == "img"
    assert svg.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}" == "a-title a-desc"
    assert (title.text, description.text) == ("A title", "A description.")


def test_a_bar_in_a_table_is_nothing_to_a_screen_reader() -> None:
    svg = parsed(small_bar(0.5, "series-1"))
    assert svg.get("aria-hidden") == "true"
    assert rects(small_bar(0.5, "series-1"), "series-1")[0]["width"] == "500.0"


def test_parts_lie_side_by_side() -> None:
    drawn = share_bar("mix", "t", "d", [Part("x", 0.25, "one"), Part("none", 0, "two"), Part("y", 0.75, "three")])
    found = [(rect["x"], rect["width"]) for rect in rects(drawn, "one", "two", "three")]
    assert found == [("0.0", "250.0"), ("250.0", "750.0")]


def test_a_budget_has_lines_where_its_warnings_begin() -> None:
    drawn = budget_bar("b", "t", "d", [Part("spent", 0.5, "spent ok")], [0.8, 0.95])
    marks = [path.get("d") for path in parsed(drawn).iter("path")]
    assert marks == ["M800.0 0V10", "M950.0 0V10"]


def test_names_cannot_bring_markup_along() -> None:
    evil = '"><script>alert(1)</script>'
    for drawn in (
        stacked_columns("a", evil, evil, [evil], [series(evil, evil, "1")], Decimal(1)),
        share_bar(evil, evil, evil, [Part(evil, 1, evil)]),
        small_bar(1, evil),
    ):
        assert "<script" not in drawn
        parsed(drawn)


@pytest.mark.parametrize(
    ("value", "ceiling"),
    [
        ("0", "1"),
        ("0.0000031", "0.000004"),
        ("0.29", "0.3"),
        ("1", "1"),
        ("1.01", "1.2"),
        ("99", "100"),
        ("101", "120"),
    ],
)
def test_the_upper_edge_is_a_short_number_just_above(value: str, ceiling: str) -> None:
    assert nice_ceiling(Decimal(value)) == Decimal(ceiling)
