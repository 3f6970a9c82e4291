"""Limits, cache hits and identical requests, from outside: what no execution is spent on, and what the books say."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import openai
import psycopg
import pytest
import requests

from compose.local.stack import Stack
from tests.e2e.running import HARD, RunningStack, eventually

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module", autouse=True)
def as_set_up(running: RunningStack, settings: dict[str, str]) -> None:
    """Other tests bring the same stack up without a key; the nodes see it again a few seconds later."""
    Stack.open(settings).up()
    again = {"prompt": "Is the key there?", "model": "claude-sonnet"}
    eventually(lambda: running.post(json=again, headers={"cache-control": "no-store"}).status_code == 200, 30)


def executions(running: RunningStack) -> int:
    """Executions that n8n ever began: the sequence of their ids, so that pruning does not matter."""
    with psycopg.connect(running.plan.n8n_database_url, connect_timeout=5) as connection:
        row = connection.execute("SELECT last_value FROM execution_entity_id_seq").fetchone()
    assert row is not None
    return int(row[0])


def calls_of(running: RunningStack, prompt: str) -> int:
    return sum(one["body"]["messages"][-1]["content"] == prompt for one in running.claude.requests)


def test_a_hundred_identical_requests_at_once_make_one_model_call(running: RunningStack) -> None:
    prompt = f"{HARD} For a hundred callers."
    with ThreadPoolExecutor(100) as pool:
        responses = list(pool.map(lambda _: running.post(json={"prompt": prompt}), range(100)))
    assert Counter(one.status_code for one in responses) == {200: 100}
    assert calls_of(running, prompt) == 1
    documents = [one.json() for one in responses]
    assert Counter(one["backend"] for one in documents) == {"cloud": 1, "cache": 99}
    assert len({one["response"] for one in documents}) == 1
    ids = {one["request_id"] for one in documents}
    assert len(ids) == 100

    def all_booked() -> list[dict[str, Any]] | None:
        booked = [entry for entry in running.entries() if entry["request_id"] in ids]
        return booked if len(booked) == 100 else None

    entries = eventually(all_booked, 20)
    assert Counter(entry["backend"] for entry in entries) == {"cloud": 1, "cache": 99}
    assert sum(Decimal(entry["cost"]) > 0 for entry in entries) == 1


def test_a_cache_hit_makes_no_execution_and_is_in_the_ledger(running: RunningStack) -> None:
    prompt = f"{HARD} As an iterator."
    first = running.chat(prompt)
    cached_at_once = eventually(lambda: (one := running.chat(prompt))["cached"] and one, 10)
    assert cached_at_once["response"] == first["response"]
    before = executions(running)
    hits = [running.chat(prompt) for _ in range(5)]
    assert [(one["backend"], one["cost"], one["cached"]) for one in hits] == [("cache", 0, True)] * 5
    # Other flows run by the clock, one a minute; a hit that ran would make five.
    assert executions(running) - before <= 2
    for hit in hits:
        entry = running.entry(hit["request_id"])
        assert (entry["backend"], Decimal(entry["cost"]), entry["status"]) == ("cache", Decimal(0), "ok")
    assert calls_of(running, prompt) == 1


def test_no_cache_asks_anew_each_time(running: RunningStack) -> None:
    prompt = f"{HARD} As a generator."
    with ThreadPoolExecutor(4) as pool:
        headers = {"cache-control": "no-cache"}
        responses = list(pool.map(lambda _: running.post(json={"prompt": prompt}, headers=headers), range(4)))
    assert [one.json()["backend"] for one in responses] == ["cloud"] * 4
    assert calls_of(running, prompt) == 4


def test_a_model_that_fails_is_left_out_and_comes_back(running: RunningStack) -> None:
    def model() -> dict[str, Any]:
        url = f"http://127.0.0.1:{running.plan.ports['SCORER_PORT']}/v1/models"
        headers = {"authorization": f"Bearer {running.stack.secrets.service_token}"}
        models = requests.get(url, headers=headers, timeout=10).json()["models"]
        return next(one for one in models if one["name"] == "claude-sonnet-5-5")

    with running.claude_says(status=529):
        for number in range(2):
            assert running.chat(f"{HARD} Failing {number}.", max_tokens=5)["backend"] == "local"
        eventually(lambda: not model()["available"], 5)
        assert "529" in model()["reason"]

        def passed_over() -> bool:
            asked = len(running.claude.requests)
            answer = running.chat(f"{HARD} {time.monotonic()}", max_tokens=5)
            return (
                answer["backend"] == "local" and answer["models_tried"] == [] and len(running.claude.requests) == asked
            )

        # Haiku stands in first, and must fail as well.
        assert eventually(passed_over, 30)
    again = eventually(
        lambda: (one := running.chat(f"{HARD} {time.monotonic()}"))["model"] == "claude-sonnet-5-5" and one, 60
    )
    assert again["backend"] == "cloud"
    eventually(lambda: model()["available"], 5)


@pytest.fixture
def three_a_minute(running: RunningStack, settings: dict[str, str]) -> Iterator[None]:
    """The same stack with a rate: only the scorer is started anew."""
    Stack.open(settings | {"RATE_LIMIT": "3/minute"}).up()
    yield
    Stack.open(settings).up()


@pytest.mark.usefixtures("three_a_minute")
def test_over_the_rate_the_openai_sdk_raises_its_rate_limit_error(running: RunningStack) -> None:
    before = executions(running)
    with openai.OpenAI(base_url=running.api, api_key=running.key, timeout=60, max_retries=0) as client:

        def ask(number: int) -> Any:
            messages: Any = [{"role": "user", "content": f"{HARD} Number {number}."}]
            return client.chat.completions.with_raw_response.create(model="auto", messages=messages)

        def refused() -> openai.RateLimitError | None:
            try:
                left = ask(executions(running)).headers["x-ratelimit-remaining"]
                assert int(left) in (0, 1, 2)
            except openai.RateLimitError as error:
                return error
            return None

        error = eventually(refused, 60)
        assert error.code == "rate_limited"
        assert 1 <= int(error.response.headers["retry-after"]) <= 20
        assert error.response.headers["x-ratelimit-limit"] == "3"
        assert error.response.headers["x-ratelimit-remaining"] == "0"
        for _ in range(5):
            with pytest.raises(openai.RateLimitError):
                ask(0)
    assert executions(running) - before <= 6
