"""Keys over HTTP: what they may do, what is refused, and what becomes of a budget."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.cost_ledger.keys import hash_key
from tests.unit.cost_ledger.conftest import NOW
from tests.unit.cost_ledger.ledger_fakes import FakeBudgets, FakeStore

LATER = "2026-12-22T03:00:00.000000Z"
TERMS = {"expires_at": LATER, "rate_limit": 60, "allowed_models": ["claude-haiku-5-5", "tinyllama"]}
NONE = {"expires_at": None, "rate_limit": None, "allowed_models": None}
UNKNOWN = "9f4c0c0e-6b0a-4bb0-9a53-0a1a45a1d001"


def send(client: FlaskClient, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    response = client.open(path, method=method, data=json.dumps(body))
    return response.status_code, response.get_json()


def make(client: FlaskClient, **body: Any) -> Any:
    status, document = send(client, "POST", "/v1/keys", {"name": "ada", **body})
    assert status == 201, document
    return document


def only(document: dict[str, Any], terms: dict[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in terms}


def test_a_key_is_made_with_its_terms_and_shown_once(client: FlaskClient, store: FakeStore) -> None:
    made = make(client, **TERMS)
    assert only(made, TERMS) == TERMS
    assert made["state"] == "active"
    (key,) = store.all_keys()
    assert key.key_hash == hash_key(made["key"])
    assert made["key"] not in str(client.get("/v1/keys").get_json())


def test_a_key_without_terms_has_no_end_and_no_limits(client: FlaskClient) -> None:
    assert only(make(client), NONE) == NONE
    assert only(make(client, **NONE, budget_daily=None), NONE) == NONE


def test_models_are_kept_once_under_their_names_in_the_catalogue(client: FlaskClient) -> None:
    made = make(client, allowed_models=["claude-haiku", "claude-haiku-4-5-20251001", "claude-haiku-5-5"])
    assert made["allowed_models"] == ["claude-haiku-5-5", "claude-haiku-4-5"]


def test_every_unknown_model_is_named(client: FlaskClient, store: FakeStore) -> None:
    body = {"name": "ada", "allowed_models": ["gpt-9", "tinyllama", "hal"]}
    status, document = send(client, "POST", "/v1/keys", body)
    assert (status, document["error"]["field"]) == (400, "allowed_models")
    assert document["error"]["message"] == "allowed_models: not in the catalogue: 'gpt-9', 'hal'"
    assert not store.keys


def test_an_error_does_not_repeat_a_hundred_unknown_models(client: FlaskClient) -> None:
    names = [f"{number:03}{'x' * 125}" for number in range(100)]
    _, document = send(client, "POST", "/v1/keys", {"name": "ada", "allowed_models": names})
    assert document["error"]["message"].endswith("and 90 more")
    assert len(document["error"]["message"]) < 1200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("expires_at", "2026-11-22T03:00:00Z"),  # now
        ("expires_at", "2026-11-22T04:59:59+02:00"),
        ("expires_at", "2026-12-22"),
        ("expires_at", "2026-12-22T03:00:00"),
        ("expires_at", "30d"),
        ("expires_at", 5),
        ("rate_limit", 0),
        ("rate_limit", 100_001),
        ("rate_limit", 1.5),
        ("rate_limit", "60"),
        ("rate_limit", True),
        ("allowed_models", []),
        ("allowed_models", ["tinyllama"] * 101),
        ("allowed_models", "tinyllama"),
        ("budget_daily", "0.00"),
        ("budget_daily", "-1"),
        ("budget_daily", "NaN"),
        ("budget_daily", "1e3"),
        ("budget_daily", "1.00\n"),
        ("budget_monthly", "1,50"),
        ("budget_monthly", 1.5),
        ("budget_weekly", "1.00"),
    ],
)
def test_a_wrong_term_is_400_and_named(client: FlaskClient, store: FakeStore, field: str, value: Any) -> None:
    status, document = send(client, "POST", "/v1/keys", {"name": "ada", field: value})
    assert status == 400
    assert field in document["error"]["message"]
    assert not store.keys


def test_the_edges_of_the_terms_are_taken(client: FlaskClient) -> None:
    soon = "2026-11-22T03:00:00.000001Z"
    assert make(client, expires_at=soon)["expires_at"] == soon
    assert make(client, rate_limit=1)["rate_limit"] == 1
    assert make(client, rate_limit=100_000.0)["rate_limit"] == 100_000


def test_budgets_are_set_for_the_key_before_it_exists(client: FlaskClient, budgets: FakeBudgets) -> None:
    made = make(client, budget_monthly="20", budget_daily="1.50")
    assert budgets.limits == [(made["id"], "daily", Decimal("1.50")), (made["id"], "monthly", Decimal(20))]


def test_no_key_is_made_when_its_budget_cannot_be_set(
    client: FlaskClient, budgets: FakeBudgets, store: FakeStore
) -> None:
    budgets.away = True
    status, document = send(client, "POST", "/v1/keys", {"name": "ada", "budget_daily": "1.00"})
    assert (status, document["error"]["code"]) == (503, "ledger_unavailable")
    assert not store.keys


def test_a_known_key_keeps_its_terms_and_gets_no_budget(client: FlaskClient, budgets: FakeBudgets) -> None:
    body = {"name": "deploy", "key_hash": "ab" * 32, "rate_limit": 60}
    status, first = send(client, "POST", "/v1/keys", body)
    assert (status, first["rate_limit"]) == (201, 60)
    assert send(client, "POST", "/v1/keys", body | {"rate_limit": 5, "budget_daily": "1.00"}) == (200, first)
    assert budgets.limits == []


def test_an_expired_key_is_listed_as_such_and_does_not_open_the_gate(client: FlaskClient, store: FakeStore) -> None:
    made = make(client, expires_at=LATER)
    assert [key["id"] for key in client.get("/v1/keys/active").get_json()["keys"]] == [made["id"]]
    (key,) = store.all_keys()
    store.change_key(key.id, {"expires_at": NOW - timedelta(seconds=1)})
    assert client.get("/v1/keys/active").get_json() == {"keys": []}
    assert client.get("/v1/keys").get_json()["keys"][0]["state"] == "expired"


def test_the_gate_is_told_what_keys_may_do(client: FlaskClient) -> None:
    made = make(client, **TERMS)
    (credential,) = client.get("/v1/keys/active").get_json()["keys"]
    assert credential == {"id": made["id"], "name": "ada", "key_hash": hash_key(made["key"]), **TERMS}


def test_what_is_named_changes_and_the_rest_stays(client: FlaskClient) -> None:
    path = f"/v1/keys/{make(client)['id']}"
    expected: dict[str, Any] = {"name": "ada", **NONE}
    for name, value in {"name": "grace", **TERMS}.items():
        change = {name: value}
        status, changed = send(client, "PATCH", path, change)
        expected |= change
        assert (status, only(changed, expected)) == (200, expected)
    status, changed = send(client, "PATCH", path, NONE)
    assert (status, only(changed, NONE)) == (200, NONE)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({}, "the body"),
        ([], "the body"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"expires_at": "2026-11-22T03:00:00Z"}, "expires_at"),
        ({"rate_limit": 0}, "rate_limit"),
        ({"allowed_models": ["gpt-9"]}, "allowed_models"),
        ({"budget_daily": "1.00"}, "budget_daily"),
        ({"key_hash": "ab" * 32}, "key_hash"),
        ({"revoked_at": None}, "revoked_at"),
    ],
)
def test_a_wrong_change_is_400_and_changes_nothing(client: FlaskClient, change: Any, named: str) -> None:
    made = make(client)
    status, document = send(client, "PATCH", f"/v1/keys/{made['id']}", change)
    assert status == 400
    assert named in document["error"]["message"]
    del made["key"]
    assert client.get("/v1/keys").get_json()["keys"] == [made]


def test_a_revoked_key_cannot_be_changed(client: FlaskClient) -> None:
    path = f"/v1/keys/{make(client)['id']}"
    assert client.delete(path).status_code == 204
    status, document = send(client, "PATCH", path, {"rate_limit": 5})
    assert (status, document["error"]["code"]) == (409, "key_revoked")
    assert client.get("/v1/keys").get_json()["keys"][0]["state"] == "revoked"


def test_changing_an_unknown_key_is_404(client: FlaskClient) -> None:
    status, document = send(client, "PATCH", f"/v1/keys/{UNKNOWN}", {"name": "x"})
    assert (status, document["error"]["code"]) == (404, "unknown_key")
