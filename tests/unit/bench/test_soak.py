from decimal import Decimal
from typing import Any

from tests.bench.soak.books import DEADLINE, loose_reservations, wrong_answers, wrong_books
from tests.bench.soak.faults import N8N, SCORER, Window
from tests.bench.soak.memory import Life
from tests.bench.soak.traffic import Asked, Result


def result(status: int = 200, kind: str = "easy", at: float = 100, seconds: float = 0.1, **changes: Any) -> Result:
    fields: dict[str, Any] = {
        "asked": Asked(kind, 200, {}),
        "sent": at,
        "ended": at + seconds,
        "status": status,
        "request_id": "r-1",
        "cost": Decimal("0.01"),
        "problem": "",
    }
    return Result(**{**fields, **changes})


def entry(request_id: str = "r-1", cost: str | None = "0.01", *, reversal: bool = False) -> dict[str, Any]:
    return {"request_id": request_id, "cost": cost, "reversal": reversal}


def test_an_answer_in_time_is_right_and_a_late_one_is_not() -> None:
    assert not list(wrong_answers([result()], []))
    assert "took" in next(wrong_answers([result(seconds=DEADLINE + 1)], []))


def test_a_failure_is_wrong_unless_the_fault_explains_it() -> None:
    refused = result(503)
    assert list(wrong_answers([refused], []))
    assert list(wrong_answers([refused], [Window("Redis away", 99, 101)]))
    assert not list(wrong_answers([refused], [Window(SCORER, 99, 101)]))
    assert list(wrong_answers([refused], [Window(SCORER, 10, 20)]))


def test_no_answer_is_right_only_while_n8n_is_restarted() -> None:
    assert not list(wrong_answers([result(0)], [Window(N8N, 99, 101)]))
    assert list(wrong_answers([result(0)], [Window(SCORER, 99, 101)]))


def test_a_bad_request_must_get_its_own_status() -> None:
    bad = Asked("bad", 400, {})
    assert not list(wrong_answers([result(400, asked=bad)], []))
    assert list(wrong_answers([result(200, asked=bad)], []))
    assert list(wrong_answers([result(503, asked=bad)], [Window(SCORER, 99, 101)]))


def test_an_answered_request_is_booked_exactly_once_at_the_cost_it_was_told() -> None:
    assert not list(wrong_books([result()], [entry()]))
    assert "0 times" in next(wrong_books([result()], []))
    assert "2 times" in next(wrong_books([result()], [entry(), entry()]))
    assert "booked" in next(wrong_books([result()], [entry(cost="0.02")]))


def test_a_correction_is_one_booking() -> None:
    corrected = [entry(cost="0.05"), entry(cost="-0.05", reversal=True), entry()]
    assert not list(wrong_books([result()], corrected))


def test_only_killed_hard_requests_may_leave_a_reservation() -> None:
    assert list(loose_reservations(1, 0, [result(0, "easy")]))
    assert not list(loose_reservations(1, 0, [result(0, "hard")]))
    assert list(loose_reservations(1, 1, [result(0, "hard")]))


def test_growth_is_told_after_the_first_two_minutes_and_not_of_a_short_life() -> None:
    life = Life("n8n", [(at, 100 + at // 10) for at in range(0, 601, 5)])
    assert life.growth is not None
    assert 0.3 < life.growth < 0.45
    assert Life("n8n", life.samples[:40]).growth is None
