"""The metrics of the books: the same from every process, right after a restart, and counters that never fall."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from services.catalog import load_catalogue
from services.cost_ledger.app import open_store
from services.cost_ledger.errors import AlreadyBooked, ReservationDiffers
from services.cost_ledger.ledger import Ledger
from services.cost_ledger.metrics import BooksCollector, LedgerMetrics
from services.cost_ledger.spending import Spending
from services.cost_ledger.store import LedgerStore
from services.cost_ledger.times import format_time
from tests.integration.cost_ledger.service import Client, entry, running_ledger
from tests.postgres import PostgresServer, running_postgres

LIMIT = {"limit": "5", "mode": "hard"}
Sample = tuple[str, frozenset[tuple[str, str]]]


def parsed(text: str) -> dict[Sample, float]:
    """Every sample by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of_books(samples: dict[Sample, float]) -> dict[Sample, float]:
    """Those that are not of a process."""
    return {
        key: value
        for key, value in samples.items()
        if key[0].startswith(("api_gateway_", "ledger_")) and not key[0].startswith("ledger_booking_seconds")
    }


def scrape(client: Client) -> dict[Sample, float]:
    status, text = client.call("GET", "/metrics", token=None)
    assert status == 200
    return parsed(text)


def value(samples: dict[Sample, float], name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


def fill(client: Client) -> None:
    client.book(
        entry("cloud", latency_seconds=2, routing_seconds=0.004, model_seconds=1.9),
        entry("slow", latency_seconds=400, model_seconds=399),
        entry("local", model="tinyllama", backend="local", latency_seconds=0.3, routing_seconds=0.002),
        entry("cached", model="tinyllama", backend="cache", latency_seconds=0.001),
        entry("failed", status="error", usage={"input_tokens": 1000}),
        entry("unpriced", model="claude-next-9"),
    )


def test_the_names_of_the_earlier_stack_tell_what_is_in_the_books(database_url: str) -> None:
    with running_ledger(database_url) as service:
        client = service.client()
        fill(client)
        client.book(entry("cloud"))  # a repeat counts nothing
        samples = scrape(client)
    sonnet = {"model": "claude-sonnet-5-5", "backend": "cloud"}
    assert value(samples, "api_gateway_requests_total", **sonnet, status="ok") == 2
    assert value(samples, "api_gateway_requests_total", **sonnet, status="error") == 1
    assert value(samples, "api_gateway_requests_total", model="tinyllama", backend="cache", status="ok") == 1
    assert value(samples, "api_gateway_cost_total", model="claude-sonnet-5-5") == 0.016
    assert value(samples, "api_gateway_cost_total", model="tinyllama") == 0
    assert value(samples, "api_gateway_cache_total", result="hit") == 1
    assert value(samples, "api_gateway_cache_total", result="miss") == 4
    name = "api_gateway_request_duration_seconds"
    buckets = {le: value(samples, f"{name}_bucket", **sonnet, le=le) for le in ("1.0", "2.5", "300.0", "+Inf")}
    assert buckets == {"1.0": 0, "2.5": 1, "300.0": 1, "+Inf": 2}
    assert (value(samples, f"{name}_count", **sonnet), value(samples, f"{name}_sum", **sonnet)) == (2, 402)
    assert value(samples, "api_gateway_routing_latency_seconds_bucket", le="0.0025") == 1
    assert value(samples, "api_gateway_routing_latency_seconds_count") == 2
    assert value(samples, "api_gateway_model_latency_seconds_sum", model="claude-sonnet-5-5") == pytest.approx(400.9)
    assert value(samples, "ledger_unpriced_requests") == 1
    assert value(samples, "ledger_database_up") == 1


def test_budgets_reservations_and_corrections_are_gauges(database_url: str) -> None:
    with running_ledger(database_url) as service:
        client = service.client()
        client.call("PUT", "/v1/budgets", {"scope": "user", "subject": "ada", "period": "daily"} | LIMIT)
        reservation = {"request_id": "held", "model": "claude-sonnet", "user": "ada"}
        client.call("POST", "/v1/reservations", reservation | {"input_tokens": 1000, "max_output_tokens": 500})
        now = format_time(datetime.now(UTC))
        client.book(entry("one", occurred_at=now, user="ada"))
        client.book(entry("one", occurred_at=now, user="ada", correction="c", usage={"input_tokens": 500}))
        samples = scrape(client)
    budget = {"scope": "user", "subject": "ada", "period": "daily", "mode": "hard"}
    amounts = {part: value(samples, f"ledger_budget_{part}_usd", **budget) for part in ("limit", "spent", "reserved")}
    assert amounts == {"limit": 5, "spent": 0.001, "reserved": 0.007}
    assert value(samples, "ledger_budget_limit_usd", scope="global", subject="", period="daily", mode="soft") == 10
    assert value(samples, "ledger_open_reservations") == 1
    assert value(samples, "ledger_reserved_usd") == 0.007
    assert value(samples, "api_gateway_cost_total", model="claude-sonnet-5-5") == 0.007
    assert value(samples, "ledger_corrections_usd") == pytest.approx(-0.006)


def test_two_processes_and_a_restarted_one_tell_the_same(database_url: str) -> None:
    with running_ledger(database_url) as first, running_ledger(database_url) as second:
        fill(first.client())
        second.client().book(entry("from the second", latency_seconds=1))
        before = of_books(scrape(first.client()))
        assert of_books(scrape(second.client())) == before
    with running_ledger(database_url) as again:
        assert of_books(scrape(again.client())) == before
    assert value(before, "api_gateway_requests_total", model="claude-sonnet-5-5", backend="cloud", status="ok") == 3


def test_a_database_that_is_away_costs_the_scrape_no_error_and_no_long_wait() -> None:
    with running_postgres() as postgres, running_ledger(postgres.create_database()) as service:
        client = service.client()
        client.book(entry("before"))
        postgres.stop()
        started = time.monotonic()
        samples = scrape(client)
        assert time.monotonic() - started < 2.5
        assert value(samples, "ledger_database_up") == 0
        assert value(samples, "ledger_booking_seconds_count") == 1
        assert not [name for name, _ in samples if name.startswith("api_gateway_")]
        postgres.start()
        service.wait_ready(seconds=5)
        assert value(scrape(client), "ledger_database_up") == 1


def test_a_stuck_booking_does_not_keep_the_metrics_from_being_read(database_url: str, postgres: PostgresServer) -> None:
    with running_ledger(database_url) as service, psycopg.connect(database_url) as stuck:
        service.client().book(entry("before"))
        scrape(service.client())
        stuck.execute("SELECT pg_advisory_xact_lock(1279607879, 1)")
        started = time.monotonic()
        samples = scrape(service.client())
        assert time.monotonic() - started < 1
        assert value(samples, "ledger_budget_limit_usd", scope="global", subject="", period="daily", mode="soft") == 10


_runs = count(1)
REQUESTS, TOKENS = st.integers(0, 5), st.integers(0, 9_000)
STEPS = st.tuples(st.sampled_from(["reserve", "book", "correct", "pass time"]), REQUESTS, TOKENS)


@pytest.fixture(scope="module")
def store(postgres: PostgresServer) -> Iterator[LedgerStore]:
    store = open_store(postgres.create_database(), 2)
    yield store
    store.close()


@given(st.lists(STEPS, max_size=25))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.timeout(300)
def test_no_counter_ever_falls_whatever_is_booked_confirmed_or_corrected(
    store: LedgerStore, steps: list[tuple[str, int, int]]
) -> None:
    run, now, catalogue = next(_runs), [datetime(2026, 12, 1, tzinfo=UTC)], load_catalogue()
    ledger = Ledger(store, catalogue, "claude-sonnet", lambda: now[0], LedgerMetrics())
    spending = Spending(store, catalogue, "claude-sonnet-5-5", lambda: now[0], ZoneInfo("UTC"))
    registry = CollectorRegistry()
    registry.register(BooksCollector(store.tally, spending.standings))
    seen = parsed(generate_latest(registry).decode())
    for number, (step, request, tokens) in enumerate(steps):
        body: dict[str, Any] = {"request_id": f"{run}-{request}", "model": "claude-sonnet"}
        if step == "pass time":
            now[0] += timedelta(seconds=tokens)
        elif step == "reserve":
            with suppress(AlreadyBooked, ReservationDiffers):
                spending.reserve(body | {"input_tokens": tokens, "max_output_tokens": tokens})
        else:
            body |= {"occurred_at": format_time(now[0]), "backend": "cloud", "status": "ok", "latency_seconds": 0.5}
            body |= {"usage": {"input_tokens": tokens}, "correction": f"{number}" if step == "correct" else None}
            ledger.book([body], batch=False)
        found = parsed(generate_latest(registry).decode())
        for key, was in seen.items():
            if key[0].endswith(("_total", "_bucket", "_count", "_sum")):
                assert found[key] >= was, key
        seen = found
    # Together they tell what the books hold.
    total = store.stats()["total_cost"]
    parts = ("api_gateway_cost_total", "ledger_corrections_usd", "ledger_unconfirmed_usd")
    told = sum(Decimal(str(amount)) for (name, _), amount in seen.items() if name in parts)
    assert abs(told - total) < Decimal("0.000001")
