"""The ledger while its database is away, frozen or replaced: quick 503s, and no help needed to come back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.integration.cost_ledger.service import Client, entry, running_ledger, wait_until
from tests.ports import free_port
from tests.postgres import PostgresServer, running_postgres

COST = {"model": "claude-sonnet", "usage": {"input_tokens": 1000}}


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A server of this module's own, which its tests stop."""
    with running_postgres() as server:
        yield server


def assert_unavailable(client: Client, method: str, path: str, body: Any = None, *, within: float) -> None:
    started = time.monotonic()
    status, document = client.call(method, path, body)
    assert (status, document["error"]["code"]) == (503, "ledger_unavailable")
    assert "Traceback" not in str(document)
    assert "127.0.0.1" not in str(document)
    assert time.monotonic() - started < within


def test_a_database_that_stops_gives_quick_503s_and_the_ledger_finds_it_again(postgres: PostgresServer) -> None:
    with running_ledger(postgres.create_database()) as service:
        client = service.client()
        client.book(entry("before"))
        postgres.stop()
        try:
            assert_unavailable(client, "POST", "/v1/entries", entry("during"), within=2.5)
            for path in ("/v1/entries", "/v1/stats", "/v1/reports/summary", "/v1/keys", "/v1/keys/active"):
                assert_unavailable(client, "GET", path, within=0.5)
            assert_unavailable(client, "POST", "/v1/keys", {"name": "x"}, within=0.5)
            key = "/v1/keys/9f4c0c0e-6b0a-4bb0-9a53-0a1a45a1d001"
            assert_unavailable(client, "PATCH", key, {"name": "x"}, within=0.5)
            status, document = client.call("GET", "/readyz")
            assert (status, document["problems"]) == (503, {"database": "PostgreSQL does not answer."})
            assert client.call("GET", "/healthz")[0] == 200
            assert client.call("POST", "/v1/cost", COST)[1]["cost"] == "0.002"
        finally:
            postgres.start()
        service.wait_ready(seconds=5)
        assert [result["duplicate"] for result in client.book(entry("before"), entry("during"))] == [True, False]


def test_a_restart_between_two_requests_goes_unnoticed(postgres: PostgresServer) -> None:
    with running_ledger(postgres.create_database()) as service:
        client = service.client()
        client.book(entry("one"))
        postgres.stop()
        postgres.start()
        client.book(entry("two"))


def test_the_ledger_starts_without_its_database_and_migrates_it_once_it_is_there() -> None:
    with running_postgres() as server:
        url = server.create_database()
        server.stop()
        with running_ledger(url, alive=True) as service:
            client = service.client()
            assert client.call("GET", "/readyz")[0] == 503
            assert_unavailable(client, "POST", "/v1/entries", entry("early"), within=0.5)
            assert client.call("POST", "/v1/cost", COST)[1]["cost"] == "0.002"
            server.start()
            service.wait_ready(seconds=5)
            assert client.book(entry("early"))[0]["duplicate"] is False


def test_a_frozen_database_is_given_up_and_taken_back(postgres: PostgresServer) -> None:
    with running_ledger(postgres.create_database()) as service:
        client = service.client()
        client.book(entry("before"))
        with postgres.frozen():
            assert_unavailable(client, "POST", "/v1/entries", entry("during"), within=6)
            assert_unavailable(client, "POST", "/v1/entries", entry("during"), within=0.5)
            assert client.call("POST", "/v1/cost", COST)[0] == 200
        service.wait_ready(seconds=5)
        client.book(entry("during"))
        assert client.get("/v1/stats")["total_requests"] == 2


def test_a_database_made_anew_is_migrated_anew(postgres: PostgresServer) -> None:
    url = postgres.create_database()
    with running_ledger(url) as service:
        client = service.client()
        client.book(entry("lost"))
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("DROP SCHEMA ledger CASCADE")
        assert_unavailable(client, "GET", "/v1/stats", within=2.5)
        service.wait_ready(seconds=5)
        assert client.book(entry("lost"))[0]["duplicate"] is False


def test_a_host_that_never_answers_does_not_keep_the_ledger_from_starting() -> None:
    with running_ledger(f"postgresql://ledger@127.0.0.1:{free_port()}/books", alive=True) as service:
        assert_unavailable(service.client(), "GET", "/v1/stats", within=0.5)


def test_no_password_shows_when_the_database_refuses_it(postgres: PostgresServer) -> None:
    url = postgres.url("nowhere").replace("postgres@", "postgres:hunter22@")
    with running_ledger(url, alive=True) as service:
        client = service.client()
        wait_until(lambda: client.call("GET", "/readyz")[0] == 503)
        assert "hunter22" not in str(client.call("GET", "/readyz")) + str(client.call("GET", "/v1/stats"))
