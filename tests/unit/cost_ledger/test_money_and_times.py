"""Amounts and moments as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cost_ledger.money import money, optional_money
from services.cost_ledger.times import format_time, parse_date, parse_time


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0.00"),
        ("0E-9", "0.00"),
        ("1E+3", "1000.00"),
        ("12.5", "12.50"),
        ("0.00700000", "0.007"),
        ("1E-7", "0.0000001"),
        ("-0.0129517", "-0.0129517"),
    ],
)
def test_money_has_no_exponent_and_at_least_cents(amount: str, text: str) -> None:
    assert money(Decimal(amount)) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12))
def test_money_loses_no_digit(amount: Decimal) -> None:
    assert Decimal(money(amount)) == amount
    assert "E" not in money(amount)


def test_an_unknown_amount_stays_unknown() -> None:
    assert optional_money(None) is None
    assert optional_money(Decimal(1)) == "1.00"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T03:10:11Z",
        "2026-11-22t03:10:11z",
        "2026-11-22 03:10:11Z",
        "2026-11-22T05:10:11+02:00",
        "2026-11-21T22:10:11.000-05:00",
        "2026-11-22T03:10:11.000000999Z",
    ],
)
def test_times_with_a_zone_are_understood(text: str) -> None:
    assert parse_time(text) == datetime(2026, 11, 22, 3, 10, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-22",
        "2026-11-22T03:10:11",
        "20261122T031011Z",
        "2026-13-22T03:10:11Z",
        "2026-02-29T03:10:11Z",
        "2026-11-22T25:10:11Z",
        "2026-11-22T03:10:11+99:00",
        "0001-01-01T00:00:00+14:00",
        "٢٠٢٦-11-22T03:10:11Z",
        "2026-11-22T03:10:11Z\n",
    ],
)
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a time with its zone"):
        parse_time(text)


def test_times_are_written_in_utc_with_microseconds() -> None:
    moment = datetime(2026, 11, 22, 5, 10, 11, 123, timezone(timedelta(hours=2)))
    assert format_time(moment) == "2026-11-22T03:10:11.000123Z"
    assert parse_time(format_time(moment)) == moment


def test_a_date_is_midnight_utc() -> None:
    assert parse_date("2026-11-22") == datetime(2026, 11, 22, tzinfo=UTC)
    assert parse_date("2026-11-22T00:00:00Z") is None
    with pytest.raises(ValueError, match="day"):
        parse_date("2026-02-30")
