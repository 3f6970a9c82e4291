"""The HTTP interface over a store in memory: what is taken, what is refused, and how errors look."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.unit.cost_ledger.ledger_fakes import FakeStore

LONE_SURROGATE = "\ud800"


def post(client: FlaskClient, body: Any, path: str = "/v1/entries") -> tuple[int, Any]:
    response = client.post(path, data=body if isinstance(body, bytes) else json.dumps(body))
    return response.status_code, response.get_json()


def test_a_new_entry_is_201_and_a_repeated_one_200(client: FlaskClient, body: dict[str, Any]) -> None:
    result = {"request_id": "r-1", "cost": "0.007", "priced": True, "duplicate": False}
    assert post(client, body) == (201, {"results": [result]})
    assert post(client, body) == (200, {"results": [result | {"duplicate": True}]})


def test_an_entry_without_a_known_price_says_so(client: FlaskClient, body: dict[str, Any]) -> None:
    _, document = post(client, body | {"model": "claude-next-9"})
    assert document["results"][0]["cost"] is None
    assert document["results"][0]["priced"] is False


def test_every_field_of_the_contract_is_taken(client: FlaskClient, body: dict[str, Any], store: FakeStore) -> None:
    full = {
        "usage": {
            "input_tokens": 1,
            "output_tokens": 2,
            "cache_read_tokens": 3,
            "cache_write_5m_tokens": 4,
            "cache_write_1h_tokens": 5,
        },
        "latency_seconds": 1.5,
        "tier": "cloud",
        "complexity": 0.7,
        "reasoning": "Asks for a proof.\nTwice.",
        "key_id": "k",
        "user": "ada",
        "tags": ["a", "b"],
        "dialect": "openai",
        "error_code": "overloaded",
    }
    nothing = dict.fromkeys(["latency_seconds", "tier", "complexity", "reasoning", "key_id", "user"])
    assert post(client, body | full)[0] == 201
    assert post(client, body | nothing | {"request_id": "r-2", "dialect": None, "error_code": None})[0] == 201
    entry = store.entries["r-1"].entry
    assert (entry.reasoning, entry.tags, entry.error_code) == ("Asks for a proof.\nTwice.", ("a", "b"), "overloaded")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("request_id", ""),
        ("request_id", "x" * 129),
        ("request_id", 7),
        ("request_id", None),
        ("request_id", "a\nb"),
        ("request_id", "a\n"),
        ("request_id", "a\x00"),
        ("request_id", LONE_SURROGATE),
        ("occurred_at", 1_700_000_000),
        ("occurred_at", "2026-11-22T02:59:00"),
        ("occurred_at", "2026-11-22"),
        ("occurred_at", "2026-11-31T00:00:00Z"),
        ("occurred_at", "2026-11-23T03:00:01Z"),
        ("occurred_at", "9999-12-31T23:59:59Z"),
        ("model", ""),
        ("model", ["claude"]),
        ("backend", "ollama"),
        ("backend", None),
        ("status", "OK"),
        ("usage", None),
        ("usage", []),
        ("latency_seconds", -0.1),
        ("latency_seconds", "fast"),
        ("latency_seconds", True),
        ("latency_seconds", 1e7),
        ("complexity", 1.01),
        ("complexity", -0.01),
        ("reasoning", "x" * 4001),
        ("reasoning", "\x00"),
        ("user", "u" * 257),
        ("tags", "bench"),
        ("tags", None),
        ("tags", [""]),
        ("tags", [1]),
        ("tags", ["t"] * 33),
        ("key_id", 5),
        ("tier", 1),
        ("dialect", {}),
        ("error_code", []),
    ],
)
def test_a_wrong_field_is_400_and_named(
    client: FlaskClient, body: dict[str, Any], store: FakeStore, field: str, value: Any
) -> None:
    status, document = post(client, body | {field: value})
    assert (status, document["error"]["field"].partition("[")[0]) == (400, field), document
    assert field in document["error"]["message"]
    assert not store.entries


@pytest.mark.parametrize("tokens", [-1, 1_000_000_001, 1.5, "5", None, True, [1]])
@pytest.mark.parametrize("kind", ["input_tokens", "output_tokens", "cache_read_tokens", "cache_write_1h_tokens"])
def test_wrong_token_counts_are_400_and_named(
    client: FlaskClient, body: dict[str, Any], kind: str, tokens: Any
) -> None:
    status, document = post(client, body | {"usage": {kind: tokens}})
    assert (status, document["error"]["field"]) == (400, f"usage.{kind}")


@pytest.mark.parametrize(
    ("change", "named"),
    [({"cost": "0.01"}, "cost"), ({"usage": {"total_tokens": 5}}, "total_tokens"), ({"Request_ID": "x"}, "Request_ID")],
)
def test_unknown_fields_are_400_and_named(
    client: FlaskClient, body: dict[str, Any], change: dict[str, Any], named: str
) -> None:
    status, document = post(client, body | change)
    assert status == 400
    assert named in document["error"]["message"]


@pytest.mark.parametrize("field", ["request_id", "occurred_at", "model", "backend", "status"])
def test_a_missing_field_is_400_and_named(client: FlaskClient, body: dict[str, Any], field: str) -> None:
    del body[field]
    status, document = post(client, body)
    assert status == 400
    assert field in document["error"]["message"]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[1]",
        b"null",
        b'"x"',
        b"[" * 100_000,
        b'{"usage": NaN}',
        b'{"latency_seconds": Infinity}',
    ],
)
def test_a_broken_body_is_400(client: FlaskClient, text: bytes) -> None:
    status, document = post(client, text)
    assert status == 400
    assert document["error"]["code"] in ("invalid_json", "bad_request")


def test_a_number_too_large_for_a_float_is_400(client: FlaskClient, body: dict[str, Any]) -> None:
    text = json.dumps(body | {"latency_seconds": 5}).replace("5}", "1e999}")
    status, document = post(client, text.encode())
    assert (status, document["error"]["field"]) == (400, "latency_seconds")


@pytest.mark.parametrize("entries", [[], None, {}, "r-1", [1], [{}]])
def test_a_wrong_batch_is_400(client: FlaskClient, entries: Any) -> None:
    assert post(client, {"entries": entries})[0] == 400


def test_a_batch_has_1000_entries_at_most(client: FlaskClient, body: dict[str, Any]) -> None:
    entries = [body | {"request_id": f"r-{number}"} for number in range(1001)]
    assert post(client, {"entries": entries})[0] == 400
    assert post(client, {"entries": entries[:1000]})[0] == 201


def test_one_wrong_entry_spoils_its_batch_and_is_named(
    client: FlaskClient, body: dict[str, Any], store: FakeStore
) -> None:
    wrong = body | {"request_id": "r-2", "usage": {"input_tokens": -1}}
    status, document = post(client, {"entries": [body, wrong]})
    assert (status, document["error"]["field"]) == (400, "entries[1].usage.input_tokens")
    late = body | {"request_id": "r-2", "occurred_at": "2030-01-01T00:00:00Z"}
    assert post(client, {"entries": [body, late]})[1]["error"]["field"] == "entries[1].occurred_at"
    assert not store.entries


def test_a_batch_takes_no_other_fields(client: FlaskClient, body: dict[str, Any]) -> None:
    status, document = post(client, {"entries": [body], "mode": "fast"})
    assert status == 400
    assert "mode" in document["error"]["message"]


def test_a_paid_model_called_local_is_400(client: FlaskClient, body: dict[str, Any]) -> None:
    status, document = post(client, body | {"backend": "local"})
    assert (status, document["error"]["field"]) == (400, "backend")


def test_cost_is_told_with_its_prices(client: FlaskClient, store: FakeStore) -> None:
    store.away = True
    question = {"model": "claude-haiku", "usage": {"input_tokens": 100_001}, "at": "2026-11-01T00:00:00Z"}
    assert post(client, question, "/v1/cost") == (
        200,
        {
            "cost": "0.0500005",
            "priced": True,
            "prices": {
                "input": "0.50",
                "output": "2.50",
                "cache_read": "0.05",
                "cache_write_5m": "0.625",
                "cache_write_1h": "1.00",
            },
            "source": "genai-prices",
        },
    )


def test_cost_follows_the_moment_asked_for(client: FlaskClient) -> None:
    question = {"model": "claude-sonnet", "usage": {"cache_read_tokens": 1_000_000}}
    assert post(client, question, "/v1/cost")[1]["cost"] == "0.10"
    assert post(client, question | {"at": None}, "/v1/cost")[1]["cost"] == "0.10"
    assert post(client, question | {"at": "2026-10-06T23:00:00Z"}, "/v1/cost")[1]["cost"] == "0.20"


def test_cost_knows_batches_and_the_place_of_inference(client: FlaskClient) -> None:
    question = {"model": "claude-sonnet", "usage": {"input_tokens": 1000, "output_tokens": 500}}  # 0.007 USD
    assert post(client, question | {"batch": False, "inference_geo": None}, "/v1/cost")[1]["cost"] == "0.007"
    assert post(client, question | {"batch": True}, "/v1/cost")[1]["cost"] == "0.0035"
    assert post(client, question | {"inference_geo": "us"}, "/v1/cost")[1]["cost"] == "0.0077"
    _, document = post(client, question | {"batch": True, "inference_geo": "us"}, "/v1/cost")
    assert (document["cost"], document["prices"]["input"]) == ("0.00385", "1.10")
    assert document["source"] == "genai-prices; batch x 0.5; inference_geo us x 1.1"


@pytest.mark.parametrize(("field", "value"), [("batch", "yes"), ("batch", None), ("inference_geo", 1)])
def test_a_wrong_condition_of_cost_is_named(client: FlaskClient, field: str, value: Any) -> None:
    status, document = post(client, {"model": "claude-sonnet", "usage": {}, field: value}, "/v1/cost")
    assert (status, document["error"]["field"]) == (400, field)


def test_cost_of_an_unknown_model_is_unknown(client: FlaskClient) -> None:
    unknown = {"cost": None, "priced": False, "prices": None, "source": None}
    assert post(client, {"model": "gpt-9", "usage": {}}, "/v1/cost") == (200, unknown)


def test_cost_of_a_local_model_is_nothing(client: FlaskClient) -> None:
    _, document = post(client, {"model": "tinyllama", "usage": {"input_tokens": 9}}, "/v1/cost")
    assert (document["cost"], document["source"]) == ("0.00", "local")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"usage": {}}, "model"),
        ({"model": "x"}, "usage"),
        ({"model": "x", "usage": {"tokens": 1}}, "tokens"),
        ({"model": "x", "usage": {}, "at": "today"}, "at"),
        ({"model": "x", "usage": {}, "at": "2030-01-01T00:00:00Z"}, "at"),
        ({"model": "x", "usage": {}, "when": 1}, "when"),
    ],
)
def test_a_wrong_question_for_cost_is_400(client: FlaskClient, body: dict[str, Any], named: str) -> None:
    status, document = post(client, body, "/v1/cost")
    assert status == 400
    assert named in document["error"]["message"]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/entries?limit=0", "limit"),
        ("/v1/entries?limit=1001", "limit"),
        ("/v1/entries?limit=ten", "limit"),
        ("/v1/entries?limit=", "limit"),
        ("/v1/entries?limit=%D9%A5", "limit"),
        ("/v1/entries?after=-1", "after"),
        ("/v1/entries?after=abc", "after"),
        ("/v1/entries?after=9223372036854775808", "after"),
        ("/v1/entries?page=2", "page"),
        ("/v1/entries?limit=1&limit=2", "limit"),
        ("/v1/stats?from=2026-01-01", "from"),
        ("/v1/reports/summary?from=yesterday", "from"),
        ("/v1/reports/summary?from=2026-11-02&to=2026-11-01", "to"),
        ("/v1/reports/summary?since=2026-11-02", "since"),
    ],
)
def test_a_wrong_query_is_400_and_named(client: FlaskClient, path: str, field: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.get_json()["error"]["field"]) == (400, field)


def test_an_unknown_baseline_is_400(client: FlaskClient) -> None:
    response = client.get("/v1/reports/summary?baseline=gpt-9")
    assert (response.status_code, response.get_json()["error"]["code"]) == (400, "unknown_model")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x" * 129},
        {"name": "a\tb"},
        {"name": 5},
        {"name": "x", "key_hash": "AB" * 32},
        {"name": "x", "key_hash": "ab" * 31},
        {"name": "x", "key_hash": "ab" * 32 + "\n"},
        {"name": "x", "key": "hai-secret"},
    ],
)
def test_a_wrong_key_is_400(client: FlaskClient, body: dict[str, Any]) -> None:
    assert post(client, body, "/v1/keys")[0] == 400


def test_a_malformed_key_id_is_404(client: FlaskClient) -> None:
    assert client.delete("/v1/keys/everything").status_code == 404


def test_nothing_is_told_without_the_service_token(client: FlaskClient) -> None:
    for method, path in [("GET", "/v1/stats"), ("POST", "/v1/entries"), ("GET", "/v1/keys/active")]:
        response = client.open(path, method=method, headers={"Authorization": "Bearer wrong"})
        assert response.status_code == 401


def test_a_database_that_is_away_is_503_and_told_by_readyz(
    client: FlaskClient, store: FakeStore, body: dict[str, Any]
) -> None:
    store.away = True
    status, document = post(client, body)
    assert (status, document["error"]["code"]) == (503, "ledger_unavailable")
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()["problems"]) == (503, {"database": "PostgreSQL does not answer."})
    assert client.get("/healthz").status_code == 200


def test_metrics_count_new_entries_only(client: FlaskClient, body: dict[str, Any]) -> None:
    unpriced = body | {"request_id": "r-2", "model": "claude-next-9", "status": "error"}
    post(client, {"entries": [body, body, unpriced]})
    post(client, unpriced)
    lines = client.get("/metrics").get_data(as_text=True).splitlines()
    assert 'api_gateway_requests_total{backend="cloud",model="claude-sonnet-5-5",status="ok"} 1.0' in lines
    assert 'api_gateway_requests_total{backend="cloud",model="claude-next-9",status="error"} 1.0' in lines
    assert "ledger_unpriced_requests 1.0" in lines
    assert "ledger_booking_seconds_count 2.0" in lines
    assert "ledger_database_up 1.0" in lines


def test_metrics_of_the_process_are_told_while_the_database_is_away(client: FlaskClient, store: FakeStore) -> None:
    store.away = True
    response = client.get("/metrics")
    lines = response.get_data(as_text=True).splitlines()
    assert response.status_code == 200
    assert "ledger_database_up 0.0" in lines
    assert "ledger_booking_seconds_count 0.0" in lines
    assert not [line for line in lines if line.startswith("api_gateway_")]
