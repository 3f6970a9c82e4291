"""The response cache with a real Valkey that may die."""

from __future__ import annotations

import time
from typing import Any

import pytest

ANSWER = {"text": "A language.", "model": "smollm2-135m", "backend": "local", "input_tokens": 4, "output_tokens": 3}

LOOK_UPS = [f'scorer_cache_total{{result="{result}"}}' for result in ("hit", "miss", "skipped", "unavailable")]


def keep(scorer: Any, key: str, answer: Any = ANSWER) -> Any:
    return scorer.post("/v1/answers", {"cache_key": key, "answer": answer})


def readiness(scorer: Any) -> dict[str, Any]:
    response = scorer.get("/readyz")
    assert response.status_code == 200
    document: dict[str, Any] = response.json()
    return document


def test_stored_answer_is_found_again(scorer: Any, prompt: str) -> None:
    first = scorer.route(prompt)
    stored = keep(scorer, first["cache_key"])
    assert (stored.status_code, stored.headers["X-Cache"]) == (204, "stored")
    again = scorer.route(prompt, request_id="r-2", stream=True)
    assert again["decision"] == "cached"
    assert again["cached_answer"] == ANSWER
    assert again["estimated_cost"] == "0"
    assert again["fallbacks"] == []
    assert again["cache_key"] == first["cache_key"]


def test_cached_route_names_the_model_that_answered(scorer: Any, prompt: str) -> None:
    keep(scorer, scorer.route(prompt)["cache_key"], ANSWER | {"model": "claude-sonnet"})
    again = scorer.route(prompt)
    assert (again["model"], again["tier"], again["backend"]) == ("claude-sonnet-5-5", "cloud", "anthropic")


def test_alias_and_name_of_a_pinned_model_share_an_answer(scorer: Any, prompt: str) -> None:
    keep(scorer, scorer.route(prompt, model="claude-sonnet")["cache_key"])
    assert scorer.route(prompt, model="claude-sonnet-5-5")["decision"] == "cached"
    assert scorer.route(prompt, model="claude-opus-5-5")["decision"] == "cloud"
    assert scorer.route(prompt)["decision"] == "local"


def test_refresh_does_not_read_but_may_store(scorer: Any, prompt: str) -> None:
    key = scorer.route(prompt)["cache_key"]
    keep(scorer, key)
    fresh = scorer.route(prompt, cache="refresh")
    assert (fresh["decision"], fresh["cache_key"]) == ("local", key)


def comes_back(scorer: Any) -> None:
    deadline = time.monotonic() + 6
    while readiness(scorer)["status"] != "ok":
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("more", [{"cache": "off"}, {"privacy": "local-only"}])
def test_uncacheable_requests_have_no_key(scorer: Any, prompt: str, more: dict[str, Any]) -> None:
    keep(scorer, scorer.route(prompt)["cache_key"])
    got = scorer.route(prompt, **more)
    assert (got["decision"], got["cache_key"]) == ("local", None)


def test_refused_request_is_not_looked_up(scorer: Any, prompt: str) -> None:
    before = [scorer.metric(sample) for sample in LOOK_UPS]
    got = scorer.route(prompt, model="tinyllama")
    assert (got["decision"], got["cache_key"]) == ("refused", None)
    assert [scorer.metric(sample) for sample in LOOK_UPS] == before


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"cache_key": "x", "answer": {"a": 1}},
        {"cache_key": "a" * 64, "answer": []},
        {"cache_key": "a" * 64, "answer": {}},
    ],
)
def test_wrong_answers_are_refused(scorer: Any, body: dict[str, Any]) -> None:
    assert scorer.post("/v1/answers", body).status_code == 400


def test_dead_redis_is_done_without_and_comes_back(scorer: Any, prompt: str, valkey: Any) -> None:
    key = scorer.route(prompt)["cache_key"]
    keep(scorer, key)
    valkey.kill()
    assert scorer.route(prompt)["decision"] == "local"
    lost = keep(scorer, key)
    assert (lost.status_code, lost.headers["X-Cache"]) == (204, "unavailable")
    ready = readiness(scorer)
    assert ready["status"] == "degraded"
    assert ready["warnings"]["redis"].startswith("Redis does not answer")
    valkey.start()
    comes_back(scorer)
    keep(scorer, key)
    assert scorer.route(prompt)["decision"] == "cached"


def test_hanging_redis_costs_one_timeout_not_one_a_request(scorer: Any, valkey: Any) -> None:
    scorer.route("What is Python?")
    valkey.pause()
    begin = time.monotonic()
    for number in range(20):
        assert scorer.route(f"What is Python {number}?")["decision"] == "local"
    took = time.monotonic() - begin
    valkey.resume()
    assert took < 1.5
    comes_back(scorer)


def test_cache_can_be_switched_off(start: Any, scorer_env: dict[str, str], prompt: str) -> None:
    with start(**scorer_env, REDIS_CACHE_ENABLED="false") as (scorer, _):
        got = scorer.route(prompt)
        assert (got["decision"], got["cache_key"]) == ("local", None)
        assert keep(scorer, "a" * 64).headers["X-Cache"] == "unavailable"


def test_answers_are_forgotten_after_their_time(start: Any, scorer_env: dict[str, str], prompt: str) -> None:
    with start(**scorer_env, REDIS_CACHE_TTL="1") as (scorer, _):
        keep(scorer, scorer.route(prompt)["cache_key"])
        assert scorer.route(prompt)["decision"] == "cached"
        time.sleep(1.2)
        assert scorer.route(prompt)["decision"] == "local"


def test_wrong_password_is_a_warning_without_the_password(start: Any, scorer_env: dict[str, str], prompt: str) -> None:
    with start(**scorer_env, REDIS_PASSWORD="hush-hush") as (scorer, _):
        assert scorer.route(prompt)["decision"] == "local"
        warnings = readiness(scorer)["warnings"]
        assert "refuses" in warnings["redis"]
        assert "hush" not in str(warnings)
