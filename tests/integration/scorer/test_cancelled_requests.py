"""Marks of cancelled requests with a real Valkey, between two scorers."""

from __future__ import annotations

from typing import Any

import pytest


def cancel(scorer: Any, request_id: str) -> int:
    status: int = scorer.post("/v1/cancel", {"request_id": request_id}).status_code
    return status


def is_cancelled(scorer: Any, request_id: str) -> bool:
    cancelled: bool = scorer.get(f"/v1/cancelled/{request_id}").json()["cancelled"]
    return cancelled


def test_another_scorer_knows_of_a_mark(scorer: Any, start: Any, scorer_env: dict[str, str]) -> None:
    with start(**scorer_env) as (other, _):
        assert not is_cancelled(other, "shared")
        assert cancel(scorer, "shared") == 204
        assert is_cancelled(other, "shared")
        assert is_cancelled(scorer, "shared")


def test_a_dead_redis_leaves_the_marks_of_one_process(start: Any, scorer_env: dict[str, str], valkey: Any) -> None:
    with start(**scorer_env) as (scorer, _):
        valkey.kill()
        try:
            assert cancel(scorer, "alone") == 204
            assert is_cancelled(scorer, "alone")
            assert not is_cancelled(scorer, "other")
        finally:
            valkey.start()


@pytest.mark.parametrize("request_id", [None, "", "a b", 5, "x" * 129])
def test_what_is_no_request_id_is_refused(scorer: Any, request_id: object) -> None:
    response = scorer.post("/v1/cancel", {"request_id": request_id})
    assert response.status_code == 400
    assert "request_id" in response.json()["error"]["message"]
