"""One PostgreSQL for all tests of the ledger; a database for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.cost_ledger.service import Client, Service, running_ledger
from tests.postgres import PostgresServer, running_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def database_url(postgres: PostgresServer) -> str:
    return postgres.create_database()


@pytest.fixture(scope="module")
def service(postgres: PostgresServer) -> Iterator[Service]:
    """A ledger that the tests of a module share."""
    with running_ledger(postgres.create_database(), MACHINE_COST_MONTHLY="30") as service:
        yield service


@pytest.fixture
def client(service: Service) -> Client:
    return service.client()


@pytest.fixture
def own_service(database_url: str) -> Iterator[Service]:
    """A ledger with empty books, for one test."""
    with running_ledger(database_url) as service:
        yield service
