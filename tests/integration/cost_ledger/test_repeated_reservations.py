"""Reservations that are asked for again, and reservations while the database is away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.cost_ledger.service import Client, entry, running_ledger
from tests.postgres import PostgresServer, running_postgres

HARD = {"scope": "user", "subject": "ada", "period": "daily", "limit": "1.00", "mode": "hard"}


def reserve(client: Client, request_id: str, **fields: Any) -> tuple[int, Any]:
    body = {"request_id": request_id, "model": "claude-sonnet", "input_tokens": 1000, "max_output_tokens": 500}
    return client.call("POST", "/v1/reservations", body | {"user": "ada", "tags": ["a", "b"]} | fields)


def test_the_same_reservation_again_is_the_first_one(client: Client) -> None:
    status, first = reserve(client, "same")
    assert (status, first["amount"]) == (201, "0.007")
    # Another name of the model, the defaults written out, and another wish for its end.
    again = {"model": "claude-sonnet-5-5", "batch": False, "inference_geo": None, "timeout_seconds": 60}
    assert reserve(client, "same", **again) == (200, first)


@pytest.mark.parametrize(
    "other",
    [
        {"model": "claude-haiku"},
        {"model": "claude-next-9"},
        {"input_tokens": 1001},
        {"max_output_tokens": 499},
        {"cache_writes": "1h"},
        {"batch": True},
        {"inference_geo": "us"},
        {"user": None},
        {"key_id": "k"},
        {"tags": ["a"]},
    ],
)
def test_a_reservation_that_differs_from_the_first_is_refused(client: Client, other: dict[str, Any]) -> None:
    request_id = f"differs-{other}"
    amount = reserve(client, request_id)[1]["amount"]
    status, document = reserve(client, request_id, **other)
    assert (status, document["error"]["code"]) == (409, "reservation_differs")
    assert reserve(client, request_id)[1]["amount"] == amount  # the first one holds


def test_a_request_in_the_books_is_told_first(client: Client) -> None:
    client.book(entry("booked"))
    status, document = reserve(client, "booked", input_tokens=5)
    assert (status, document["error"]["code"]) == (409, "already_booked")


@pytest.mark.parametrize(("request_id", "status"), [("none such", 204), ("a%2Fb", 204), ("a%00b", 400), ("a%7F", 400)])
def test_a_reservation_that_is_not_there_is_let_go_of(client: Client, request_id: str, status: int) -> None:
    assert client.call("DELETE", f"/v1/reservations/{request_id.replace(' ', '%20')}")[0] == status


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


def test_a_hard_budget_holds_while_the_database_is_away(own_postgres: PostgresServer) -> None:
    with running_ledger(own_postgres.create_database()) as service:
        client = service.client()
        assert client.call("PUT", "/v1/budgets", HARD)[0] == 201
        own_postgres.stop()
        status, document = reserve(client, "one")
        assert (status, document["error"]["code"]) == (503, "ledger_unavailable")
        assert document["hard_budgets"] is True
        assert client.call("GET", "/readyz")[0] == 503
        own_postgres.start()
        service.wait_ready(seconds=5)
        assert reserve(client, "one")[0] == 201


def test_without_a_hard_budget_requests_go_on_while_the_database_is_away(own_postgres: PostgresServer) -> None:
    with running_ledger(own_postgres.create_database()) as service:
        client = service.client()
        assert reserve(client, "before")[1]["hard_budgets"] is False
        own_postgres.stop()
        status, document = reserve(client, "one")
        assert status == 201
        assert (document["reserved"], document["amount"], document["hard_budgets"]) == (False, None, False)
        assert client.call("GET", "/readyz")[0] == 503


def test_a_ledger_that_never_saw_its_database_reserves_nothing(own_postgres: PostgresServer) -> None:
    url = own_postgres.create_database()
    own_postgres.stop()
    with running_ledger(url, alive=True) as service:
        status, document = reserve(service.client(), "one")
        assert (status, document["error"]["code"]) == (503, "ledger_unavailable")
        assert document["hard_budgets"] is None
