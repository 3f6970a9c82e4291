"""Admission over HTTP: two scorers with one Valkey."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from tests.integration.scorer.conftest import TOKEN, running_scorer, wait_until

ANSWER = {"text": "A language.", "model": "smollm2-135m", "backend": "local", "stop_reason": "end_turn"}
Admit = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def scorers(scorer_env: dict[str, str]) -> Iterator[list[Any]]:
    """Two processes, as behind one n8n or two."""
    with ExitStack() as stack:
        limits = {"RATE_LIMIT": "50/hour", "KEY_CONCURRENCY": "60", "LOCAL_QUEUE": "3"}
        yield [stack.enter_context(running_scorer(**scorer_env, **limits))[0] for _ in range(2)]


@pytest.fixture
def admit(scorers: list[Any], prompt: str) -> Admit:
    """Admits a request whose number also says which scorer is asked."""

    def ask(number: int, key_id: str | None = None, **more: Any) -> dict[str, Any]:
        body = {"request_id": f"{prompt}-{number}", "key_id": key_id or prompt, "prompt": prompt, **more}
        # A session belongs to one thread.
        url, headers = scorers[number % 2].url + "/v1/admit", {"Authorization": f"Bearer {TOKEN}"}
        response = requests.post(url, json=body, headers=headers, timeout=20)
        assert response.status_code == 200, response.text
        document: dict[str, Any] = response.json()
        return document

    return ask


def all_at_once(admit: Admit, numbers: range, **more: Any) -> list[dict[str, Any]]:
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(lambda number: admit(number, **more), numbers))


def decisions(admissions: list[dict[str, Any]]) -> Counter[str]:
    return Counter(one["decision"] for one in admissions)


def test_a_rate_holds_exactly_over_both_processes(admit: Admit) -> None:
    got = all_at_once(admit, range(80), cache="off")
    assert decisions(got) == {"go": 50, "refused": 30}
    refused = next(one for one in got if one["decision"] == "refused")
    error = refused["error"]
    assert (error["status"], error["code"]) == (429, "rate_limited")
    assert 1 <= error["retry_after"] <= 72
    assert refused["rate"] == {"limit": 50, "remaining": 0, "reset": refused["rate"]["reset"]}
    assert "50 requests an hour" in error["message"]


def test_a_key_may_have_limits_of_its_own(admit: Admit) -> None:
    got = [admit(number, rate_limit=2, cache="off") for number in range(3)]
    assert [one["rate"]["remaining"] for one in got] == [1, 0, 0]
    assert got[2]["error"]["code"] == "rate_limited"
    many = [admit(number + 10, key_id="few at once", max_concurrent=2, cache="off") for number in range(3)]
    assert many[2]["error"] | {"message": ""} == {
        "code": "too_many_at_once",
        "message": "",
        "status": 429,
        "retry_after": 1,
    }


def test_of_a_hundred_identical_requests_at_once_one_leads_and_all_get_its_answer(
    admit: Admit, scorers: list[Any]
) -> None:
    got = all_at_once(admit, range(100), rate_limit=1_000, max_concurrent=2)
    assert decisions(got) == {"go": 1, "wait": 99}
    leader = next(number for number, one in enumerate(got) if one["decision"] == "go")
    key = got[leader]["cache_key"]
    leader_id = next(one["leader"] for one in got if one["decision"] == "wait")
    assert leader_id.endswith(f"-{leader}")
    asked = {"cache_keys": [key], "alive": [leader_id]}
    assert scorers[0].post("/v1/joined", asked).json() == {"joined": {key: "wait"}}
    assert scorers[0].metric("api_gateway_requests_in_progress") >= 1
    done = {"request_id": leader_id, "cache_key": key, "answer": ANSWER}
    told = scorers[1].post("/v1/done", done)
    assert (told.status_code, told.headers["X-Cache"]) == (204, "stored")
    assert scorers[0].post("/v1/joined", asked).json() == {"joined": {key: "answered"}}
    again = all_at_once(admit, range(100), rate_limit=1_000, waited=True)
    assert decisions(again) == {"cached": 100}
    route = again[7]["route"]
    assert (route["decision"], route["cached_answer"], route["cache_key"]) == ("cached", ANSWER, key)


def test_a_leader_that_ends_without_an_answer_is_followed_by_one(admit: Admit, scorers: list[Any]) -> None:
    first = admit(0)
    waiting = admit(1)
    assert (first["decision"], waiting["decision"]) == ("go", "wait")
    scorers[0].post("/v1/done", {"request_id": waiting["leader"], "ok": False})
    key = first["cache_key"]
    assert scorers[1].post("/v1/joined", {"cache_keys": [key]}).json() == {"joined": {key: "free"}}
    assert decisions(all_at_once(admit, range(1, 20), waited=True)) == {"go": 1, "wait": 18}


@pytest.mark.parametrize("more", [{"cache": "off"}, {"cache": "refresh"}, {"privacy": "local-only"}])
def test_requests_that_share_no_answer_do_not_wait(admit: Admit, more: dict[str, Any]) -> None:
    assert [admit(number, **more)["decision"] for number in range(3)] == ["go"] * 3


def test_only_exactly_the_same_request_is_answered_from_the_cache(admit: Admit, scorers: list[Any]) -> None:
    first = admit(0, key_id="a", user=None)
    done = {"request_id": "x", "cache_key": first["cache_key"], "answer": ANSWER}
    scorers[0].post("/v1/done", done)
    assert admit(1, key_id="b", dialect="openai", stream=True)["decision"] == "cached"
    others: list[dict[str, Any]] = [
        {"temperature": 0.5},
        {"max_tokens": 5},
        {"system": "Be brief."},
        {"stop": ["x"]},
        {"allowed_models": ["tinyllama"]},
        {"model": "claude-opus"},
        {"messages": [{"role": "user", "content": "What is Python? "}], "prompt": None},
    ]
    for number, other in enumerate(others):
        assert admit(number + 2, key_id=f"c{number}", **other)["decision"] == "go", other
    assert admit(20, key_id="d", takes_cached=False)["decision"] == "go"
    assert admit(21, key_id="d", takes_cached=False)["decision"] == "go"


@pytest.mark.parametrize(
    "answer",
    [
        ANSWER | {"stop_reason": "max_tokens"},
        ANSWER | {"stop_reason": "length"},
        ANSWER | {"stop_reason": "stream_cut"},
        ANSWER | {"accepted": False},
    ],
)
def test_cut_and_failed_answers_are_not_kept(admit: Admit, scorers: list[Any], answer: dict[str, Any]) -> None:
    key = admit(0)["cache_key"]
    waiting = admit(1)
    done = {"request_id": waiting["leader"], "cache_key": key, "answer": answer}
    assert scorers[0].post("/v1/done", done).headers["X-Cache"] == "not stored"
    assert scorers[0].post("/v1/answers", {"cache_key": key, "answer": answer}).headers["X-Cache"] == "unavailable"
    # Those that waited for it do not wait for each other.
    assert [admit(number, waited=True)["decision"] for number in (1, 2)] == ["go", "go"]


def test_a_full_local_queue_is_refused_and_done_frees_it(admit: Admit, scorers: list[Any], prompt: str) -> None:
    for number in range(5):
        admit(number, cache="off")

    def route(number: int) -> dict[str, Any]:
        document: dict[str, Any] = scorers[number % 2].route(prompt, request_id=f"{prompt}-{number}", cache="off")
        return document

    assert [route(number)["decision"] for number in range(4)] == ["local"] * 3 + ["refused"]
    error = route(4)["error"]
    assert (error["code"], error["status"]) == ("local_queue_full", 429)
    assert error["retry_after"] >= 1
    for number in range(4):
        scorers[0].post("/v1/done", {"request_id": f"{prompt}-{number}"})
    assert route(4)["decision"] == "local"
    scorers[0].post("/v1/done", {"request_id": f"{prompt}-4"})


def test_a_failing_model_is_left_out_by_both_processes_until_it_answers(scorers: list[Any], prompt: str) -> None:
    bad = {"model": "smollm2-135m", "ok": False, "status": 500, "code": "model_error", "seconds": 0.1}
    assert scorers[0].post("/v1/health", bad | {"status": 400}).status_code == 204
    assert [scorers[n % 2].post("/v1/health", bad).status_code for n in range(2)] == [204, 204]

    def shown(scorer: Any) -> dict[str, Any]:
        models = scorer.get("/v1/models").json()["models"]
        return next(one for one in models if one["name"] == "smollm2-135m")

    for scorer in scorers:
        wait_until(lambda scorer=scorer: not shown(scorer)["available"])  # type: ignore[misc]
        assert "status 500 2 times in a row" in shown(scorer)["reason"]
        got = scorer.route(prompt, cache="off")
        assert (got["backend"], got["fallbacks"][-1]["model"]) == ("anthropic", "smollm2-135m")
        assert got["on_trial"] == ["smollm2-135m"]
    assert scorers[1].route(prompt, model="smollm2-135m")["model"] == "smollm2-135m"
    scorers[0].post("/v1/health", {"model": "smollm2-135m", "ok": True})
    for scorer in scorers:
        wait_until(lambda scorer=scorer: scorer.route(prompt, cache="off")["backend"] == "ollama")  # type: ignore[misc]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("admit", {"prompt": "x"}, "request_id"),
        ("admit", {"request_id": "r", "prompt": "x", "rate_limit": 0}, "rate_limit"),
        ("admit", {"request_id": "r", "prompt": "x", "max_concurrent": "5"}, "max_concurrent"),
        ("admit", {"request_id": "r", "prompt": "x", "waited": 1}, "waited"),
        ("admit", {"request_id": "r"}, "prompt"),
        ("joined", {"cache_keys": ["x"]}, "cache_keys[0]"),
        ("done", {}, ""),
        ("health", {"model": "m", "ok": "no"}, "ok"),
        ("health", {"model": "m", "ok": False, "status": 7}, "status"),
    ],
)
def test_bad_input_is_named(scorers: list[Any], path: str, body: dict[str, Any], field: str) -> None:
    response = scorers[0].post(f"/v1/{path}", body)
    assert response.status_code == 400
    assert field in response.text


def test_without_redis_limits_hold_in_the_process_and_readyz_says_so(start: Any, prompt: str) -> None:
    with start(REDIS_HOST="127.0.0.1", REDIS_PORT="9", RATE_LIMIT="2/hour") as (scorer, _):
        body = {"key_id": "k", "prompt": prompt}
        got = [scorer.post("/v1/admit", body | {"request_id": f"r-{n}"}).json() for n in range(3)]
        assert [one["decision"] for one in got] == ["go", "go", "refused"]
        assert (
            "limits and model health hold for each process alone" in scorer.get("/readyz").json()["warnings"]["redis"]
        )
        assert scorer.metric("api_gateway_requests_in_progress") == 2
        scorer.post("/v1/done", {"request_id": "r-0"})
        assert scorer.metric("api_gateway_requests_in_progress") == 1


def test_rates_can_be_switched_off(start: Any, scorer_env: dict[str, str], prompt: str) -> None:
    with start(**scorer_env, RATE_LIMIT="off") as (scorer, _):
        body = {"key_id": "k-off", "prompt": prompt, "cache": "off", "max_concurrent": 1_000}
        got = [scorer.post("/v1/admit", body | {"request_id": f"off-{n}"}).json() for n in range(70)]
        assert {(one["decision"], one["rate"]) for one in got} == {("go", None)}
