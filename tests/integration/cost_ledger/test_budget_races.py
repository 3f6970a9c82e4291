"""Hard budgets under clients that race: what is spent and reserved never passes a limit."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import pytest

from tests.integration.cost_ledger.service import Client, Service, entry, running_ledger
from tests.postgres import PostgresServer

CLIENTS = 64
RUNS = 20
LIMIT = Decimal("1.00")
OUTPUT_PRICE = Decimal(10) / 1_000_000  # USD a token, Sonnet 5.5


def reserve(client: Client, request_id: str, user: str, tokens: int) -> tuple[int, Any]:
    body = {"request_id": request_id, "model": "claude-sonnet", "user": user}
    return client.call("POST", "/v1/reservations", body | {"input_tokens": 0, "max_output_tokens": tokens})


def standing(client: Client, user: str) -> dict[str, Any]:
    (found,) = [budget for budget in client.get("/v1/budgets")["budgets"] if budget["subject"] == user]
    return dict(found)


def race(services: list[Service], run: int) -> None:
    """Every client reserves and settles, at random, until nothing fits any more."""
    user = f"user-{run}"
    watcher = services[0].client()
    budget = {"scope": "user", "subject": user, "period": "daily", "limit": "1.00", "mode": "hard"}
    assert watcher.call("PUT", "/v1/budgets", budget)[0] == 201

    def ask(worker: int) -> tuple[Decimal, int]:
        client = services[worker % len(services)].client()
        dice = random.Random(run * 1000 + worker)  # noqa: S311 (no secret)
        settled, refused = Decimal(0), 0
        for number in range(4):
            tokens = dice.randrange(500, 6000)
            request_id = f"{user}-{worker}-{number}"
            status, document = reserve(client, request_id, user, tokens)
            assert status in (201, 402), document
            if status == 402:
                refused += 1
                continue
            if dice.random() < 0.7:
                used = dice.randrange(0, tokens + 1)
                client.book(entry(request_id, user=user, usage={"output_tokens": used}))
                settled += used * OUTPUT_PRICE
            seen = standing(client, user)
            assert Decimal(seen["spent"]) + Decimal(seen["reserved"]) <= LIMIT
        return settled, refused

    with ThreadPoolExecutor(CLIENTS) as pool:
        results = list(pool.map(ask, range(CLIENTS)))
    end = standing(watcher, user)
    assert Decimal(end["spent"]) == sum(settled for settled, _ in results)
    assert Decimal(end["spent"]) + Decimal(end["reserved"]) <= LIMIT
    assert sum(refused for _, refused in results) > 0
    # The last request that fits is allowed: to the last token, and not one more.
    fits = int(Decimal(end["remaining"]) / OUTPUT_PRICE)
    assert reserve(watcher, f"{user}-over", user, fits + 1)[0] == 402
    assert reserve(watcher, f"{user}-last", user, fits)[0] == 201
    assert standing(watcher, user)["remaining"] == "0.00"
    for service in services:
        service.close_clients()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("processes", [1, 2])
def test_clients_that_race_never_pass_a_hard_budget(postgres: PostgresServer, processes: int) -> None:
    url = postgres.create_database()
    with ExitStack() as stack:
        services = [stack.enter_context(running_ledger(url, SERVICE_THREADS="32")) for _ in range(processes)]
        for run in range(RUNS):
            race(services, run)
