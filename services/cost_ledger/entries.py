"""Entries: one request each, parsed from JSON and priced. Pure: no database, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from services.catalog import Catalogue, Charge, Model, UnitPrices, UnknownModel, Usage
from services.catalog.prices import FREE
from services.cost_ledger.errors import InvalidField
from services.cost_ledger.money import money, optional_money
from services.cost_ledger.times import format_time, parse_time

_KINDS = tuple(field.name for field in fields(UnitPrices))

MAX_AHEAD = timedelta(days=1)
"""How far a sender's clock may run ahead of the ledger's."""
EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
"""Nothing that this stack could have booked is older."""


@dataclass(frozen=True)
class LedgerEntry:
    """One request as its sender tells it. `occurred_at` is in UTC; `..._seconds` are seconds.

    With a `correction` (its id) the entry replaces what the books have of the request.
    """

    request_id: str
    occurred_at: datetime
    model: str
    backend: str
    status: str
    usage: Usage
    batch: bool = False
    inference_geo: str | None = None
    latency_seconds: float | None = None
    routing_seconds: float | None = None
    model_seconds: float | None = None
    tier: str | None = None
    complexity: float | None = None
    reasoning: str | None = None
    key_id: str | None = None
    user: str | None = None
    tags: tuple[str, ...] = ()
    dialect: str | None = None
    error_code: str | None = None
    correction: str | None = None


@dataclass(frozen=True)
class PricedEntry:
    """An entry under the catalogue's name of its model, with what it cost and what the baseline would have.

    `charge` is None when no price is known, and so is `baseline_cost` (USD).
    """

    entry: LedgerEntry
    model: str
    charge: Charge | None
    baseline_model: str
    baseline_cost: Decimal | None

    @property
    def cost(self) -> Decimal | None:
        """USD, exact; None when no price is known."""
        return self.charge.cost if self.charge else None

    def row(self, charged_at: datetime | None = None) -> dict[str, Any]:
        """The columns of ledger.entries, as JSON can carry them: amounts as text, so that no digit is lost.

        It counts for the budgets of `charged_at`, or else of when it occurred.
        """
        fields = dict(vars(self.entry))
        usage, user = fields.pop("usage"), fields.pop("user")
        prices = vars(self.charge.prices) if self.charge else {}
        return {
            **fields,
            **vars(usage),
            **{f"price_{kind}": str(price) for kind, price in prices.items()},
            "occurred_at": self.entry.occurred_at.isoformat(),
            "charged_at": (charged_at or self.entry.occurred_at).isoformat(),
            "model": self.model,
            "user_name": user,
            "cost": _text(self.cost),
            "price_source": self.charge.source if self.charge else None,
            "baseline_model": self.baseline_model,
            "baseline_cost": _text(self.baseline_cost),
        }


@dataclass(frozen=True)
class Booking:
    """What became of one entry: the cost in the books, and whether they had it before."""

    request_id: str
    cost: Decimal | None
    duplicate: bool

    def document(self) -> dict[str, Any]:
        """As the caller sees it."""
        return {
            "request_id": self.request_id,
            "cost": optional_money(self.cost),
            "priced": self.cost is not None,
            "duplicate": self.duplicate,
        }


def parse_entry(body: Mapping[str, Any], now: datetime, path: str = "") -> LedgerEntry:
    """The entry of a body that satisfies the schema; InvalidField, with `path` before the field's name."""
    parsed = {
        "occurred_at": parse_moment(body["occurred_at"], f"{path}occurred_at", now),
        "usage": parse_usage(body.get("usage", {})),
        "tags": tuple(dict.fromkeys(body.get("tags", ()))),
    }
    return LedgerEntry(**{**body, **parsed})


def parse_moment(text: str, field: str, now: datetime) -> datetime:
    """A moment in UTC, from 2020 on and at most a day ahead of `now`; InvalidField otherwise."""
    try:
        moment = parse_time(text)
    except ValueError as error:
        raise InvalidField(field, str(error)) from None
    if moment > now + MAX_AHEAD:
        raise InvalidField(field, "lies more than a day in the future")
    if moment < EARLIEST:
        raise InvalidField(field, f"lies before {EARLIEST:%Y-%m-%d}")
    return moment


def parse_usage(body: Mapping[str, Any]) -> Usage:
    """Token counts; those left out are 0."""
    return Usage(**{kind: int(tokens) for kind, tokens in body.items()})  # JSON's 1.0 is an integer, too


def price_entry(entry: LedgerEntry, catalogue: Catalogue, baseline_model: str) -> PricedEntry:
    """The entry at the prices of its time; InvalidField when it calls a model local that costs money.

    Local and cached answers are free. A cloud answer of a model without a price is unpriced, and so
    is one of a local model: nobody knows what that cost.
    """
    model = find_model(entry.model, catalogue)
    if entry.backend == "local" and model and not model.is_local:
        raise InvalidField("backend", f"{model.name} is not a local model (request {entry.request_id})")
    if entry.backend != "cloud":
        charge: Charge | None = Charge(Decimal(0), FREE, entry.backend)
    elif model and model.is_local:
        charge = None
    else:
        charge = catalogue.charge(
            entry.model,
            entry.usage,
            entry.occurred_at,
            batch=entry.batch,
            inference_geo=entry.inference_geo,
        )
    baseline = catalogue.charge(baseline_model, entry.usage, entry.occurred_at)
    name = model.name if model else entry.model
    return PricedEntry(entry, name, charge, baseline_model, baseline.cost if baseline else None)


def entry_document(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of ledger.entries as callers see it: the entry as it came, its prices and its cost.

    A row that takes an earlier one back has `reversal` true, and negative tokens and amounts.
    """
    prices = {kind: optional_money(row[f"price_{kind}"]) for kind in _KINDS}
    return {
        "request_id": row["request_id"],
        "reversal": row["sign"] < 0,
        "correction": row["correction"],
        "occurred_at": format_time(row["occurred_at"]),
        "booked_at": format_time(row["booked_at"]),
        **{name: row[name] for name in ("model", "backend", "status")},
        "usage": {f"{kind}_tokens": row[f"{kind}_tokens"] for kind in _KINDS},
        "cost": optional_money(row["cost"]),
        "priced": row["cost"] is not None,
        "prices": prices if row["cost"] is not None else None,
        "source": row["price_source"],
        "baseline_model": row["baseline_model"],
        "baseline_cost": optional_money(row["baseline_cost"]),
        **{name: row[name] for name in ("batch", "inference_geo")},
        **{name: row[name] for name in ("latency_seconds", "routing_seconds", "model_seconds")},
        **{name: row[name] for name in ("tier", "complexity", "reasoning", "key_id")},
        "user": row["user_name"],
        **{name: row[name] for name in ("tags", "dialect", "error_code")},
    }


def charge_document(charge: Charge | None) -> dict[str, Any]:
    """The answer of /v1/cost."""
    return {
        "cost": optional_money(charge.cost if charge else None),
        "priced": charge is not None,
        "prices": {kind: money(getattr(charge.prices, kind)) for kind in _KINDS} if charge else None,
        "source": charge.source if charge else None,
    }


def find_model(name: str, catalogue: Catalogue) -> Model | None:
    """The catalogue's model of that name; None for one that it does not know."""
    try:
        return catalogue.find(name)
    except UnknownModel:
        return None


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)
