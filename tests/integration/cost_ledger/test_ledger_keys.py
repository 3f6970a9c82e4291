"""What keys may do, over HTTP, the terminal and a real PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from services.cost_ledger.times import format_time, utc_now
from tests.integration.cost_ledger.service import ROOT, Client, Service, environment, wait_until

NONE = {"expires_at": None, "rate_limit": None, "allowed_models": None}
TERMS = {
    "expires_at": "2099-12-31T22:00:00.123456Z",
    "rate_limit": 60,
    "allowed_models": ["claude-haiku-5-5", "tinyllama"],
}


def run(service: Service, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.cost_ledger", "keys", *arguments],
        env=environment(DATABASE_URL=service.database_url),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def make(client: Client, **terms: Any) -> dict[str, Any]:
    status, made = client.call("POST", "/v1/keys", {"name": "ada", **terms})
    assert status == 201, made
    del made["key"]
    document: dict[str, Any] = made
    return document


def listed(client: Client, key: dict[str, Any]) -> Any:
    return next(each for each in client.get("/v1/keys")["keys"] if each["id"] == key["id"])


def credential(client: Client, key: dict[str, Any]) -> Any:
    return next((each for each in client.get("/v1/keys/active")["keys"] if each["id"] == key["id"]), None)


def test_terms_are_kept_as_they_were_given(client: Client) -> None:
    made = make(client, **TERMS)
    assert made == {**made, **TERMS, "state": "active", "revoked_at": None}
    assert listed(client, made) == made
    assert credential(client, made).items() >= TERMS.items()


def test_changes_touch_only_what_they_name_even_at_once(client: Client, service: Service) -> None:
    key = make(client)
    changes: list[dict[str, Any]] = [{"name": "grace"}, *({name: value} for name, value in TERMS.items())]
    with ThreadPoolExecutor(4) as pool:
        clients = [service.client() for _ in changes]
        path = f"/v1/keys/{key['id']}"
        answers = list(pool.map(lambda each, change: each.call("PATCH", path, change), clients, changes))
    assert [status for status, _ in answers] == [200] * 4
    assert listed(client, key) == {**key, **TERMS, "name": "grace"}
    assert client.call("PATCH", path, NONE) == (200, {**key, "name": "grace"})
    assert listed(client, key) == {**key, "name": "grace"}


def test_a_revoked_or_unknown_key_is_not_changed(client: Client) -> None:
    key = make(client, rate_limit=5)
    assert client.call("DELETE", f"/v1/keys/{key['id']}")[0] == 204
    status, document = client.call("PATCH", f"/v1/keys/{key['id']}", {"rate_limit": 6})
    assert (status, document["error"]["code"]) == (409, "key_revoked")
    assert (listed(client, key)["rate_limit"], listed(client, key)["state"]) == (5, "revoked")
    status, document = client.call("PATCH", "/v1/keys/9f4c0c0e-6b0a-4bb0-9a53-0a1a45a1d001", {"rate_limit": 6})
    assert (status, document["error"]["code"]) == (404, "unknown_key")


def test_a_key_expires_by_itself_and_is_renewed_by_a_change(client: Client) -> None:
    end = utc_now() + timedelta(seconds=1)
    key = make(client, expires_at=format_time(end))
    assert credential(client, key) is not None
    wait_until(lambda: credential(client, key) is None)
    assert utc_now() >= end
    assert listed(client, key)["state"] == "expired"
    assert client.call("PATCH", f"/v1/keys/{key['id']}", {"expires_at": None})[1]["state"] == "active"
    assert credential(client, key) is not None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"expires_at": "2026-01-01T00:00:00Z"}, "expires_at"),
        ({"rate_limit": 100_001}, "rate_limit"),
        ({"allowed_models": ["gpt-9"]}, "allowed_models"),
    ],
)
def test_wrong_terms_are_refused(client: Client, body: dict[str, Any], field: str) -> None:
    key = make(client)
    for method, path, extra in (("POST", "/v1/keys", {"name": "x"}), ("PATCH", f"/v1/keys/{key['id']}", {})):
        status, document = client.call(method, path, {**body, **extra})
        assert (status, document["error"]["field"]) == (400, field)


def test_the_database_itself_refuses_terms_out_of_range(client: Client, service: Service) -> None:
    key = make(client)
    with psycopg.connect(service.database_url, autocommit=True) as conn:
        for column, value in (("rate_limit", 0), ("rate_limit", 100_001), ("allowed_models", [])):
            with pytest.raises(psycopg.errors.CheckViolation):
                conn.execute(f"UPDATE ledger.api_keys SET {column} = %s WHERE id = %s", (value, key["id"]))  # noqa: S608
    assert listed(client, key) == key


def test_two_that_register_a_key_at_once_get_the_same_one(service: Service) -> None:
    body = {"name": "twice", "key_hash": f"{time.monotonic_ns():064x}"}
    with ThreadPoolExecutor(4) as pool:
        clients = [service.client() for _ in range(4)]
        answers = list(pool.map(lambda each: each.call("POST", "/v1/keys", body), clients))
    assert sorted(status for status, _ in answers) == [200, 200, 200, 201]
    assert len({document["id"] for _, document in answers}) == 1


def test_keys_are_changed_and_revoked_from_the_terminal(client: Client, service: Service) -> None:
    terms = ("--expires", "30d", "--rate", "60", "--models", "claude-haiku")
    made = run(service, "create", "terminal", *terms)
    assert made.returncode == 0, made.stderr
    (key,) = (each for each in json.loads(run(service, "list", "--json").stdout)["keys"] if each["name"] == "terminal")
    assert made.stdout.startswith(key["prefix"])
    assert (key["rate_limit"], key["allowed_models"]) == (60, ["claude-haiku-5-5"])
    assert credential(client, key) is not None
    changed = run(service, "change", key["id"][:8], "--rate", "none", "--models", "all", "--name", "console")
    assert changed.returncode == 0, changed.stderr
    assert listed(client, key) == {**key, "name": "console", "rate_limit": None, "allowed_models": None}
    assert run(service, "revoke", key["prefix"]).returncode == 0
    assert credential(client, key) is None
    assert run(service, "change", key["id"], "--rate", "5").returncode == 1


def test_budgets_of_a_key_are_hard_ones(client: Client, service: Service) -> None:
    _, made = client.call("POST", "/v1/keys", {"name": "thrifty", "budget_daily": "0.01", "budget_monthly": "5"})
    assert run(service, "create", "from the terminal", "--daily", "2.50").returncode == 0
    own = [budget for budget in client.get("/v1/budgets")["budgets"] if budget["subject"] == made["id"]]
    assert [(b["scope"], b["period"], b["limit"], b["mode"]) for b in own] == [
        ("key", "daily", "0.01", "hard"),
        ("key", "monthly", "5.00", "hard"),
    ]
    body = {"request_id": "dear", "model": "claude-sonnet", "input_tokens": 0, "max_output_tokens": 1001}
    assert client.call("POST", "/v1/reservations", body | {"key_id": made["id"]})[0] == 402
    assert client.call("POST", "/v1/reservations", body | {"key_id": made["id"], "max_output_tokens": 1000})[0] == 201


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("create", "x", "--models", "gpt-9"), 2, "error: allowed_models: not in the catalogue: 'gpt-9'"),
        (("revoke", "hai-never-made"), 1, "error: There is no key that begins with 'hai-never-made'."),
        (("change", "9f4c0c0e", "--rate", "5"), 1, "error: There is no key that begins with '9f4c0c0e'."),
    ],
)
def test_wrong_commands_fail_in_one_line(service: Service, arguments: tuple[str, ...], status: int, said: str) -> None:
    ended = run(service, *arguments)
    assert (ended.returncode, ended.stdout) == (status, "")
    assert ended.stderr.splitlines() == [said]
