"""Reports, the forecast and alerts over a real PostgreSQL, against plain SQL over the entries themselves."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from services.cost_ledger.money import money
from tests.integration.cost_ledger.costs_sample import DAYS, fill
from tests.integration.cost_ledger.service import Client, Service, entry, running_ledger
from tests.postgres import PostgresServer

NOW = datetime.now(UTC)
FIRST = (NOW - timedelta(days=DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)
PERIODS = {
    "whole days": (FIRST, FIRST + timedelta(days=DAYS + 1)),
    "cut in the middle of hours": (
        FIRST + timedelta(days=3, hours=5, minutes=13, seconds=7, microseconds=1),
        FIRST + timedelta(days=33, hours=17, minutes=58),
    ),
    "less than an hour": (
        FIRST + timedelta(days=9, hours=9, minutes=4),
        FIRST + timedelta(days=9, hours=9, minutes=56),
    ),
}
LABELS = {
    "models": ("model", "model"),
    "keys": ("key_id", "key_id"),
    "users": ("user", "user_name"),
    "tags": ("tag", "unnest(CASE WHEN tags = '{}' THEN '{NULL}' ELSE tags END)"),
    "routes": ("route", "tier"),
}
# What the reports say, straight from the rows: nothing of ledger.hourly, nothing of the service.
SUMS = """
    coalesce(sum(sign) FILTER (WHERE status = 'ok'), 0) AS requests,
    coalesce(sum(sign) FILTER (WHERE status = 'error'), 0) AS failed_requests,
    coalesce(sum(sign) FILTER (WHERE status = 'unconfirmed'), 0) AS unconfirmed_requests,
    coalesce(sum(cost) FILTER (WHERE status = 'unconfirmed'), 0) AS unconfirmed_cost,
    coalesce(sum(sign) FILTER (WHERE cost IS NULL), 0) AS unpriced_requests,
    coalesce(sum(input_tokens), 0) AS input_tokens,
    coalesce(sum(output_tokens), 0) AS output_tokens,
    coalesce(sum(cache_read_tokens), 0) AS cache_read_tokens,
    coalesce(sum(cost), 0) AS cost,
    coalesce(sum(baseline_cost) FILTER (WHERE status = 'ok' AND cost IS NOT NULL), 0) AS baseline_cost
"""


@pytest.fixture(scope="module")
def ledger(postgres: PostgresServer) -> Iterator[Service]:
    """Books of 40 days, with corrections and a request that nobody told of."""
    url = postgres.create_database()
    with running_ledger(url, MACHINE_COST_MONTHLY="9") as service:
        client = service.client()
        fill(client, NOW, per_day=25)
        moment = (FIRST + timedelta(days=9, hours=9, minutes=30)).isoformat()
        client.book(entry("corrected", occurred_at=moment, model="claude-opus", user="ada", tags=["a", "b"]))
        client.book(
            entry("corrected", occurred_at=moment, usage={"input_tokens": 3}, tags=["b"], correction="invoice-1")
        )
        leave_unconfirmed(service, "forgotten")
        yield service


def leave_unconfirmed(service: Service, request_id: str) -> None:
    """A reservation whose time is over, with nobody to tell what became of it."""
    client = service.client()
    body = {"request_id": request_id, "model": "claude-opus", "input_tokens": 1000, "max_output_tokens": 1000}
    assert client.call("POST", "/v1/reservations", body)[0] == 201
    with psycopg.connect(service.database_url, autocommit=True) as conn:
        conn.execute("UPDATE ledger.reservations SET expires_at = now() - interval '1 second'")
    assert client.get("/v1/budgets")  # settles it


def ask(service: Service, question: str, *values: Any) -> list[dict[str, Any]]:
    with psycopg.connect(service.database_url, row_factory=dict_row, options="-c timezone=UTC") as conn:
        return conn.execute(question, values).fetchall()


def stated(row: dict[str, Any]) -> dict[str, Any]:
    """The figures of a row of SQL as a report writes them."""
    amounts = {"cost", "baseline_cost", "unconfirmed_cost"}
    all_requests = row["requests"] + row["failed_requests"] + row["unconfirmed_requests"]
    figures: dict[str, Any] = {
        name: money(Decimal(value)) if name in amounts else int(value) for name, value in row.items()
    }
    if row["unpriced_requests"] and row["unpriced_requests"] == all_requests:
        figures["cost"] = None
    return figures


def told(row: dict[str, Any], like: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in like}


def report(service: Service, name: str, since: datetime, until: datetime) -> dict[str, Any]:
    def text(moment: datetime) -> str:
        return moment.isoformat().replace("+00:00", "Z")

    document: dict[str, Any] = service.client().get(f"/v1/reports/{name}?from={text(since)}&to={text(until)}")
    return document


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize(("name", "unit", "shape"), [("daily", "day", "YYYY-MM-DD"), ("monthly", "month", "YYYY-MM")])
def test_days_and_months_are_the_entries_to_the_last_digit(
    ledger: Service, name: str, unit: str, shape: str, period: str
) -> None:
    since, until = PERIODS[period]
    question = f"""
        SELECT to_char(occurred_at, '{shape}') AS start, model, {SUMS} FROM ledger.entries
        WHERE occurred_at >= %s AND occurred_at < %s
        GROUP BY GROUPING SETS ((1, 2), (1), ())
        HAVING GROUPING(model) = 1 OR sum(sign) <> 0
    """  # noqa: S608  - our own text
    rows = ask(ledger, question, since, until)
    expected = {(row.pop("start"), row.pop("model")): stated(row) for row in rows}
    document = report(ledger, name, since, until)
    totals = expected.pop((None, None))
    assert told(document["totals"], totals) == totals
    found = {(row[unit], row["model"]): row for row in document["rows"]}
    assert len(found) == len(document["rows"])
    for key, figures in expected.items():
        assert told(found.pop(key), figures) == figures
    assert all(model is None and row["requests"] == 0 for (_, model), row in found.items())  # days without entries
    assert sum(Decimal(row["net"]) for row in document["rows"] if row["row"] == "total") == Decimal(
        document["totals"]["net"]
    )


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("name", LABELS)
def test_breakdowns_are_the_entries_to_the_last_digit(ledger: Service, name: str, period: str) -> None:
    since, until = PERIODS[period]
    heading, column = LABELS[name]
    backend = ", backend" if name == "routes" else ""
    question = f"""
        SELECT label {backend}, {SUMS} FROM (
            SELECT *, {column} AS label FROM ledger.entries WHERE occurred_at >= %s AND occurred_at < %s
        ) AS entries
        GROUP BY label {backend} HAVING sum(sign) <> 0
    """  # noqa: S608  - our own text
    rows = ask(ledger, question, since, until)
    expected = {(row.pop("label"), row.pop("backend", None)): stated(row) for row in rows}
    document = report(ledger, name, since, until)
    found = {(row[heading], row.get("backend")): row for row in document["rows"]}
    assert found.keys() == expected.keys()
    for key, figures in expected.items():
        assert told(found[key], figures) == figures
    (row,) = ask(
        ledger,
        f"SELECT {SUMS} FROM ledger.entries WHERE occurred_at >= %s AND occurred_at < %s",  # noqa: S608
        since,
        until,
    )
    totals = stated(row)
    assert told(document["totals"], totals) == totals


def test_the_totals_are_those_of_the_summary(ledger: Service) -> None:
    query = f"from={FIRST:%Y-%m-%d}&to={FIRST + timedelta(days=20):%Y-%m-%d}"
    summary, daily = (ledger.client().get(f"/v1/reports/{name}?{query}") for name in ("summary", "daily"))
    assert daily["totals"]["cost"] == summary["totals"]["cost"] == summary["savings"]["paid"]
    assert daily["totals"]["baseline_cost"] == summary["savings"]["baseline"]
    assert daily["totals"]["machine_cost"] == summary["savings"]["machine"]
    assert daily["totals"]["net"] == summary["savings"]["net"]
    assert daily["baseline_models"] == [summary["savings"]["baseline_model"]]


def test_keys_are_told_by_name(ledger: Service) -> None:
    rows = report(ledger, "keys", *PERIODS["whole days"])["rows"]
    assert {row["key_name"] for row in rows} == {"website", "batch jobs", "ada's laptop", None}


def test_csv_has_the_rows_of_the_json(ledger: Service) -> None:
    query = f"from={FIRST:%Y-%m-%d}&to={FIRST + timedelta(days=6):%Y-%m-%d}"
    document = ledger.client().get(f"/v1/reports/daily?{query}")
    text = ledger.client().get(f"/v1/reports/daily?{query}&format=csv")
    *rows, total = csv.DictReader(io.StringIO(text))
    expected = [{name: "" if value is None else str(value) for name, value in row.items()} for row in document["rows"]]
    assert rows == expected
    assert (total["row"], total["cost"]) == ("total", document["totals"]["cost"])


def test_a_user_who_is_a_formula_stays_text(own_service: Service) -> None:
    client = own_service.client()
    client.book(entry("r-1", user='=HYPERLINK("http://x","y"),1'))
    text = client.get("/v1/reports/users?from=2026-11-20&to=2026-11-20&format=csv")
    assert """user,"'=HYPERLINK(""http://x"",""y""),1",1,""" in text


def test_the_forecast_goes_by_the_entries(ledger: Service) -> None:
    forecast = ledger.client().get("/v1/reports/forecast")
    today = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    question = "SELECT coalesce(sum(cost), 0) AS cost FROM ledger.entries WHERE occurred_at >= %s AND occurred_at < %s"
    (month,) = ask(ledger, question, today.replace(day=1), today + timedelta(days=2))
    (week,) = ask(ledger, question, today - timedelta(days=7), today)
    assert forecast["spent"] == money(month["cost"])
    mean = (week["cost"] / 7).quantize(Decimal("0.000001"))
    assert forecast["basis"]["mean_per_day"] == money(mean)
    left = Decimal(str(forecast["basis"]["days_left"]))
    assert Decimal(forecast["forecast"]) == month["cost"] + (mean * left).quantize(Decimal("0.000001"))


def test_the_first_day_has_no_forecast(own_service: Service) -> None:
    client = own_service.client()
    client.book(entry("r-1", occurred_at=datetime.now(UTC).isoformat()))
    forecast = client.get("/v1/reports/forecast")
    assert (forecast["spent"], forecast["forecast"]) == ("0.007", None)
    assert forecast["reason"].startswith("No forecast yet")


def alerts(client: Client) -> dict[str, dict[str, Any]]:
    found = client.get("/v1/alerts")["alerts"]
    assert len({alert["id"] for alert in found}) == len(found)
    return {alert["id"]: alert for alert in found if alert["kind"] != "catalogue"}


def test_a_quiet_ledger_has_alerts_of_the_catalogue_only(own_service: Service) -> None:
    client = own_service.client()
    assert alerts(client) == {}
    assert {alert["level"] for alert in client.get("/v1/alerts")["alerts"]} <= {"info"}


def test_alerts_tell_what_is_spent_and_what_is_not_certain_and_keep_their_ids(own_service: Service) -> None:
    client, now = own_service.client(), datetime.now(UTC)
    budget = {"scope": "user", "subject": "ada", "period": "monthly", "limit": "0.01", "mode": "soft"}
    client.call("PUT", "/v1/budgets", budget)
    client.book(
        entry("dear", occurred_at=now.isoformat(), user="ada", usage={"output_tokens": 850}),
        entry("unknown", occurred_at=now.isoformat(), model="gpt-9"),
    )
    leave_unconfirmed(own_service, "forgotten")
    found = alerts(client)
    kinds = {alert["kind"]: alert for alert in found.values()}
    assert (kinds["budget"]["level"], kinds["budget"]["subject"]) == ("info", "user ada")
    assert (kinds["unpriced"]["level"], kinds["unpriced"]["subject"]) == ("warning", "gpt-9")
    assert kinds["unconfirmed"]["id"] == f"unconfirmed:{now:%Y-%m-%d}"
    assert alerts(client).keys() == found.keys()
    client.book(entry("more", occurred_at=now.isoformat(), user="ada", usage={"output_tokens": 50}))
    assert alerts(client).keys() == found.keys()  # 0.009 of 0.01: the same breach
    client.book(entry("most", occurred_at=now.isoformat(), user="ada", usage={"output_tokens": 100}))
    new = [alert for name, alert in alerts(client).items() if name not in found]
    assert [(alert["kind"], alert["level"]) for alert in new] == [("budget", "critical")]


def test_a_late_entry_ends_the_alert_of_an_unconfirmed_request(own_service: Service) -> None:
    client = own_service.client()
    leave_unconfirmed(own_service, "late")
    assert [alert["kind"] for alert in alerts(client).values()] == ["unconfirmed"]
    client.book(entry("late", occurred_at=datetime.now(UTC).isoformat()))
    assert alerts(client) == {}


def test_a_month_that_is_heading_over_the_budget_is_an_alert(ledger: Service) -> None:
    client = ledger.client()
    forecast = client.get("/v1/reports/forecast")
    spent, expected = Decimal(forecast["spent"]), Decimal(forecast["forecast"])
    if expected <= spent * Decimal("1.0001"):
        pytest.skip("the month is over")
    limit = money(((spent + expected) / 2).quantize(Decimal("0.000001")))
    body = {"scope": "global", "subject": None, "period": "monthly", "mode": "soft"}
    client.call("PUT", "/v1/budgets", body | {"limit": limit})
    (alert,) = [alert for alert in alerts(client).values() if alert["kind"] == "forecast"]
    assert alert["id"].startswith("forecast:")
    assert (alert["level"], alert["subject"]) == ("warning", "global")
    client.call("PUT", "/v1/budgets", body | {"limit": "100000.00"})
    assert not [alert for alert in alerts(client).values() if alert["kind"] == "forecast"]


def test_the_page_shows_a_corrected_request_once_and_as_it_is_now(own_service: Service) -> None:
    client = own_service.client()
    now = datetime.now(UTC).isoformat()
    client.book(entry("r-1", occurred_at=now, model="claude-opus"))
    client.book(entry("r-1", occurred_at=now, model="claude-haiku", correction="c-1"))
    status, text = client.call("GET", "/")
    assert status == 200
    latest = text.partition('id="latest"')[2]
    assert latest.count('class="time"') == 1
    assert "claude-haiku-5-5" in latest
    assert "claude-opus" not in latest
