"""Stats, the summary and keys, over HTTP and a real PostgreSQL."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from services.cost_ledger.keys import hash_key
from tests.integration.cost_ledger.service import Client, Service, entry, running_ledger
from tests.postgres import PostgresServer

TOKENS = {"input_tokens": 1000, "output_tokens": 500}  # 0.007 USD on Sonnet 5.5, 0.014 on Opus 5.5


def fill(client: Client) -> None:
    client.book(
        entry("cloud", model="claude-sonnet", complexity=0.8, latency_seconds=2),
        entry("dear", model="claude-opus", complexity=0.9, latency_seconds=4),
        entry("local-1", model="tinyllama", backend="local", complexity=0.1),
        entry("local-2", model="tinyllama", backend="local"),
        entry("cached", model="claude-opus", backend="cache", complexity=0.2),
        entry("failed", model="claude-sonnet", status="error", usage={"input_tokens": 1000}, error_code="cut_off"),
        entry("failed-local", model="tinyllama", backend="local", status="error", complexity=0.5),
        entry("unpriced", model="claude-next-9", complexity=0.5),
    )


def test_an_empty_ledger_has_stats(own_service: Service) -> None:
    assert own_service.client().get("/v1/stats") == {
        "total_requests": 0,
        "local_requests": 0,
        "cloud_requests": 0,
        "cached_requests": 0,
        "failed_requests": 0,
        "unconfirmed_requests": 0,
        "local_percentage": 0,
        "total_cost": "0.00",
        "avg_complexity": None,
        "saved_cost": "0.00",
        "unpriced_requests": 0,
    }


def test_stats_count_answers_and_all_costs(own_service: Service) -> None:
    client = own_service.client()
    fill(client)
    assert client.get("/v1/stats") == {
        "total_requests": 6,
        "local_requests": 2,
        "cloud_requests": 3,
        "cached_requests": 1,
        "failed_requests": 2,
        "unconfirmed_requests": 0,
        "local_percentage": 33.33,
        "total_cost": "0.023",  # 0.007 + 0.014 + 0.002 of the request that failed
        "avg_complexity": 0.5,  # (0.8 + 0.9 + 0.1 + 0.2 + 0.5) / 5
        "saved_cost": "0.012",  # five priced answers at 0.007 on the baseline, minus 0.023
        "unpriced_requests": 1,
    }


@pytest.fixture(scope="module")
def books(service: Service) -> Client:
    client = service.client()
    fill(client)
    client.book(
        # Another month, with a Haiku prompt in the dearer band and the old cache price of Sonnet.
        entry("october", occurred_at="2026-10-05T00:00:00Z", usage={"cache_read_tokens": 200_000}),
        entry("october-late", occurred_at="2026-10-31T23:59:59.999999Z", usage={"output_tokens": 1000}),
    )
    return client


def test_the_summary_has_totals_by_model_and_by_backend(books: Client) -> None:
    report = books.get("/v1/reports/summary?from=2026-11-01&to=2026-11-20")
    assert report["period"] == {"from": "2026-11-01T00:00:00.000000Z", "to": "2026-11-21T00:00:00.000000Z"}
    totals = report["totals"]
    assert (totals["requests"], totals["failed_requests"], totals["unpriced_requests"]) == (6, 2, 1)
    assert (totals["input_tokens"], totals["output_tokens"], totals["cost"]) == (8000, 3500, "0.023")
    models = {row["model"]: row for row in report["by_model"]}
    assert {name: row["cost"] for name, row in models.items()} == {
        "claude-opus-5-5": "0.014",
        "claude-sonnet-5-5": "0.009",
        "tinyllama": "0.00",
        "claude-next-9": None,
    }
    assert models["claude-sonnet-5-5"]["avg_latency_seconds"] == 2
    backends = {row["backend"]: (row["requests"], row["cost"]) for row in report["by_backend"]}
    assert backends == {"cloud": (3, "0.023"), "local": (2, "0.00"), "cache": (1, "0.00")}
    assert report["unpriced"] == {"requests": 1, "models": ["claude-next-9"]}


def test_the_summary_compares_with_the_baseline_and_the_machine(books: Client) -> None:
    savings = books.get("/v1/reports/summary?from=2026-11-01&to=2026-11-20")["savings"]
    assert (savings["baseline_model"], savings["baseline"], savings["paid"]) == ("claude-sonnet-5-5", "0.035", "0.023")
    assert savings["machine"] == "20.00"  # 20 of 30 days at 30 USD a month
    assert savings["net"] == "-19.988"
    assert savings["verdict"].startswith("Routing lost 19.99 USD: ")


def test_a_summary_against_another_model_uses_the_prices_of_each_time(books: Client) -> None:
    savings = books.get("/v1/reports/summary?from=2026-10-01&to=2026-10-31&baseline=claude-haiku")["savings"]
    # October 5 is before Haiku 5.5's price list, whose only prices the library has: 200,000 tokens read
    # from the cache are over the band, at 0.05; 1,000 tokens of output are under it, at 0.50.
    assert (savings["baseline_model"], savings["baseline"]) == ("claude-haiku-5-5", "0.0105")
    assert savings["paid"] == "0.05"  # 200,000 * 0.20 + 1,000 * 10 millionths


def test_a_change_of_the_baseline_reaches_back(postgres: PostgresServer) -> None:
    url = postgres.create_database()
    with running_ledger(url) as before:
        before.client().book(entry("one", model="tinyllama", backend="local"))
    with running_ledger(url, BASELINE_MODEL="claude-opus") as after:
        client = after.client()
        client.book(entry("two", model="tinyllama", backend="local"))
        savings = client.get("/v1/reports/summary?from=2026-11-01&to=2026-11-30")["savings"]
        assert (savings["baseline_model"], savings["baseline"]) == ("claude-opus-5-5", "0.028")
        assert client.get("/v1/stats")["saved_cost"] == "0.021"  # each as it was booked


@pytest.mark.parametrize(
    ("period", "requests"),
    [
        ("from=2026-10-05T00:00:00Z&to=2026-10-05T00:00:00.000001Z", 1),
        ("from=2026-10-05T00:00:00.000001Z&to=2026-10-31", 1),
        ("from=2026-10-06&to=2026-10-31", 1),
        ("from=2026-10-01&to=2026-10-31T23:59:59Z", 1),
        ("from=2026-10-01&to=2026-10-31", 2),
    ],
)
def test_the_beginning_of_a_period_is_in_it_and_its_end_is_not(books: Client, period: str, requests: int) -> None:
    assert books.get(f"/v1/reports/summary?{period}")["totals"]["requests"] == requests


def test_a_period_without_requests_says_so(books: Client) -> None:
    report = books.get("/v1/reports/summary?from=2025-01-01&to=2025-12-31")
    assert report["by_model"] == report["by_backend"] == []
    assert report["totals"]["cost"] == report["savings"]["net"] == "0.00"
    assert report["savings"]["verdict"] == "No requests were booked in this period."


def test_a_made_key_is_shown_once_and_stored_as_a_hash(client: Client) -> None:
    status, made = client.call("POST", "/v1/keys", {"name": "ada"})
    assert status == 201
    secret = made.pop("key")
    assert secret.startswith(made["prefix"])
    listed = client.get("/v1/keys")
    assert made in listed["keys"]
    assert secret not in str(listed)
    limits = {"expires_at": None, "rate_limit": None, "allowed_models": None}
    assert credential(client, made["id"]) == {"id": made["id"], "name": "ada", "key_hash": hash_key(secret), **limits}


def test_registering_a_key_twice_gives_the_same_key(client: Client) -> None:
    body = {"name": "deploy", "key_hash": hash_key("a key made elsewhere")}
    status, first = client.call("POST", "/v1/keys", body)
    assert (status, first["name"], first["prefix"]) == (201, "deploy", None)
    assert "key" not in first
    assert client.call("POST", "/v1/keys", body | {"name": "other"}) == (200, first)


def test_a_revoked_key_stays_revoked(client: Client) -> None:
    body = {"name": "gone", "key_hash": hash_key("a key to lose")}
    key = client.call("POST", "/v1/keys", body)[1]
    assert client.call("DELETE", f"/v1/keys/{key['id']}")[0] == 204
    revoked_at = listed(client, key["id"])["revoked_at"]
    assert revoked_at
    assert client.call("DELETE", f"/v1/keys/{key['id']}")[0] == 204
    assert listed(client, key["id"])["revoked_at"] == revoked_at
    assert credential(client, key["id"]) is None
    status, document = client.call("POST", "/v1/keys", body)
    assert (status, document["error"]["code"]) == (409, "key_revoked")


def test_revoking_an_unknown_key_is_404(client: Client) -> None:
    status, document = client.call("DELETE", "/v1/keys/9f4c0c0e-6b0a-4bb0-9a53-0a1a45a1d001")
    assert (status, document["error"]["code"]) == (404, "unknown_key")


def test_costs_add_up_exactly(own_service: Service) -> None:
    client = own_service.client()
    usage = {"input_tokens": 1, "output_tokens": 1, "cache_read_tokens": 1}
    results = client.book(*(entry(f"tiny-{number}", model="claude-haiku", usage=usage) for number in range(1000)))
    assert client.get("/v1/stats")["total_cost"] == "0.00061"  # 1,000 * (0.10 + 0.50 + 0.01) millionths
    assert sum(Decimal(result["cost"]) for result in results) == Decimal("0.00061")


def listed(client: Client, key_id: str) -> Any:
    return next(key for key in client.get("/v1/keys")["keys"] if key["id"] == key_id)


def credential(client: Client, key_id: str) -> Any:
    return next((key for key in client.get("/v1/keys/active")["keys"] if key["id"] == key_id), None)
