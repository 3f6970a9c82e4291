"""A part that is away degrades the answer, never the books."""

import time
from decimal import Decimal
from typing import Any

import pytest

from compose.local.stack import Stack
from tests.e2e.conftest import POLL_SECONDS
from tests.e2e.running import EASY, HARD, RunningStack, eventually

pytestmark = pytest.mark.timeout(400)


def test_without_the_local_model_the_next_tier_answers(running: RunningStack) -> None:
    def answered_before_the_scorer_knew() -> dict[str, Any] | None:
        with running.without("local_model"):
            answer = running.chat(f"What is a noun? {time.monotonic()}")
        return answer if answer["models_tried"] else None

    # The scorer still believes in the model, unless it looked just then: the flow goes on by itself.
    at_once = eventually(answered_before_the_scorer_knew, 60)
    assert (at_once["backend"], [one["model"] for one in at_once["models_tried"]]) == ("cloud", ["smollm2-135m"])
    assert Decimal(running.entry(at_once["request_id"])["cost"]) == at_once["cost"] > 0

    with running.without("local_model"):
        time.sleep(POLL_SECONDS + 2.5)
        later = running.chat("What is a verb?")
    assert (later["backend"], later["models_tried"]) == ("cloud", [])

    def local_again() -> bool:
        return bool(running.chat(f"What is an adverb? {time.monotonic()}", max_tokens=5)["backend"] == "local")

    assert eventually(local_again, 20)


def test_without_the_ledger_the_answer_comes_and_the_entry_waits(running: RunningStack) -> None:
    with running.without("cost_ledger"):
        local = running.chat("What is a comma?", max_tokens=10)
        cloud = running.chat(f"{HARD} Explain each step.")
        eventually(lambda: (running.spool / "entries.jsonl").exists(), 20)
        assert (local["backend"], cloud["backend"], cloud["cost"]) == ("local", "cloud", None)
    # The replay flow runs every minute.
    assert running.entry(local["request_id"], seconds=100)["backend"] == "local"
    entry = running.entry(cloud["request_id"], seconds=20)
    # Sonnet 5.5, in millionths: 321*2 + 1234*10
    assert Decimal(entry["cost"]) == Decimal("0.012982")
    ids = [one["request_id"] for one in running.entries()]
    assert len(ids) == len(set(ids))
    eventually(lambda: not list(running.spool.glob("*.jsonl")), 100)
    assert not list(running.spool.glob("rejected-*"))


def test_without_redis_all_works_but_the_cache(running: RunningStack) -> None:
    prompt = f"{HARD} With semicolons."
    with running.without("valkey"):
        answers = [running.chat(prompt) for _ in range(2)]
    assert [answer["cached"] for answer in answers] == [False, False]

    def cached_again() -> bool:
        return bool(running.chat(prompt)["cached"])

    assert eventually(cached_again, 30)


def test_when_claude_fails_a_local_model_answers(running: RunningStack) -> None:
    with running.claude_says(status=529):
        answer = running.chat(f"{HARD} In Rust.", max_tokens=10)
    assert (answer["backend"], answer["cost"]) == ("local", 0)
    assert [one["model"] for one in answer["models_tried"]] == ["claude-sonnet-5-5"]


def test_when_nobody_answers_the_status_says_so_and_the_failure_is_booked(running: RunningStack) -> None:
    with running.claude_says(status=500), running.without("local_model"):
        response = running.post(json={"prompt": f"{HARD} In Go."})
    assert response.status_code in (502, 503)
    assert response.json()["error"]["code"]
    entry = running.entry(response.headers["x-request-id"])
    assert (entry["status"], Decimal(entry["cost"])) == ("error", Decimal(0))


def test_without_the_scorer_the_status_is_503(running: RunningStack) -> None:
    with running.without("scorer"):
        response = running.post(json={"prompt": EASY})
    assert (response.status_code, response.json()["error"]["code"]) == (503, "routing_failed")


def test_no_secret_is_in_the_logs(running: RunningStack) -> None:
    secrets = running.stack.secrets
    hidden = [running.key, secrets.service_token, "not-a-real-key"]
    for log in running.stack.layout.logs.glob("*.log*"):
        text = log.read_text("utf-8", errors="replace")
        assert not [secret for secret in hidden if secret in text], log.name


@pytest.fixture(scope="module", params=["refuse", "local"])
def cloud_unavailable(request: pytest.FixtureRequest, running: RunningStack, settings: dict[str, str]) -> str:
    """The same stack, brought up again without a key: only what the settings touch is started anew."""
    Stack.open(settings | {"ANTHROPIC_API_KEY": "", "CLOUD_UNAVAILABLE": request.param}).up()
    return str(request.param)


def test_without_a_key_a_hard_prompt_is_told_the_variable_or_gets_the_best_local_answer(
    running: RunningStack, cloud_unavailable: str
) -> None:
    response = running.post(json={"prompt": f"{HARD} In {cloud_unavailable}.", "max_tokens": 10})
    if cloud_unavailable == "refuse":
        assert (response.status_code, response.json()["error"]["code"]) == (503, "cloud_not_configured")
        assert "ANTHROPIC_API_KEY" in response.json()["error"]["message"]
    else:
        assert (response.status_code, response.json()["backend"]) == (200, "local")


def test_without_a_key_an_easy_prompt_is_answered_as_ever(running: RunningStack, cloud_unavailable: str) -> None:
    assert running.chat(f"What is {cloud_unavailable}?", max_tokens=10)["backend"] == "local"
