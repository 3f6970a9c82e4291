"""Reports by day and by value, and their CSV."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from flask.testing import FlaskClient

from services.cost_ledger.breakdowns import BREAKDOWNS, Machine, columns, parts, report_document
from services.cost_ledger.errors import InvalidField
from services.cost_ledger.figures import NOTHING, Figures, Row, total
from services.cost_ledger.reports import Period, machine_cost
from services.cost_ledger.spreadsheet import cell, csv_text
from tests.unit.cost_ledger.ledger_fakes import FakeStore

NO_MACHINE = Machine(Decimal(0), None, datetime(2026, 12, 1, tzinfo=UTC))


def day(number: int, hour: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, number, hour, tzinfo=UTC)


def row(label: str | None, cost: str, start: datetime | None = None, *, is_total: bool = False) -> Row:
    return Row(start, label, None, is_total, Figures(requests=1, cost=Decimal(cost), baseline_cost=Decimal(1)))


def test_days_have_their_models_and_a_total_and_empty_days_zeros() -> None:
    rows = [row("opus", "0.3", day(1)), row("haiku", "0.01", day(1)), row("haiku", "0.02", day(3))]
    report = report_document(BREAKDOWNS["daily"], Period(day(1), day(4)), rows, NO_MACHINE, ["sonnet"], {})
    found = [(one["day"], one["row"], one["model"], one["cost"]) for one in report["rows"]]
    assert found == [
        ("2026-11-01", "model", "opus", "0.30"),
        ("2026-11-01", "model", "haiku", "0.01"),
        ("2026-11-01", "total", None, "0.31"),
        ("2026-11-02", "total", None, "0.00"),
        ("2026-11-03", "model", "haiku", "0.02"),
        ("2026-11-03", "total", None, "0.02"),
    ]
    assert (report["totals"]["cost"], report["totals"]["saved"], report["totals"]["requests"]) == ("0.33", "2.67", 3)
    assert report["note"] is None


def test_months_are_named_by_year_and_month() -> None:
    report = report_document(
        BREAKDOWNS["monthly"], Period(day(15, month=10), day(2)), [row("a", "1", day(1))], NO_MACHINE, [], {}
    )
    assert [(one["month"], one["cost"]) for one in report["rows"]] == [
        ("2026-10", "0.00"),
        ("2026-11", "1.00"),
        ("2026-11", "1.00"),
    ]


def test_the_rents_of_all_days_are_the_rent_of_the_period() -> None:
    period, machine = Period(day(1, 5), day(23, 7)), Machine(Decimal(52), day(3, 1), day(22, 2))
    report = report_document(BREAKDOWNS["daily"], period, [], machine, [], {})
    rents = [Decimal(one["machine_cost"]) for one in report["rows"]]
    assert rents[0] == 0  # before the first request ever
    assert sum(rents) == machine_cost(Period(day(3, 1), day(22, 2)), Decimal(52))
    assert report["totals"]["machine_cost"] == str(sum(rents))
    assert Decimal(report["totals"]["net"]) == -sum(rents)


def test_keys_have_names_and_requests_without_a_key_none() -> None:
    rows = [row("k-1", "1"), row(None, "2"), row("gone", "3")]
    report = report_document(BREAKDOWNS["keys"], Period(day(1), day(2)), rows, NO_MACHINE, [], {"k-1": "website"})
    found = [(one["key_id"], one["key_name"]) for one in report["rows"]]
    assert found == [("k-1", "website"), (None, None), ("gone", None)]


def test_the_totals_of_tags_count_a_request_once() -> None:
    rows = [row("a", "1"), row("b", "1"), row(None, "1", is_total=True)]
    report = report_document(BREAKDOWNS["tags"], Period(day(1), day(2)), rows, NO_MACHINE, [], {})
    assert [one["tag"] for one in report["rows"]] == ["a", "b"]
    assert report["totals"]["cost"] == "1.00"
    assert "several tags" in report["note"]


@pytest.mark.parametrize("name", BREAKDOWNS)
def test_a_period_without_requests_says_so(name: str) -> None:
    report = report_document(BREAKDOWNS[name], Period(day(1), day(2)), [], NO_MACHINE, [], {})
    assert report["note"] == "No requests were booked in this period."
    assert (report["totals"]["cost"], report["totals"]["saved"]) == ("0.00", "0.00")


@pytest.mark.parametrize("name", BREAKDOWNS)
def test_every_row_has_the_columns_of_its_report(name: str) -> None:
    rows = [row("a", "1", day(1) if BREAKDOWNS[name].unit else None)]
    report = report_document(BREAKDOWNS[name], Period(day(1), day(2)), rows, NO_MACHINE, [], {})
    for one in report["rows"]:
        assert list(one) == columns(BREAKDOWNS[name])


def test_what_is_not_certain_is_told() -> None:
    figures = Figures(requests=2, unpriced_requests=2)
    unpriced = Row(None, "gpt-9", None, False, figures)
    report = report_document(BREAKDOWNS["models"], Period(day(1), day(2)), [unpriced], NO_MACHINE, [], {})
    assert (report["rows"][0]["cost"], report["rows"][0]["saved"]) == (None, None)
    assert report["note"] == "The cost of requests without a known price is not in it (2)."
    unconfirmed = Row(None, "opus", None, False, Figures(unconfirmed_requests=1, unconfirmed_cost=Decimal(1)))
    both = report_document(BREAKDOWNS["models"], Period(day(1), day(2)), [unpriced, unconfirmed], NO_MACHINE, [], {})
    assert both["totals"]["unconfirmed_cost"] == "1.00"
    assert both["note"].endswith("Unconfirmed requests are in it at the most they can cost (1).")


def test_the_first_and_the_last_day_may_be_cut() -> None:
    found = parts(Period(day(1, 5), day(3, 2)), "day")
    assert found == [Period(day(1, 5), day(2)), Period(day(2), day(3)), Period(day(3), day(3, 2))]


def test_a_period_of_too_many_days_is_refused_and_the_end_of_time_is_none() -> None:
    with pytest.raises(InvalidField) as caught:
        parts(Period(datetime(2000, 1, 1, tzinfo=UTC), day(1)), "day")
    assert caught.value.details == {"field": "from"}
    assert len(parts(Period(datetime(9999, 12, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)), "month")) == 1


def test_figures_add_up_exactly() -> None:
    cents = [Figures(requests=1, cost=Decimal("0.1"), latency_seconds=1.0, latency_count=1)] * 3
    assert total(cents).cost == Decimal("0.3")
    assert total(cents).average_latency == 1
    assert total([]) == NOTHING


@pytest.mark.parametrize("text", ["=1+1", "+SUM(A1)", "-2+3", "@cmd", "\tx", "\r=1", "-", "=", "-1e5", "+1 234"])
def test_a_cell_that_may_be_a_formula_is_made_harmless(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("value", "text"),
    [("-1.50", "-1.50"), ("+3", "+3"), (-4, "-4"), (0.25, "0.25"), (None, ""), ("a=b", "a=b"), ("", "")],
)
def test_numbers_and_harmless_text_stay_as_they_are(value: object, text: str) -> None:
    assert cell(value) == text


def test_csv_is_quoted_as_rfc_4180_has_it() -> None:
    text = csv_text(["a", "b"], [{"a": 'says "x", loudly', "b": "two\nlines"}, {"a": None}])
    assert text == 'a,b\r\n"says ""x"", loudly","two\nlines"\r\n,\r\n'


@pytest.mark.parametrize(
    ("path", "headers", "is_csv"),
    [
        ("/v1/reports/daily", {}, False),
        ("/v1/reports/daily", {"Accept": "*/*"}, False),
        ("/v1/reports/daily", {"Accept": "text/csv"}, True),
        ("/v1/reports/daily", {"Accept": "text/csv;q=0.5, application/json"}, False),
        ("/v1/reports/daily?format=csv", {"Accept": "application/json"}, True),
        ("/v1/reports/daily?format=json", {"Accept": "text/csv"}, False),
    ],
)
def test_the_format_is_asked_for_or_accepted(
    client: FlaskClient, path: str, headers: dict[str, str], is_csv: bool
) -> None:
    response = client.get(path, headers=headers)
    assert response.mimetype == ("text/csv" if is_csv else "application/json")


def test_csv_has_a_header_row_and_the_total_last(client: FlaskClient) -> None:
    response = client.get("/v1/reports/models?format=csv")
    found = list(csv.DictReader(io.StringIO(response.get_data(as_text=True))))
    assert [(one["row"], one["requests"], one["cost"]) for one in found] == [("total", "0", "0.00")]
    assert response.headers["Content-Disposition"] == 'attachment; filename="costs-models-2026-11-01.csv"'


def test_the_default_period_is_this_month(client: FlaskClient, store: FakeStore) -> None:
    client.get("/v1/reports/monthly")
    assert store.figures.asked == ("model", Period(day(1), day(22, 3)), "month")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/reports/daily?from=soon", "from"),
        ("/v1/reports/daily?from=2010-01-01", "from"),
        ("/v1/reports/models?to=2026-01-01", "to"),
        ("/v1/reports/tags?format=xml", "format"),
        ("/v1/reports/users?baseline=claude-opus", "baseline"),
        ("/v1/reports/forecast?from=2026-11-01", "from"),
        ("/v1/alerts?level=critical", "level"),
    ],
)
def test_a_wrong_parameter_is_400_and_named(client: FlaskClient, path: str, field: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.get_json()["error"]["field"]) == (400, field)


def test_an_unknown_report_is_404(client: FlaskClient) -> None:
    response = client.get("/v1/reports/hourly")
    assert (response.status_code, response.get_json()["error"]["code"]) == (404, "unknown_report")


@pytest.mark.parametrize("path", ["/v1/reports/daily", "/v1/reports/forecast", "/v1/alerts"])
def test_reports_need_the_token_and_the_database(client: FlaskClient, store: FakeStore, path: str) -> None:
    assert client.get(path, headers={"Authorization": ""}).status_code == 401
    store.away = True
    assert client.get(path).status_code == 503
