"""A ledger over a store in memory, and its HTTP client."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.cost_ledger.app import create_app
from services.cost_ledger.config import Config
from services.runtime import ServiceConfig
from tests.unit.cost_ledger.ledger_fakes import FakeBudgets, FakeStore

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
TOKEN = "a-token-for-tests"


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def budgets() -> FakeBudgets:
    return FakeBudgets()


@pytest.fixture
def client(store: FakeStore, budgets: FakeBudgets) -> Iterator[FlaskClient]:
    service = ServiceConfig(host="127.0.0.1", port=1, service_token=TOKEN, log_level="INFO", threads=1)
    app = create_app(
        Config(service, "postgresql://nowhere"),
        store=store,  # type: ignore[arg-type]
        clock=lambda: NOW,
        key_budgets=budgets,
    )
    with app.test_client() as client:
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
        yield client


@pytest.fixture
def body() -> dict[str, Any]:
    """A valid entry."""
    return {
        "request_id": "r-1",
        "occurred_at": "2026-11-22T02:59:00Z",
        "model": "claude-sonnet-5-5",
        "backend": "cloud",
        "status": "ok",
        "usage": {"input_tokens": 1000, "output_tokens": 500},
    }
