"""The ledger's books against the provider's: which days count, what differs, and how that is told."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from services.cost_ledger.reconcile.books import KINDS, Books, Figures, Key
from services.cost_ledger.reconcile.compare import Gap, compare
from services.cost_ledger.reconcile.report import document, text, verdict

HAIKU, SONNET = "claude-haiku-5-5", "claude-sonnet-5-5"


ONE_MORE = {
    "input": Figures(input=1),
    "output": Figures(output=1),
    "cache_read": Figures(cache_read=1),
    "cache_write_5m": Figures(cache_write_5m=1),
    "cache_write_1h": Figures(cache_write_1h=1),
}


def day(number: int) -> date:
    return date(2026, 11, number)


def books(name: str, figures: dict[Key, Figures], first: int = 1, last: int = 10, **kinds: Any) -> Books:
    return Books(name, day(first), day(last), figures, **kinds)


def ledger(figures: dict[Key, Figures], first: int = 1, last: int = 10) -> Books:
    return books("ledger", figures, first, last)


def export(figures: dict[Key, Figures], first: int = 1, last: int = 10, **kinds: Any) -> Books:
    return books("export", figures, first, last, **{"has_cost": False, **kinds})


def costs(ours: str, theirs: str, leeway: str) -> Any:
    paid = ledger({(day(1), HAIKU): Figures(cost=Decimal(ours))})
    billed = {(day(1), HAIKU): Figures(cost=Decimal(theirs), leeway=Decimal(leeway))}
    return compare(paid, export(billed, has_tokens=False, has_cost=True))


def test_equal_books_are_equal_and_say_so() -> None:
    figures = {(day(1), HAIKU): Figures(1, 2, 3, 4, 5), (day(10), SONNET): Figures(6)}
    result = compare(ledger(figures), export(figures))
    assert result.equal
    assert verdict(result) == (
        "Equal: the ledger and the export agree on every token, 2026-11-01 to 2026-11-10 (10 days)."
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_token_of_any_kind_makes_the_books_differ(kind: str) -> None:
    ours, theirs = Figures(5, 5, 5, 5, 5), Figures(5, 5, 5, 5, 5) + ONE_MORE[kind]
    result = compare(ledger({(day(1), HAIKU): ours}), export({(day(1), HAIKU): theirs}))
    assert not result.equal
    assert list(result.differences) == [(day(1), HAIKU)]
    words = {"cache_read": "cache read", "cache_write_5m": "5m cache write", "cache_write_1h": "1h cache write"}
    assert verdict(result).endswith(f" The export has 1 {words.get(kind, kind)} token more.")


def test_a_model_or_a_day_of_one_side_only_differs_from_nothing() -> None:
    result = compare(ledger({(day(1), HAIKU): Figures(7)}), export({(day(2), SONNET): Figures(0, 9)}))
    assert list(result.differences) == [(day(1), HAIKU), (day(2), SONNET)]
    assert verdict(result) == (
        "The books differ on 2 of 10 days, 2026-11-01 to 2026-11-10. "
        "The ledger has 7 input tokens more. The export has 9 output tokens more."
    )


def test_tokens_that_slipped_to_another_day_are_not_hidden_by_equal_totals() -> None:
    result = compare(ledger({(day(1), HAIKU): Figures(7)}), export({(day(2), HAIKU): Figures(7)}))
    assert not result.equal
    assert verdict(result).endswith("The totals agree, but not day by day and model by model.")


def test_only_days_that_both_cover_are_compared_and_the_others_listed() -> None:
    ours = ledger({(day(3), HAIKU): Figures(1), (day(9), HAIKU): Figures(5)}, 3, 9)
    theirs = export({(day(1), HAIKU): Figures(5), (day(3), HAIKU): Figures(1)}, 1, 6)
    result = compare(ours, theirs)
    assert result.equal
    assert (result.first, result.last, result.days) == (day(3), day(6), 4)
    assert result.gaps == [Gap("ledger", day(7), day(9)), Gap("export", day(1), day(2))]
    assert text(result)[-2:] == [
        "Not compared: 2026-11-07 to 2026-11-09, covered only by the ledger.",
        "Not compared: 2026-11-01 to 2026-11-02, covered only by the export.",
    ]


def test_all_days_are_compared_when_asked_for() -> None:
    ours = ledger({(day(9), HAIKU): Figures(5)}, 3, 9)
    result = compare(ours, export({(day(1), HAIKU): Figures(5)}, 1, 6), all_days=True)
    assert (result.first, result.last, result.gaps) == (day(1), day(9), [])
    assert len(result.differences) == 2


@pytest.mark.parametrize(("ours", "theirs"), [((1, 3), (5, 6)), ((5, 6), (1, 3))])
def test_books_without_a_common_day_are_neither_equal_nor_different(
    ours: tuple[int, int], theirs: tuple[int, int]
) -> None:
    result = compare(ledger({}, *ours), export({}, *theirs))
    assert (result.equal, result.days, result.differences) == (False, 0, {})
    lines = text(result)
    assert lines[0] == "Nothing was compared: the ledger and the export have no day in common."
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("ours", "theirs", "leeway", "equal"),
    [
        ("1.004", "1.00", "0.005", True),
        ("1.005", "1.00", "0.005", True),
        ("1.0051", "1.00", "0.005", False),
        ("0.9949", "1.00", "0.005", False),
        ("1.000001", "1.00", "0", False),
    ],
)
def test_costs_may_differ_by_the_rounding_of_the_export_and_no_more(
    ours: str, theirs: str, leeway: str, equal: bool
) -> None:
    assert costs(ours, theirs, leeway).equal is equal


def test_the_verdict_on_costs_names_the_side_that_has_more() -> None:
    end = "2026-11-01 to 2026-11-10"
    assert (
        verdict(costs("1.25", "1.00", "0")) == f"The books differ on 1 of 10 days, {end}. The ledger has 0.25 USD more."
    )
    assert verdict(costs("1.00", "1.25", "0")).endswith("The export has 0.25 USD more.")
    assert (
        verdict(costs("1.00", "1.00", "0")) == f"Equal: the ledger and the export agree on the cost, {end} (10 days)."
    )
    assert "agree on the cost, to the export's rounding, " in verdict(costs("1.001", "1.00", "0.005"))


def test_tokens_are_not_compared_with_an_export_that_has_none() -> None:
    ours = {(day(1), HAIKU): Figures(5, cost=Decimal(1))}
    billed = export({(day(1), HAIKU): Figures(cost=Decimal(1))}, has_tokens=False, has_cost=True)
    result = compare(ledger(ours), billed)
    assert result.equal
    assert "INPUT" not in "".join(text(result))


def test_the_table_shows_what_differs_and_the_totals() -> None:
    ours = {
        (day(1), HAIKU): Figures(1000, 200, cost=Decimal("0.5"), unpriced=2),
        (day(2), HAIKU): Figures(7, cost=Decimal("0.1")),
        (day(2), "a model with a name of more than eighteen letters"): Figures(1),
    }
    theirs = {
        (day(1), HAIKU): Figures(2500, 200, 30, cost=Decimal("0.75")),
        (day(2), HAIKU): Figures(7, cost=Decimal("0.1")),
    }
    lines = text(compare(ledger(ours, 1, 2), export(theirs, 1, 2, has_cost=True)))
    assert lines == [
        "Ledger minus export, UTC days. +: the ledger has more, -: it has less, .: the same.",
        "",
        "DAY         MODEL                INPUT  OUTPUT  CACHE READ  5M WRITE  1H WRITE  COST USD",
        "2026-11-01  claude-haiku-5-5    -1,500       .         -30         .         .   -0.2500",
        "2026-11-02  a model with a na…      +1       .           .         .         .         .",
        "LEDGER                           1,008     200           0         0         0    0.6000",
        "PROVIDER                         2,507     200          30         0         0    0.8500",
        "DIFFERENCE                      -1,499       .         -30         .         .   -0.2500",
        "",
        "The books differ on 2 of 2 days, 2026-11-01 to 2026-11-02. The export has 1,499 input and 30 cache",
        "read tokens more. The export has 0.25 USD more.",
        "Requests in the ledger without a known price, left out of its cost: 2.",
    ]


def test_the_table_fits_a_line_also_with_hundreds_of_millions_of_tokens() -> None:
    n = 987_654_321
    many = Figures(n, n, n, n, n, Decimal("345.678"))
    result = compare(ledger({(day(1), SONNET): many}), export({}, has_cost=True))
    lines = text(result)
    assert max(map(len, lines)) <= 100
    assert "+987654321" in lines[3]


def test_the_document_tells_both_sides_of_each_difference() -> None:
    ours, theirs = {(day(1), HAIKU): Figures(5, cost=Decimal("0.10"))}, {(day(1), HAIKU): Figures(7)}
    told = document(compare(ledger(ours, 1, 2), export(theirs, 1, 1)))
    zero = {"ledger": 0, "provider": 0, "difference": 0}
    tokens = {
        "input": {"ledger": 5, "provider": 7, "difference": -2},
        **dict.fromkeys(("output", "cache_read", "cache_write_5m", "cache_write_1h"), zero),
    }
    assert told == {
        "equal": False,
        "verdict": told["verdict"],
        "compared_with": "export",
        "from": "2026-11-01",
        "to": "2026-11-01",
        "days": 1,
        "differences": [{"day": "2026-11-01", "model": HAIKU, "tokens": tokens}],
        "totals": {"tokens": tokens},
        "not_compared": [{"from": "2026-11-02", "to": "2026-11-02", "only_in": "ledger"}],
        "unpriced_requests": 0,
    }
    assert document(costs("1.25", "1.00", "0"))["totals"] == {
        "cost": {"ledger": "1.25", "provider": "1.00", "difference": "0.25"}
    }
