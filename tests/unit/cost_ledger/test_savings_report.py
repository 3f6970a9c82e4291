"""Periods, the machine's rent, and the verdict on savings."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from services.catalog import load_catalogue
from services.cost_ledger.errors import InvalidField
from services.cost_ledger.reports import (
    Period,
    Savings,
    band_starts,
    cost_on,
    machine_cost,
    parse_period,
    rented,
)

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def day(month: int, number: int) -> datetime:
    return datetime(2026, month, number, tzinfo=UTC)


def savings(baseline: str, paid: str, machine: str = "0", requests: int = 3, unpriced: int = 0) -> Savings:
    return Savings("claude-sonnet-5-5", Decimal(baseline), Decimal(paid), Decimal(machine), requests, unpriced)


def test_the_default_period_is_this_month_up_to_now() -> None:
    assert parse_period(None, None, NOW) == Period(day(11, 1), NOW)


def test_both_dates_of_a_period_count_in_full() -> None:
    assert parse_period("2026-10-01", "2026-10-31", NOW) == Period(day(10, 1), day(11, 1))


def test_a_period_takes_times_with_zones() -> None:
    period = parse_period("2026-11-01T02:00:00+02:00", "2026-11-02T00:00:00Z", NOW)
    assert period == Period(day(11, 1), day(11, 2))


@pytest.mark.parametrize(
    ("since", "until", "field"),
    [
        ("soon", None, "from"),
        ("2026-11-31", None, "from"),
        ("2026-11-01T00:00:00", None, "from"),
        (None, "9999-12-31", "to"),
        (None, "2026-11-22Z", "to"),
        ("2026-11-02", "2026-11-01", "to"),
        ("2026-12-24", None, "from"),
    ],
)
def test_a_wrong_period_names_the_parameter(since: str | None, until: str | None, field: str) -> None:
    with pytest.raises(InvalidField) as caught:
        parse_period(since, until, NOW)
    assert caught.value.details == {"field": field}


@pytest.mark.parametrize(
    ("since", "until", "cost"),
    [
        (day(10, 1), day(11, 1), "31"),
        (day(2, 1), day(3, 1), "31"),
        (day(10, 1), day(10, 2), "1"),
        (day(10, 31), day(11, 2), "2.033333"),  # 31/31 + 31/30
        (day(1, 1), day(12, 1), "341"),
    ],
)
def test_each_calendar_month_costs_one_rent(since: datetime, until: datetime, cost: str) -> None:
    assert machine_cost(Period(since, until), Decimal(31)) == Decimal(cost)


def test_the_machine_costs_nothing_before_the_first_entry_or_after_now() -> None:
    assert rented(Period(day(1, 1), day(12, 1)), day(11, 20), NOW) == Period(day(11, 20), NOW)
    assert rented(Period(day(1, 1), day(2, 1)), day(11, 20), NOW) is None
    assert rented(Period(day(1, 1), day(2, 1)), None, NOW) is None
    assert machine_cost(None, Decimal(52)) == 0


def test_net_savings_take_off_what_was_paid_and_the_machine() -> None:
    assert savings("20", "5.50", "2.25").net == Decimal("12.25")


def test_the_verdict_says_what_was_saved() -> None:
    assert savings("20", "5.50", "2.25").verdict == (
        "Routing saved 12.25 USD: the same tokens on claude-sonnet-5-5 would have cost 20.00 USD; "
        "5.50 USD went to providers and 2.25 USD for the machine."
    )


def test_the_verdict_admits_a_loss() -> None:
    assert savings("3", "1", "52").verdict.startswith("Routing lost 50.00 USD: ")
    assert savings("3", "1", "52").document()["net"] == "-50.00"


def test_small_amounts_are_not_rounded_away() -> None:
    assert savings("0.0134", "0.0011").verdict.startswith("Routing saved 0.0123 USD: ")
    assert savings("0.0000123", "0").verdict.startswith("Routing saved 0.000012 USD: ")


def test_the_verdict_says_when_nothing_was_saved_or_nothing_happened() -> None:
    assert savings("1", "1").verdict.startswith("Routing saved nothing: ")
    assert savings("0", "0", requests=0).verdict == "No requests were booked in this period."
    assert savings("0", "0", "52", requests=0).verdict == (
        "No requests were booked in this period. The machine cost 52.00 USD all the same."
    )


def test_the_verdict_mentions_requests_without_a_price() -> None:
    assert savings("3", "1", unpriced=2).verdict.endswith("Not counted: requests without a known price (2).")


def test_sums_of_tokens_are_priced_by_the_band_of_their_prompts() -> None:
    row = load_catalogue().prices("claude-haiku-5-5", NOW)
    bands = band_starts([row, None])
    tokens = {
        "input_tokens": 3_000_000_000,
        "output_tokens": Decimal(1_000_000),
        "cache_read_tokens": 0,
        "cache_write_5m_tokens": 0,
        "cache_write_1h_tokens": 0,
    }
    assert bands == [100_001]
    assert cost_on(row, tokens | {"band": 0}, bands) == Decimal("300.50")
    assert cost_on(row, tokens | {"band": 1}, bands) == Decimal("1502.50")
    assert cost_on(None, tokens | {"band": 0}, bands) == 0
