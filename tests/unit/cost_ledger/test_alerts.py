"""Alerts: which there are, how urgent, and that an id stands for one breach in one period."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from services.catalog import CatalogueWarning
from services.cost_ledger.alerts import (
    Alert,
    budget_alerts,
    catalogue_alerts,
    forecast_alerts,
    in_order,
    unconfirmed_alerts,
    unpriced_alerts,
)
from services.cost_ledger.budgets import Standing
from services.cost_ledger.figures import Figures
from services.cost_ledger.forecast import make_forecast

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MONTH = datetime(2026, 11, 1, tzinfo=UTC)
MONTHLY = Standing(
    id=3,
    scope="global",
    subject=None,
    period="monthly",
    limit=Decimal(10),
    mode="soft",
    when_spent="refuse",
    spent=Decimal(0),
    reserved=Decimal(0),
    period_start=MONTH,
    resets_at=datetime(2026, 12, 1, tzinfo=UTC),
)


def spent(amount: str, **fields: object) -> Standing:
    return replace(MONTHLY, spent=Decimal(amount), **fields)  # type: ignore[arg-type]


def heading_for(total: int) -> list[Alert]:
    """The alerts of a month with 1 USD spent that is heading for `total`."""
    days = {NOW.replace(hour=0) - timedelta(days=1): Figures(requests=1, cost=Decimal(1))}
    forecast = replace(make_forecast(days, MONTH, NOW), mean=Decimal(total - 1), days_left=Decimal(1))
    assert forecast.expected == total
    return forecast_alerts([spent("1"), spent("1", id=4, period="daily"), spent("1", id=5, scope="user")], forecast)


@pytest.mark.parametrize(
    ("amount", "level", "share"),
    [("8", "info", "80%"), ("9.499999", "info", "80%"), ("9.5", "warning", "95%"), ("10", "critical", "100%")],
)
def test_a_budget_is_told_at_the_highest_level_it_reached(amount: str, level: str, share: str) -> None:
    (alert,) = budget_alerts([spent(amount)])
    assert (alert.kind, alert.level, alert.id) == ("budget", level, f"budget:3:10.00:{share}:2026-11-01")
    assert alert.message == f"The monthly budget of 10.00 USD is used to {share} or more."
    assert alert.document()["period_start"] == "2026-11-01T00:00:00.000000Z"


def test_a_budget_below_80_per_cent_is_no_alert() -> None:
    assert budget_alerts([spent("7.999999")]) == []


def test_what_is_reserved_counts() -> None:
    assert budget_alerts([spent("5", reserved=Decimal(5))])[0].level == "critical"


def test_the_id_stays_while_more_is_spent_and_is_new_for_another_breach() -> None:
    (first,) = budget_alerts([spent("8.1")])
    again = [spent("9.3"), spent("8.1", reserved=Decimal(1))]
    assert {alert.id for alert in budget_alerts(again)} == {first.id}
    others = [
        spent("9.7"),  # the next level
        spent("8.1", limit=Decimal("10.01")),  # a new limit
        spent("8.1", id=4),  # another budget
        spent("8.1", period_start=datetime(2026, 12, 1, tzinfo=UTC)),  # the next period
    ]
    assert len({alert.id for alert in budget_alerts(others)} - {first.id}) == len(others)


def test_a_forecast_over_the_monthly_budget_for_everything_is_a_warning() -> None:
    (alert,) = heading_for(11)
    assert (alert.id, alert.level) == ("forecast:3:10.00:2026-11-01", "warning")
    assert alert.message.startswith("This month is heading for 11.00 USD, over the monthly budget of 10.00 USD. ")
    assert heading_for(12)[0].id == alert.id
    assert heading_for(10) == []


def test_no_forecast_and_a_budget_that_is_used_up_are_no_forecast_alert() -> None:
    unknown = make_forecast({}, None, NOW)
    assert forecast_alerts([spent("1")], unknown) == []
    assert forecast_alerts([spent("10")], replace(unknown, days=7, mean=Decimal(9), days_left=Decimal(5))) == []


def test_a_model_without_a_price_is_told_once_a_month() -> None:
    models = {"gpt-9": Figures(requests=2, unpriced_requests=2), "tinyllama": Figures(requests=5)}
    (alert,) = unpriced_alerts(models, MONTH)
    assert (alert.id, alert.subject, alert.level) == ("unpriced:gpt-9:2026-11-01", "gpt-9", "warning")
    assert "2 requests" in alert.message
    (more,) = unpriced_alerts({"gpt-9": Figures(requests=9, unpriced_requests=9)}, MONTH)
    assert more.id == alert.id


def test_unconfirmed_requests_are_told_by_day_for_a_week() -> None:
    unconfirmed = Figures(unconfirmed_requests=1, unconfirmed_cost=Decimal("0.05"), cost=Decimal("0.05"))
    today = NOW.replace(hour=0)
    days = {today - timedelta(days=back): unconfirmed for back in (0, 6, 7)} | {
        today - timedelta(days=1): Figures(requests=1)
    }
    found = unconfirmed_alerts(days, NOW)
    assert [alert.id for alert in found] == ["unconfirmed:2026-11-22", "unconfirmed:2026-11-16"]
    assert "0.0500 USD" in found[0].message
    assert found[0].period_start == today


def test_the_catalogue_tells_of_retired_and_unpriced_models_only() -> None:
    warnings = [
        CatalogueWarning("retired", "old", "old: retired on 2026-06-15, requests to it fail"),
        CatalogueWarning("differs", "odd", "odd: two prices"),
    ]
    (alert,) = catalogue_alerts(warnings)
    assert alert.document() == {
        "id": "catalogue:retired:old",
        "kind": "catalogue",
        "level": "info",
        "message": "old: retired on 2026-06-15, requests to it fail.",
        "subject": "old",
        "period_start": None,
    }


def test_the_most_urgent_comes_first() -> None:
    found = in_order(budget_alerts([spent("8"), spent("9.6", id=4), spent("12", id=5)]))
    assert [alert.level for alert in found] == ["critical", "warning", "info"]
