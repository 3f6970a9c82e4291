"""POST /api/v1/complexity: what a chat would do, without doing it."""

from collections.abc import Iterator

import pytest
import requests

from tests.e2e.running import EASY, HARD, RunningStack

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(autouse=True)
def nothing_is_asked_or_booked_and_nothing_fails(running: RunningStack) -> Iterator[None]:
    before = (len(running.claude.requests), len(running.entries()), running.failed_executions())
    yield
    assert (len(running.claude.requests), len(running.entries()), running.failed_executions()) == before


@pytest.mark.parametrize(
    ("prompt", "model", "backend"), [(EASY, "smollm2-135m", "local"), (HARD, "claude-sonnet-5-5", "cloud")]
)
def test_complexity_names_the_model_that_a_chat_would_go_to(
    running: RunningStack, prompt: str, model: str, backend: str
) -> None:
    response = running.post("/complexity", json={"prompt": prompt})
    assert response.status_code == 200, response.text
    document = response.json()
    assert (document["recommended_model"], document["backend"]) == (model, backend)
    assert (document["complexity"] >= 0.6, document["estimated_cost"] > 0) == (backend == "cloud",) * 2
    assert document["reasoning"].startswith("Complexity ")
    assert document["tokens"] > 0
    assert document["unsure"] is False
    assert {word for factor in document["factors"] for word in factor["words"]}
    assert sum(factor["effect"] for factor in document["factors"]) == pytest.approx(document["complexity"], abs=0.01)
    assert response.headers["x-request-id"]


@pytest.mark.parametrize(
    ("body", "status", "code", "names"),
    [
        ({}, 400, "invalid_request", "prompt"),
        ({"prompt": " "}, 400, "invalid_request", "prompt"),
        ({"prompt": EASY, "model": "auto"}, 400, "unsupported_parameter", "model"),
        ({"prompt": "x" * 100_001}, 413, "prompt_too_long", "100,000"),
        ([EASY], 400, "invalid_request", "object"),
    ],
)
def test_a_bad_body_is_told_what_is_wrong(
    running: RunningStack, body: object, status: int, code: str, names: str
) -> None:
    response = running.post("/complexity", json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code), response.text
    assert names in response.json()["error"]["message"]


def test_complexity_needs_a_key(running: RunningStack) -> None:
    assert requests.post(f"{running.api}/complexity", json={"prompt": EASY}, timeout=30).status_code == 401
