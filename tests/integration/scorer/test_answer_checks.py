"""POST /v1/verify over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

BODY = {"request_id": "r-1", "prompt": "Write a poem about rain.", "answer": "Soft rain on the roof", "model": "tiny"}


def test_good_answer_is_accepted(scorer: Any) -> None:
    response = scorer.post("/v1/verify", BODY)
    assert response.status_code == 200
    assert response.json() == {"accept": True, "confidence": 0.6667, "reasons": []}


def test_refusal_is_rejected_with_its_reason(scorer: Any) -> None:
    got = scorer.post("/v1/verify", BODY | {"answer": "I'm sorry, but I can't help with that."}).json()
    assert got["accept"] is False
    assert got["confidence"] < 0.2
    assert got["reasons"] == [{"code": "refused", "text": "The answer refuses the task instead of doing it."}]


def test_every_field_is_taken_in(scorer: Any) -> None:
    body = {"prompt": "What is 6 times 7?", "answer": '{"n": "42"}', "samples": ["42", "43"], "finish_reason": "length"}
    schema = {"properties": {"n": {"type": "integer"}}}
    got = scorer.post("/v1/verify", body | {"needs": {"json": True}, "schema": schema}).json()
    assert {reason["code"] for reason in got["reasons"]} == {"cut_off", "schema_mismatch", "samples_disagree"}


def test_samples_that_disagree_reject(scorer: Any) -> None:
    body = {"prompt": "What is 6 times 7?", "answer": "42", "samples": ["41", "43"]}
    got = scorer.post("/v1/verify", body).json()
    assert [reason["code"] for reason in got["reasons"]] == ["samples_disagree"]


def test_fields_may_be_null(scorer: Any) -> None:
    nothing = dict.fromkeys(["request_id", "model", "samples", "finish_reason", "needs", "schema"])
    assert scorer.post("/v1/verify", BODY | nothing).json()["accept"] is True


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"answer": None}, "answer"),
        ({"prompt": 5}, "prompt"),
        ({"samples": "42"}, "samples"),
        ({"samples": ["42", 42]}, "samples[1]"),
        ({"samples": ["42"] * 9}, "samples"),
        ({"answer": "x" * 1_000_001}, "answer"),
        ({"needs": {"json": "yes"}}, "needs.json"),
        ({"finish_reason": 5}, "finish_reason"),
        ({"schema": []}, "schema"),
        ({"schema": {"type": "nonsense"}}, "schema"),
    ],
)
def test_wrong_field_is_named(scorer: Any, wrong: dict[str, Any], field: str) -> None:
    response = scorer.post("/v1/verify", BODY | wrong)
    assert response.status_code == 400
    assert response.json()["error"]["field"] == field
    assert len(response.text) < 1_000


@pytest.mark.parametrize("name", ["prompt", "answer"])
def test_missing_field_is_named(scorer: Any, name: str) -> None:
    response = scorer.post("/v1/verify", {key: value for key, value in BODY.items() if key != name})
    assert response.status_code == 400
    assert name in response.json()["error"]["message"]


def test_unknown_fields_are_refused(scorer: Any) -> None:
    assert "sample" in scorer.post("/v1/verify", BODY | {"sample": ["42"]}).json()["error"]["message"]


def test_verdicts_are_counted(scorer: Any) -> None:
    accepted = scorer.metric('scorer_verdicts_total{accepted="true"}')
    empty = scorer.metric('scorer_answer_faults_total{code="empty"}')
    timed = scorer.metric("scorer_verify_seconds_count")
    scorer.post("/v1/verify", BODY)
    scorer.post("/v1/verify", BODY | {"answer": " "})
    assert scorer.metric('scorer_verdicts_total{accepted="true"}') == accepted + 1
    assert scorer.metric('scorer_answer_faults_total{code="empty"}') == empty + 1
    assert scorer.metric("scorer_verify_seconds_count") == timed + 2


def test_service_token_is_required(scorer: Any) -> None:
    response = scorer.post("/v1/verify", BODY, headers={"Authorization": "Bearer wrong"})
    assert (response.status_code, response.json()["error"]["code"]) == (401, "unauthorized")
