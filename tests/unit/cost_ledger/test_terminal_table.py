"""Tables for the terminal."""

from __future__ import annotations

from services.cost_ledger.table import plain, shorten, table


def test_columns_are_as_wide_as_their_widest_cell_and_numbers_stand_right() -> None:
    assert table(("NAME", "N"), [("ada", "1,000"), ("lovelace", "7")], right=frozenset({1})) == [
        "NAME          N",
        "ada       1,000",
        "lovelace      7",
    ]


def test_lines_do_not_end_in_blanks() -> None:
    assert table(("A", "B"), [("1", "")]) == ["A  B", "1"]


def test_a_table_without_rows_is_its_head() -> None:
    assert table(("A", "B"), []) == ["A  B"]


def test_a_cut_text_shows_that_it_was_cut() -> None:
    assert shorten("abcd", 4) == "abcd"
    assert shorten("abcde", 4) == "abc…"


def test_control_characters_are_not_printed() -> None:
    assert plain("a\x1b[2J\nZoë") == "a?[2J?Zoë"
    assert table(("A",), [("x\ny",)]) == ["A", "x?y"]
