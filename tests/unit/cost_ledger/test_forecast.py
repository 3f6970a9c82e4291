"""The forecast of a month, and what it goes by."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from services.cost_ledger.figures import Figures
from services.cost_ledger.forecast import Forecast, forecast_period, make_forecast
from services.cost_ledger.reports import Period

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)  # 8.5 days before the month ends


def day(month: int, number: int, hour: int = 0) -> datetime:
    return datetime(2026, month, number, hour, tzinfo=UTC)


def spent(costs: dict[datetime, str]) -> dict[datetime, Figures]:
    return {start: Figures(requests=1, cost=Decimal(cost)) for start, cost in costs.items()}


def forecast(costs: dict[datetime, str], first: datetime | None, now: datetime = NOON) -> Forecast:
    return make_forecast(spent(costs), first, now)


def test_it_adds_the_mean_of_seven_full_days_to_what_was_spent() -> None:
    costs = {day(11, number): str(number - 14) for number in range(15, 22)}  # 1 to 7 USD: 4 a day
    made = forecast(costs | {day(11, 22): "100", day(11, 3): "10"}, day(11, 3))
    assert (made.days, made.mean, made.spent, made.expected) == (7, Decimal(4), Decimal(138), Decimal(172))
    document = made.document()
    assert (document["spent"], document["forecast"], document["reason"]) == ("138.00", "172.00", None)
    assert document["basis"] == {
        "text": "138.00 USD spent so far, and 4.00 USD a day (the mean of the last 7 full days) for the 8.5 days "
        "that are left.",
        "full_days": 7,
        "period": {"from": "2026-11-15T00:00:00.000000Z", "to": "2026-11-22T00:00:00.000000Z"},
        "mean_per_day": "4.00",
        "days_left": 8.5,
    }


def test_days_without_requests_count_once_there_was_a_first_one() -> None:
    made = forecast({day(11, 15): "7"}, day(11, 2))
    assert (made.days, made.mean) == (7, Decimal(1))


def test_fewer_days_than_seven_are_named() -> None:
    made = forecast({day(11, 20): "2", day(11, 21): "4"}, day(11, 20))
    assert (made.days, made.mean) == (2, Decimal(3))
    assert "(the mean of the last 2 full days)" in made.basis
    assert "(the last full day)" in forecast({day(11, 21): "4"}, day(11, 21)).basis


def test_the_day_of_the_first_request_is_not_a_full_one_unless_it_was_at_midnight() -> None:
    assert forecast({day(11, 20): "9", day(11, 21): "4"}, day(11, 20, hour=1)).days == 1
    assert forecast({day(11, 20): "9", day(11, 21): "4"}, day(11, 20)).days == 2


def test_without_a_full_day_there_is_no_forecast_but_a_reason() -> None:
    for first in (None, day(11, 22), day(11, 21, hour=5)):
        document = forecast({day(11, 22): "3"}, first).document()
        assert (document["spent"], document["forecast"], document["basis"]["mean_per_day"]) == ("3.00", None, None)
        assert document["reason"] == "No forecast yet: there is not one full day (UTC) since the first request."


def test_a_new_month_goes_by_the_last_days_of_the_old_one() -> None:
    now = day(12, 1, hour=12)
    assert forecast_period(now) == Period(day(11, 24), datetime(2027, 1, 1, tzinfo=UTC))
    made = forecast({day(11, number): "2" for number in range(24, 31)} | {day(12, 1): "1"}, day(11, 1), now)
    assert (made.days, made.spent, made.expected) == (7, Decimal(1), Decimal(62))  # 1 + 2 a day for 30.5 days


def test_costs_that_are_not_known_are_told() -> None:
    made = make_forecast({day(11, 21): Figures(requests=2, unpriced_requests=2)}, day(11, 21), NOON)
    assert made.expected == 0
    assert made.basis.endswith("Not counted: requests without a known price (2).")
    assert made.document()["unpriced_requests"] == 2


def test_it_is_exact_to_the_microdollar() -> None:
    made = forecast({day(11, 19): "0.01", day(11, 20): "0", day(11, 21): "0"}, day(11, 19))
    assert made.mean == Decimal("0.003333")
    assert made.expected == Decimal("0.03833")  # 0.01 + 0.003333 * 8.5, to a microdollar
