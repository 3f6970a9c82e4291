"""What a soak is judged by: every request answered, and the books complete."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.bench.soak.faults import N8N, SCORER, Window
from tests.bench.soak.traffic import Result

DEADLINE = 20.0
"""Seconds in which a request must be answered: no model here takes longer, and no part is waited for longer."""


def wrong_answers(results: Sequence[Result], windows: Sequence[Window]) -> Iterator[str]:
    """Requests that got no answer, a wrong status or a late one, without a fault that explains it."""
    for result in results:
        faults = {window.fault for window in windows if window.touches(result.sent, result.ended)}
        if not _is_right(result, faults):
            about = f"{result.asked.kind} after {result.seconds:.1f} s during {', '.join(sorted(faults)) or 'no fault'}"
            yield f"status {result.status or 'none'} for {about}: {result.problem}"
        elif result.seconds > DEADLINE and N8N not in faults:
            yield f"{result.asked.kind} took {result.seconds:.1f} s, with {', '.join(sorted(faults)) or 'no fault'}"


def _is_right(result: Result, faults: set[str]) -> bool:
    if result.status == result.asked.status:
        return True
    if N8N in faults:
        # Not there yet, or gone: but no answer may pretend that the request itself is wrong.
        return result.status in (0, 404, 502, 503)
    return result.status == 503 and SCORER in faults and result.asked.status == 200


def killed(results: Sequence[Result]) -> list[Result]:
    """Requests that n8n may have begun, and nobody was told what became of them."""
    return [result for result in results if result.status == 0]


def wrong_books(results: Sequence[Result], entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Answered requests that are not in the ledger exactly once, at the cost that the caller was told."""
    count: Counter[str] = Counter()
    cost: dict[str, Decimal] = defaultdict(Decimal)
    for entry in entries:
        # A reversal takes an entry back: its amounts are negative.
        count[entry["request_id"]] += -1 if entry["reversal"] else 1
        cost[entry["request_id"]] += Decimal(entry["cost"] or 0)
    for result in results:
        if not result.answered or result.request_id is None:
            continue
        if count[result.request_id] != 1:
            yield f"{result.asked.kind} {result.request_id} is in the ledger {count[result.request_id]} times"
        elif result.cost is not None and cost[result.request_id] != result.cost:
            yield f"{result.request_id} was told {result.cost} USD, and {cost[result.request_id]} are booked"


def loose_reservations(opened: int, unconfirmed: int, results: Sequence[Result]) -> Iterator[str]:
    """More reservations without an entry than there are hard requests that were killed."""
    hard = sum(result.asked.kind == "hard" for result in killed(results))
    if opened + unconfirmed > hard:
        yield f"{opened} reservations open and {unconfirmed} unconfirmed, with {hard} hard requests killed"
