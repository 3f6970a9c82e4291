"""Reservations: the most that a request may cost, held against budgets until its entry comes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from services.catalog import Catalogue, Usage
from services.cost_ledger.budgets import Standing
from services.cost_ledger.entries import LedgerEntry, PricedEntry, find_model
from services.cost_ledger.errors import InvalidField

DEFAULT_SECONDS = 900

_ASKED = (
    *("model", "batch", "inference_geo", "key_id", "user_name", "tags", "input_tokens", "output_tokens"),
    *("cache_write_5m_tokens", "cache_write_1h_tokens"),
)


@dataclass(frozen=True)
class Reservation:
    """A request that is about to be sent to a provider.

    `worst` is the entry that is booked if nobody tells what became of it: every token that it may use,
    at its dearest. `created_at` and `expires_at` are in UTC.
    """

    worst: PricedEntry
    created_at: datetime
    expires_at: datetime

    @property
    def request_id(self) -> str:
        """The request's id."""
        return self.worst.entry.request_id

    @property
    def amount(self) -> Decimal | None:
        """The most that it can cost, in USD; None when its model has no price."""
        return self.worst.cost

    def differs(self, worst: Mapping[str, Any]) -> bool:
        """Whether it asks for something else than the reservation with this row; prices and times may differ."""
        row = {**self.worst.row(), "tags": list(self.worst.entry.tags)}  # JSON has no tuples
        return {name: row[name] for name in _ASKED} != {name: worst[name] for name in _ASKED}


@dataclass(frozen=True)
class Reserved:
    """What became of a reservation.

    `standings` are those of the budgets that count it, without it; `passed` is the hard one that it does not
    fit into. `amount` and `expires_at` are those of an earlier reservation of the same request, which `differs`
    when it was another one; `booked`: its entry is in the books. `hard_budgets`: there is a hard budget in the
    ledger at all.
    """

    standings: tuple[Standing, ...]
    passed: Standing | None
    hard_budgets: bool
    booked: bool
    differs: bool
    amount: Decimal | None
    expires_at: datetime | None

    @property
    def is_new(self) -> bool:
        """Whether it was reserved now."""
        return not self.booked and self.expires_at is None and self.passed is None


def parse_reservation(body: Mapping[str, Any], catalogue: Catalogue, baseline_model: str, now: datetime) -> Reservation:
    """The reservation of a body that satisfies the schema, at the prices of `now`; InvalidField for a local model."""
    model = find_model(body["model"], catalogue)
    if model and model.is_local:
        raise InvalidField("model", f"{model.name} runs on this machine and costs nothing: there is nothing to reserve")
    terms = {"batch": body.get("batch", False), "inference_geo": body.get("inference_geo")}
    writes = body.get("cache_writes", "none")
    tokens, answer = int(body["input_tokens"]), int(body["max_output_tokens"])
    charge = catalogue.worst_case(body["model"], tokens, answer, now, cache_writes=writes, **terms) if model else None
    usage = Usage(**{_kind(writes): tokens, "output_tokens": answer})
    baseline = catalogue.charge(baseline_model, usage, now)
    entry = LedgerEntry(
        request_id=body["request_id"],
        occurred_at=now,
        model=body["model"],
        backend="cloud",
        status="unconfirmed",
        usage=usage,
        key_id=body.get("key_id"),
        user=body.get("user"),
        tags=tuple(dict.fromkeys(body.get("tags", ()))),
        **terms,
    )
    name = model.name if model else body["model"]
    worst = PricedEntry(entry, name, charge, baseline_model, baseline.cost if baseline else None)
    return Reservation(worst, now, now + timedelta(seconds=body.get("timeout_seconds", DEFAULT_SECONDS)))


def _kind(writes: str) -> str:
    return "input_tokens" if writes == "none" else f"cache_write_{writes}_tokens"
