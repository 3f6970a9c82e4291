"""The books against a plain model of them: whatever happens in whatever order, the sums are equal to the last digit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from services.catalog import load_catalogue
from services.cost_ledger.app import open_store
from services.cost_ledger.errors import AlreadyBooked, BudgetExceeded, ReservationDiffers
from services.cost_ledger.ledger import Ledger
from services.cost_ledger.metrics import LedgerMetrics
from services.cost_ledger.spending import Spending
from services.cost_ledger.store import LedgerStore
from services.cost_ledger.times import format_time
from tests.postgres import PostgresServer

BEGIN = datetime(2026, 12, 1, 4, 50, tzinfo=UTC)  # ten minutes before a day and a month begin in ZONE
ZONE = ZoneInfo("America/New_York")
INPUT, OUTPUT = Decimal("0.000002"), Decimal("0.00001")  # USD a token, Sonnet 5.5
LIMITS = {"daily": Decimal("0.30"), "monthly": Decimal("0.50")}
_users = count(1)

REQUESTS = st.integers(0, 7)
TOKENS = st.integers(0, 9_000)
STEPS = st.one_of(
    st.tuples(st.just("reserve"), REQUESTS, TOKENS, TOKENS),
    st.tuples(st.just("book"), REQUESTS, TOKENS, TOKENS),
    st.tuples(st.just("book"), REQUESTS, TOKENS, TOKENS),
    st.tuples(st.just("correct"), REQUESTS, TOKENS, TOKENS),
    st.tuples(st.just("release"), REQUESTS, st.just(0), st.just(0)),
    st.tuples(st.just("pass time"), st.just(0), st.integers(1, 12) | st.integers(1, 1_800), st.just(0)),
    st.tuples(st.just("turn the clock back"), st.just(0), st.integers(1, 60), st.just(0)),
)


@dataclass
class Model:
    """What the books should say, in the plainest Python."""

    now: datetime = BEGIN
    reserved: dict[str, tuple[Decimal, datetime]] = field(default_factory=dict)  # amount, made at
    booked: dict[str, tuple[Decimal, datetime, bool]] = field(default_factory=dict)  # cost, charged at, unconfirmed
    corrections: set[str] = field(default_factory=set)

    def expire(self) -> None:
        for request, (amount, made_at) in list(self.reserved.items()):
            if made_at + timedelta(minutes=15) <= self.now:
                self.booked[request] = (amount, made_at, True)
                del self.reserved[request]

    def used(self, period: str) -> Decimal:
        def inside(moment: datetime) -> bool:
            shape = "%Y-%m-%d" if period == "daily" else "%Y-%m"
            return moment.astimezone(ZONE).strftime(shape) == self.now.astimezone(ZONE).strftime(shape)

        spent = sum((cost for cost, at, _ in self.booked.values() if inside(at)), Decimal(0))
        return spent + sum((amount for amount, at in self.reserved.values() if inside(at)), Decimal(0))

    def reserve(self, request: str, amount: Decimal) -> str:
        self.expire()
        if request in self.booked:
            return "already booked"
        if request in self.reserved:
            return "held"
        if any(self.used(period) + amount > limit for period, limit in LIMITS.items()):
            return "refused"
        self.reserved[request] = (amount, self.now)
        return "held"

    def book(self, request: str, cost: Decimal, occurred_at: datetime, correction: str | None) -> bool:
        """Whether it is new."""
        known = self.booked.get(request)
        if known and (correction in self.corrections if correction else not known[2]):
            return False
        if correction:
            self.corrections.add(correction)
        made_at = self.reserved.pop(request, (None, None))[1]
        charged_at = known[1] if known else (made_at or occurred_at)
        self.booked[request] = (cost, charged_at, False)
        return True


@pytest.fixture(scope="module")
def books_url(postgres: PostgresServer) -> str:
    return postgres.create_database()


@pytest.fixture(scope="module")
def store(books_url: str) -> Iterator[LedgerStore]:
    store = open_store(books_url, 2)
    yield store
    store.close()


@given(st.lists(STEPS, max_size=25))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.timeout(300)
def test_the_books_equal_a_plain_model(store: LedgerStore, books_url: str, steps: list[tuple[Any, ...]]) -> None:
    user, model, catalogue = f"user-{next(_users)}", Model(), load_catalogue()
    ledger = Ledger(store, catalogue, "claude-sonnet", lambda: model.now, LedgerMetrics())
    spending = Spending(store, catalogue, "claude-sonnet-5-5", lambda: model.now, ZONE)
    for period, limit in LIMITS.items():
        budget = {"scope": "user", "subject": user, "period": period, "limit": str(limit), "mode": "hard"}
        spending.set_budget(budget)
    for number, (step, request, first, second) in enumerate(steps):
        name, amount = f"{user}-{request}", first * INPUT + second * OUTPUT
        if step == "reserve":
            body: dict[str, Any] = {"request_id": name, "model": "claude-sonnet", "user": user}
            body |= {"input_tokens": first, "max_output_tokens": second}
            try:
                spending.reserve(body)
                outcome = "held"
            except BudgetExceeded:
                outcome = "refused"
            except AlreadyBooked:
                outcome = "already booked"
            except ReservationDiffers:
                outcome = "held"  # the first one still is
            assert outcome == model.reserve(name, amount)
        elif step in ("book", "correct"):
            correction = f"{name}-{number // 2}" if step == "correct" else None
            usage = {"input_tokens": first, "output_tokens": second}
            body = {"request_id": name, "occurred_at": format_time(model.now), "model": "claude-sonnet", "user": user}
            body |= {"backend": "cloud", "status": "ok", "usage": usage, "correction": correction}
            (booking, again) = ledger.book([body, body], batch=True)
            assert booking.duplicate is not model.book(name, amount, model.now, correction)
            assert again.duplicate
            assert booking.cost == again.cost == model.booked[name][0]
        elif step == "release":
            spending.release(name)
            model.reserved.pop(name, None)
        else:
            model.now += timedelta(minutes=first if step == "pass time" else -first)
        _compare(spending, model, user)
    _compare_sums(books_url, model, user)


def _compare(spending: Spending, model: Model, user: str) -> None:
    model.expire()
    for standing in spending.standings():
        if standing.subject == user:
            assert standing.used == model.used(standing.period)


def _compare_sums(books_url: str, model: Model, user: str) -> None:
    """Entries and the sums by the hour say the same as the model."""
    total = sum((cost for cost, _, _ in model.booked.values()), Decimal(0))
    unconfirmed = sum(1 for *_, unconfirmed in model.booked.values() if unconfirmed)
    with psycopg.connect(books_url, row_factory=dict_row) as conn:
        for question in (
            "SELECT coalesce(sum(cost), 0) AS cost, coalesce(sum(sign), 0) AS requests,"
            " coalesce(sum(sign) FILTER (WHERE status = 'unconfirmed'), 0) AS unconfirmed"
            " FROM ledger.entries WHERE user_name = %s",
            "SELECT coalesce(sum(cost), 0) AS cost, coalesce(sum(requests), 0) AS requests,"
            " coalesce(sum(requests) FILTER (WHERE status = 'unconfirmed'), 0) AS unconfirmed"
            " FROM ledger.hourly WHERE dimension = 'user' AND value = %s",
        ):
            row = conn.execute(question, (user,)).fetchone()
            assert row == {"cost": total, "requests": len(model.booked), "unconfirmed": unconfirmed}
