"""A hard budget is never passed: the caller gets a 402, or a local answer."""

from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.running import EASY, HARD, RunningStack, eventually

pytestmark = pytest.mark.timeout(300)

DAILY: dict[str, Any] = {"scope": "global", "subject": None, "period": "daily", "mode": "hard"}


def test_a_spent_budget_is_a_402_that_names_it_and_asks_nobody(running: RunningStack) -> None:
    asked = len(running.claude.requests)
    with running.budget(**DAILY, limit="0.0001", when_spent="refuse"):
        response = running.post(json={"prompt": f"{HARD} In Perl."})
        easy = running.chat(f"{EASY} Be quick.", max_tokens=5)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (402, "budget_exceeded"), response.text
    assert "daily" in error["message"].lower()
    assert response.json()["models_tried"] == [{"model": "claude-sonnet-5-5", "code": "budget_exceeded"}]
    assert len(running.claude.requests) == asked
    assert easy["backend"] == "local"
    entry = running.entry(response.headers["x-request-id"])
    assert (entry["status"], Decimal(entry["cost"]), entry["error_code"]) == ("error", Decimal(0), "budget_exceeded")


def test_a_spent_budget_may_leave_the_answer_to_a_local_model_and_nobody_gets_it_from_the_cache(
    running: RunningStack,
) -> None:
    prompt = f"{HARD} In Ada."
    with running.budget(**DAILY, limit="0.0001", when_spent="local"):
        answer = running.chat(prompt, max_tokens=10)
    assert (answer["backend"], answer["cost"]) == ("local", 0)
    assert answer["models_tried"] == [{"model": "claude-sonnet-5-5", "code": "budget_exceeded"}]
    running.entry(answer["request_id"])
    assert running.chat(prompt, max_tokens=10)["backend"] == "cloud"


def test_what_was_reserved_is_settled_at_the_true_cost(running: RunningStack) -> None:
    with running.budget(**DAILY, limit="1000", when_spent="refuse") as before:
        answer = running.chat(f"{HARD} In Forth.")
        running.entry(answer["request_id"])

        def settled() -> dict[str, Any] | None:
            budgets = running.ledger("/v1/budgets")["budgets"]
            budget: dict[str, Any] = next(one for one in budgets if one["id"] == before["id"])
            return budget if Decimal(budget["reserved"]) == 0 else None

        after = eventually(settled, 10)
    assert Decimal(after["spent"]) - Decimal(before["spent"]) == answer["cost"] > 0
    assert running.claude.requests[-1]["body"]["max_tokens"] == 4096
