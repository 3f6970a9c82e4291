"""The scorer's interface over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
import requests


def test_easy_prompt_goes_local(scorer: Any) -> None:
    got = scorer.route("What is Python?")
    assert got["decision"] == "local"
    assert (got["tier"], got["model"], got["model_id"], got["backend"]) == (
        "small", "smollm2-135m", "smollm2:135m", "ollama",
    )  # fmt: skip
    assert got["estimated_cost"] == "0"
    assert [fallback["model"] for fallback in got["fallbacks"]] == ["claude-haiku-5-5", "claude-sonnet-5-5"]
    assert len(got["cache_key"]) == 64
    assert got["reasoning"].endswith("small local model smollm2-135m.")


def test_hard_prompt_goes_to_the_cloud_with_its_cost(scorer: Any) -> None:
    got = scorer.route("Implement Raft consensus in Rust.", max_tokens=200)
    assert (got["decision"], got["tier"], got["backend"]) == ("cloud", "cloud", "anthropic")
    assert got["model"] == "claude-sonnet-5-5"
    assert float(got["estimated_cost"]) > 0.002
    assert "e" not in got["estimated_cost"].lower()


def test_refusal_is_a_decision_not_an_http_error(scorer: Any) -> None:
    got = scorer.route(model="gpt-9")
    assert got["decision"] == "refused"
    assert (got["error"]["code"], got["error"]["status"]) == ("unknown_model", 400)


def test_scores_come_in_the_order_of_the_prompts(scorer: Any) -> None:
    response = scorer.post("/v1/score", {"prompts": ["What is Python?", "Prove it by induction", ""]})
    scores = response.json()["scores"]
    assert [score["complexity"] >= 0.6 for score in scores] == [False, True, False]
    assert scores[0].keys() == {"complexity", "factors", "tokens", "unsure"}
    assert scores[0]["factors"][0].keys() == {"name", "effect", "text"}


def test_tokens_are_counted_for_a_named_model_or_none(scorer: Any) -> None:
    body = {"messages": [{"role": "user", "content": "What is Python?"}], "system": "Be brief."}
    auto = scorer.post("/v1/tokens", body).json()
    assert (auto["model"], auto["model_id"], auto["backend"]) == (None, None, None)
    named = scorer.post("/v1/tokens", {**body, "model": "claude-sonnet"}).json()
    assert (named["model_id"], named["backend"]) == ("claude-sonnet-5-5", "anthropic")
    assert named["input_tokens"] == auto["input_tokens"] == scorer.route(**body)["input_tokens"] > 5
    unknown = scorer.post("/v1/tokens", {**body, "model": "gpt-9"})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (400, "unknown_model")


@pytest.mark.parametrize("prompts", [[], ["x"] * 257, "x", [5], None])
def test_wrong_batches_are_refused(scorer: Any, prompts: Any) -> None:
    response = scorer.post("/v1/score", {"prompts": prompts})
    assert response.status_code == 400
    assert response.json()["error"].keys() >= {"code", "message"}


def test_largest_batch_is_taken(scorer: Any) -> None:
    assert len(scorer.post("/v1/score", {"prompts": ["x"] * 256}).json()["scores"]) == 256


def test_complexity_is_the_route_that_a_chat_would_take_without_taking_it(scorer: Any) -> None:
    prompt = "Implement Raft consensus in Rust."
    metrics = ('scorer_routes_total{decision="cloud",tier="cloud"}', 'scorer_cache_total{result="miss"}')
    before = [scorer.metric(name) for name in metrics]
    got = scorer.post("/v1/complexity", {"prompt": prompt}).json()
    assert [scorer.metric(name) for name in metrics] == before
    chat = scorer.route(prompt)
    assert (got["recommended_model"], got["backend"]) == (chat["model"], "cloud")
    same = ("complexity", "reasoning", "estimated_cost")
    assert [got[name] for name in same] == [chat[name] for name in same]
    assert (got["unsure"], got["tokens"] > 0) == (False, True)
    words = {word for factor in got["factors"] for word in factor.pop("words")}
    assert words
    assert words <= {"implement", "raft", "consensus", "in", "rust"}
    assert got["factors"] == chat["factors"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"prompt": ""}, 400),
        ({"prompt": 5}, 400),
        ({"prompt": "x", "model": "auto"}, 400),
        (["x"], 400),
        ({"prompt": "x" * 100_000}, 200),
        ({"prompt": "x" * 100_001}, 413),
    ],
)
def test_complexity_is_told_for_1_to_100_000_characters(scorer: Any, body: Any, status: int) -> None:
    response = scorer.post("/v1/complexity", body)
    assert response.status_code == status, response.text
    if status == 413:
        assert response.json()["error"] == {
            "code": "prompt_too_long",
            "message": "The prompt has 100001 characters; the limit is 100000. Shorten it.",
            "field": "prompt",
        }


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"prompt": NaN}', b"\xff", b'{"messages": []}', b'{"prompt": 5}'])
def test_broken_route_bodies_are_refused(scorer: Any, body: bytes) -> None:
    response = scorer.post("/v1/route", None, data=body)
    assert response.status_code == 400
    assert response.json()["error"]["message"]


@pytest.mark.parametrize(
    "path", ["/v1/route", "/v1/tokens", "/v1/score", "/v1/complexity", "/v1/answers", "/v1/models", "/v1/policy"]
)
def test_service_token_is_required(scorer: Any, path: str) -> None:
    method = "GET" if path in ("/v1/models", "/v1/policy") else "POST"
    response = requests.request(method, scorer.url + path, json={}, timeout=10)
    assert (response.status_code, response.json()["error"]["code"]) == (401, "unauthorized")


def test_models_and_policy_are_shown(scorer: Any) -> None:
    models = {model["name"]: model for model in scorer.get("/v1/models").json()["models"]}
    assert models["smollm2-135m"]["available"]
    assert "ollama pull tinyllama" in models["tinyllama"]["reason"]
    assert models["claude-sonnet-5-5"]["price"] == {"input": "2", "output": "10"}
    policy = scorer.get("/v1/policy").json()
    assert policy["policy"]["thresholds.small"] == {"value": 0.3, "source": "file policy.toml"}
    assert policy["problem"] is None


def test_health_and_metrics_are_open(scorer: Any) -> None:
    scorer.route("What is Python?")
    assert scorer.metric('scorer_routes_total{decision="local",tier="small"}') >= 1
    assert scorer.metric('scorer_cache_total{result="miss"}') >= 1
    assert scorer.metric("scorer_score_seconds_count") >= 1
    assert requests.get(scorer.url + "/healthz", timeout=10).json() == {"status": "ok"}
    ready = requests.get(scorer.url + "/readyz", timeout=10)
    assert (ready.status_code, ready.json()["status"]) == (200, "ok")
    metrics = requests.get(scorer.url + "/metrics", timeout=10).text
    assert 'scorer_model_available{model="smollm2-135m"} 1.0' in metrics
    assert 'scorer_model_available{model="tinyllama"} 0.0' in metrics


def test_request_id_comes_back(scorer: Any) -> None:
    response = requests.get(scorer.url + "/healthz", headers={"X-Request-ID": "abc"}, timeout=10)
    assert response.headers["X-Request-ID"] == "abc"


def test_hundred_thousand_characters_are_taken_and_one_more_is_too_long(scorer: Any) -> None:
    assert scorer.route("x" * 100_000)["decision"] == "cloud"
    assert scorer.route("x" * 100_001)["error"]["status"] == 413
