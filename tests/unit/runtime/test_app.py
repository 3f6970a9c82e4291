import json
import logging

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from services.runtime import ApiError, ServiceConfig, create_service_app, parse_body
from services.runtime.errors import NotFound
from services.runtime.logs import configure_logging, request_id

TOKEN = "test-token-of-16"
CONFIG = ServiceConfig("127.0.0.1", 1, TOKEN, "INFO", 1)
AUTH = {"Authorization": f"Bearer {TOKEN}"}
SCHEMA = Draft202012Validator(
    {
        "type": "object",
        "properties": {"n": {"type": "integer"}, "list": {"items": {"type": "string"}}},
        "required": ["n"],
        "additionalProperties": False,
    }
)


def make_app(**checks: object) -> Flask:
    routes = Blueprint("test", __name__)

    @routes.post("/v1/echo")
    def echo() -> dict[str, object]:
        return {"body": parse_body(SCHEMA), "request_id": request_id.get()}

    @routes.get("/v1/missing")
    def missing() -> str:
        raise NotFound

    @routes.get("/v1/broken")
    def broken() -> str:
        raise RuntimeError("secret detail")

    @routes.get("/v1/refused")
    def refused() -> str:
        raise ApiError("Too dear.", code="over_budget", status=402, limit="1.00")

    return create_service_app("test", CONFIG, routes, **checks)  # type: ignore[arg-type]


@pytest.fixture
def client() -> FlaskClient:
    return make_app().test_client()


def error_of(response: TestResponse) -> tuple[int, str]:
    return response.status_code, response.get_json()["error"]["code"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"bearer{TOKEN}"}])
def test_without_the_token_nothing_but_health_is_told(client: FlaskClient, headers: dict[str, str]) -> None:
    assert error_of(client.get("/v1/missing", headers=headers)) == (401, "unauthorized")
    assert error_of(client.get("/nowhere", headers=headers)) == (401, "unauthorized")
    for path in ("/healthz", "/readyz", "/metrics"):
        assert client.get(path, headers=headers).status_code == 200


@pytest.mark.parametrize("body", ["", "{", "[1", '{"n": NaN}', '{"n": Infinity}', "[" * 100_000])
def test_what_is_not_json_is_a_400(client: FlaskClient, body: str) -> None:
    assert error_of(client.post("/v1/echo", data=body, headers=AUTH)) == (400, "invalid_json")


@pytest.mark.parametrize(
    ("body", "field"),
    [({"n": "x"}, "n"), ({"n": 1, "list": ["a", 2]}, "list[1]"), ({"n": 1, "odd": 2}, "odd"), ({}, "n"), ([], "")],
)
def test_a_bad_field_is_named(client: FlaskClient, body: object, field: str) -> None:
    response = client.post("/v1/echo", json=body, headers=AUTH)
    assert error_of(response) == (400, "bad_request")
    assert field in response.get_json()["error"]["message"]


def test_a_long_bad_value_is_not_echoed(client: FlaskClient) -> None:
    response = client.post("/v1/echo", json={"n": "x" * 10_000}, headers=AUTH)
    assert len(response.get_json()["error"]["message"]) < 400


def test_unknown_fields_are_named_however_many_they_are(client: FlaskClient) -> None:
    response = client.post("/v1/echo", json={"n": 1} | {f"odd_field_{i}": 1 for i in range(99)}, headers=AUTH)
    message = response.get_json()["error"]["message"]
    assert "odd_field_0" in message
    assert len(message) < 400


def test_errors_have_one_shape(client: FlaskClient) -> None:
    assert error_of(client.get("/v1/missing", headers=AUTH)) == (404, "not_found")
    assert error_of(client.get("/nowhere", headers=AUTH)) == (404, "not_found")
    assert error_of(client.delete("/v1/echo", headers=AUTH)) == (405, "method_not_allowed")
    refused = client.get("/v1/refused", headers=AUTH)
    assert refused.get_json() == {"error": {"code": "over_budget", "message": "Too dear.", "limit": "1.00"}}


def test_an_unexpected_error_is_logged_and_tells_the_caller_nothing(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    response = client.get("/v1/broken", headers=AUTH)
    assert error_of(response) == (500, "internal_error")
    assert "secret detail" not in response.get_data(as_text=True)
    assert "secret detail" in caplog.text


def test_the_request_id_is_taken_over_or_made(client: FlaskClient) -> None:
    response = client.post("/v1/echo", json={"n": 1}, headers={**AUTH, "X-Request-ID": "abc"})
    assert response.headers["X-Request-ID"] == response.get_json()["request_id"] == "abc"
    assert len(client.get("/healthz").headers["X-Request-ID"]) == 36


def test_readiness_tells_required_from_optional_parts() -> None:
    well = make_app(required={"database": lambda: None}, optional={"redis": lambda: "no answer"}).test_client()
    assert well.get("/readyz").get_json() == {
        "status": "degraded",
        "problems": {},
        "warnings": {"redis": "no answer"},
    }
    ill = make_app(required={"database": lambda: "away"}).test_client()
    assert (ill.get("/readyz").status_code, ill.get("/readyz").get_json()["problems"]) == (503, {"database": "away"})
    assert ill.get("/healthz").status_code == 200


def test_metrics_count_by_route_and_not_by_path(client: FlaskClient) -> None:
    for path in ("/v1/nothing-1", "/v1/nothing-2"):
        client.get(path, headers=AUTH)
    client.get("/v1/missing", headers=AUTH)
    text = client.get("/metrics").get_data(as_text=True)
    assert 'http_requests_total{method="GET",route="none",status="404"} 2.0' in text
    assert 'http_requests_total{method="GET",route="/v1/missing",status="404"} 1.0' in text


def test_logs_are_json_lines_with_the_request_id(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        configure_logging("INFO")
        token = request_id.set("r-1")
        logging.getLogger("x").warning("hello %s", "you", extra={"tokens": 3})
        request_id.reset(token)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    line = json.loads(capsys.readouterr().err.strip().splitlines()[-1])
    assert (line["message"], line["level"], line["request_id"], line["tokens"]) == ("hello you", "WARNING", "r-1", 3)
    assert line["time"].endswith("+00:00")
