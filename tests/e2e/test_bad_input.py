"""Bad input gets a clear error with the right status; nothing is booked, and nothing fails in n8n."""

from collections.abc import Iterator

import pytest
import requests

from tests.e2e.running import EASY, RunningStack

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(autouse=True)
def nothing_is_booked_and_nothing_fails(running: RunningStack) -> Iterator[None]:
    before = (len(running.entries()), running.failed_executions())
    yield
    assert (len(running.entries()), running.failed_executions()) == before


@pytest.mark.parametrize(
    ("body", "status", "code", "names"),
    [
        ({}, 400, "invalid_request", "prompt"),
        ({"prompt": ""}, 400, "invalid_request", "prompt"),
        ({"prompt": "  \n\t"}, 400, "invalid_request", "prompt"),
        ({"prompt": None}, 400, "invalid_request", "prompt"),
        ({"prompt": ["Hi"]}, 400, "invalid_request", "prompt"),
        ({"prompt": EASY, "max_tokens": "many"}, 400, "invalid_request", "max_tokens"),
        ({"prompt": EASY, "model": 7}, 400, "invalid_request", "model"),
        ({"prompt": EASY, "colour": "red"}, 400, "unsupported_parameter", "colour"),
        ({"prompt": EASY, "model": "gpt-0"}, 400, "unknown_model", "gpt-0"),
        ({"prompt": EASY, "model": "claude-sonnet-4-20250514"}, 400, None, "retired"),
        ({"prompt": "x" * 100_001}, 413, "prompt_too_long", "100,000"),
        ([EASY], 400, "invalid_request", "object"),
    ],
)
def test_a_bad_body_is_told_what_is_wrong(
    running: RunningStack, body: object, status: int, code: str | None, names: str
) -> None:
    response = running.post(json=body)
    error = response.json()["error"]
    assert response.status_code == status, response.text
    assert names in error["message"]
    assert code is None or error["code"] == code


def test_exactly_100_000_characters_are_read(running: RunningStack) -> None:
    response = running.post(json={"prompt": "x" * 100_000, "model": "tinyllama"})
    # Too long for that model, or the model is not there: but not for the trigger.
    assert response.json()["error"]["code"] != "invalid_request"
    assert "100,000" not in response.json()["error"]["message"]


def test_broken_json_is_refused_in_our_shape_where_n8n_lets_us(running: RunningStack) -> None:
    response = running.post(data='{"prompt": ', headers={"content-type": "application/x-www-form-urlencoded"})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_json")
    response = running.post(data='{"prompt": ', headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["message"]) == (422, "Failed to parse request body")
    assert "stack" not in response.json()


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer hai-wrong"}, {"x-api-key": "hai-wrong"}])
@pytest.mark.parametrize("path", ["/chat", "/chat/completions"])
def test_a_missing_or_wrong_key_is_a_401(running: RunningStack, headers: dict[str, str], path: str) -> None:
    response = requests.post(f"{running.api}{path}", json={"prompt": EASY}, headers=headers, timeout=30)
    assert (response.status_code, response.json()["error"]["code"][-7:]) == (401, "api_key")


def test_the_stats_need_a_key(running: RunningStack) -> None:
    assert requests.get(f"{running.api}/stats", timeout=30).status_code == 401


def test_openai_errors_have_openais_shape(running: RunningStack) -> None:
    response = running.post("/chat/completions", json={"model": "auto", "messages": [], "stream": True})
    assert response.status_code == 400
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}
