"""What may still be spent: reservations before a call, budgets, and their warnings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from services.catalog import Catalogue
from services.cost_ledger.budgets import Standing, spans_at, warnings
from services.cost_ledger.entries import find_model
from services.cost_ledger.errors import (
    AlreadyBooked,
    BudgetExceeded,
    CannotReserve,
    InvalidField,
    LedgerUnavailable,
    ReservationDiffers,
    UnknownBudget,
    UnpricedModel,
)
from services.cost_ledger.money import money, optional_money
from services.cost_ledger.reservations import Reservation, Reserved, parse_reservation
from services.cost_ledger.store import LedgerStore
from services.cost_ledger.times import format_time


class StoredKeyBudgets:
    """The hard budgets of keys, in the ledger's own store."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store

    def set(self, key_id: str, period: str, limit: Decimal) -> None:
        """Make `limit` USD the hard budget of a key for each 'daily' or 'monthly' period."""
        whose = {"scope": "key", "subject": key_id, "period": period}
        self._store.set_budget({**whose, "limit_usd": limit, "mode": "hard", "when_spent": "refuse"})


class Spending:
    """The budgets of one ledger. `zone` is where their days and months begin."""

    def __init__(
        self, store: LedgerStore, catalogue: Catalogue, baseline: str, clock: Callable[[], datetime], zone: ZoneInfo
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._baseline = baseline
        self._clock = clock
        self._zone = zone
        self._hard_budgets: bool | None = None  # not known yet

    def reserve(self, body: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
        """Hold what a request may cost, and say whether that is new; the body satisfies the schema.

        Raises BudgetExceeded when it does not fit into a hard budget, AlreadyBooked, and ReservationDiffers.
        While the database is away it is CannotReserve, unless there was no hard budget when it was last asked.
        """
        reservation = parse_reservation(body, self._catalogue, self._baseline, self._clock())
        try:
            outcome = self._store.reserve(reservation, spans_at(reservation.created_at, self._zone))
        except LedgerUnavailable:
            if self._hard_budgets is not False:
                raise CannotReserve(self._hard_budgets) from None
            return _document(reservation, None, held=False), True
        self._hard_budgets = outcome.hard_budgets
        _refuse(reservation, outcome)
        return _document(reservation, outcome, held=True), outcome.is_new

    def release(self, request_id: str) -> None:
        """Let go of a reservation that is not needed; nothing when there is none."""
        self._store.release(request_id)

    def standings(self) -> list[Standing]:
        """Every budget where it stands now."""
        now = self._clock()
        self._store.settle_expired(now)
        standings = self._store.standings(spans_at(now, self._zone))
        self._hard_budgets = any(one.mode == "hard" for one in standings)
        return standings

    def document(self) -> dict[str, Any]:
        """GET /v1/budgets."""
        return {"budgets": [one.document() for one in self.standings()], "time_zone": self._zone.key}

    def set_budget(self, body: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
        """Set a budget and say whether it is new; the body satisfies the schema."""
        subject = body.get("subject") or ""
        if body["scope"] == "model":
            model = find_model(subject, self._catalogue)
            if model is None:
                raise InvalidField("subject", "no model of the catalogue has this name")
            subject = model.name
        columns = {name: body[name] for name in ("scope", "period", "mode")}
        self._hard_budgets = None  # until the database says so: it may go away right after the change
        budget_id, is_new = self._store.set_budget(
            {
                **columns,
                "subject": subject,
                "limit_usd": Decimal(body["limit"]),
                "when_spent": body.get("when_spent", "refuse"),
            }
        )
        standing = next((one for one in self.standings() if one.id == budget_id), None)
        if standing is None:  # somebody removed it in between
            raise UnknownBudget
        return standing.document(), is_new

    def remove_budget(self, budget_id: int) -> None:
        """Remove a budget; UnknownBudget when there is none."""
        if not self._store.remove_budget(budget_id):
            raise UnknownBudget
        self._hard_budgets = None  # unknown until the database is asked again


def _refuse(reservation: Reservation, outcome: Reserved) -> None:
    if outcome.booked:
        raise AlreadyBooked
    if outcome.differs:
        raise ReservationDiffers
    if outcome.expires_at is not None or outcome.passed is None:
        return
    budget, amount = outcome.passed, reservation.amount
    details: dict[str, Any] = {
        "budget": budget.document(),
        "needed": optional_money(amount),
        "when_spent": budget.when_spent,
    }
    if amount is None:
        raise UnpricedModel(f"{reservation.worst.model} has no price, so that it fits into no hard budget.", **details)
    left = money(max(budget.limit - budget.used, Decimal(0)))
    raise BudgetExceeded(
        f"The request may cost {money(amount)} USD, and {budget.name} has {left} USD left; "
        f"it begins anew at {format_time(budget.resets_at)}.",
        **details,
    )


def _document(reservation: Reservation, outcome: Reserved | None, *, held: bool) -> dict[str, Any]:
    earlier = outcome if outcome and outcome.expires_at else None
    amount = earlier.amount if earlier else reservation.amount
    return {
        "request_id": reservation.request_id,
        "amount": optional_money(amount) if held else None,
        "expires_at": format_time((earlier and earlier.expires_at) or reservation.expires_at),
        "reserved": held,
        "hard_budgets": outcome.hard_budgets if outcome else False,
        "warnings": warnings(outcome.standings, amount or Decimal(0)) if outcome else [],
    }
