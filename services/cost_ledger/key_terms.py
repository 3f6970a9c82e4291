"""What a key may do, and how long: parsed from JSON and checked against the catalogue. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, TypedDict

from services.catalog import Catalogue, UnknownModel
from services.cost_ledger.errors import InvalidField
from services.cost_ledger.times import parse_time

PERIODS = ("daily", "monthly")
_NAMED = 10
_SHOWN = 100


class KeyBudgets(Protocol):
    """Where the budgets of keys are kept."""

    def set(self, key_id: str, period: str, limit: Decimal) -> None:
        """Make `limit` USD the hard budget of a key for each 'daily' or 'monthly' period."""


class KeyTerms(TypedDict, total=False):
    """Terms by name; those left out are none for a new key, and stay as they are for a known one.

    `rate_limit` is in requests a minute, `allowed_models` are names of the catalogue. None: no end,
    no limit, every model.
    """

    expires_at: datetime | None
    rate_limit: int | None
    allowed_models: list[str] | None


class KeyChanges(KeyTerms, total=False):
    """What is to change about a key."""

    name: str


@dataclass(frozen=True)
class NewKey:
    """A key to make or to register. `budgets` are USD by period."""

    name: str
    terms: KeyTerms
    budgets: Mapping[str, Decimal]


def parse_new_key(body: Mapping[str, Any], catalogue: Catalogue, now: datetime) -> NewKey:
    """The key of a body that satisfies the schema; InvalidField names what is wrong."""
    budgets = {period: body.get(f"budget_{period}") for period in PERIODS}
    parsed = {period: _budget(text, period) for period, text in budgets.items() if text is not None}
    return NewKey(body["name"], _terms(body, catalogue, now), parsed)


def parse_changes(body: Mapping[str, Any], catalogue: Catalogue, now: datetime) -> KeyChanges:
    """The changes of a body that satisfies the schema; InvalidField names what is wrong."""
    changes = _terms(body, catalogue, now)
    if "name" in body:
        changes["name"] = body["name"]
    return changes


def _terms(body: Mapping[str, Any], catalogue: Catalogue, now: datetime) -> KeyChanges:
    terms = KeyChanges()
    if "expires_at" in body:
        terms["expires_at"] = _expiry(body["expires_at"], now)
    if "rate_limit" in body:
        limit = body["rate_limit"]
        terms["rate_limit"] = None if limit is None else int(limit)  # JSON's 60.0 is an integer, too
    if "allowed_models" in body:
        terms["allowed_models"] = _models(body["allowed_models"], catalogue)
    return terms


def _expiry(text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        moment = parse_time(text)
    except ValueError as error:
        raise InvalidField("expires_at", str(error)) from None
    if moment <= now:
        raise InvalidField("expires_at", "lies in the past")
    return moment


def _models(names: list[str] | None, catalogue: Catalogue) -> list[str] | None:
    """The catalogue's names of these models, each once, in the order given."""
    if names is None:
        return None
    found: dict[str, None] = {}
    unknown = []
    for name in names:
        try:
            found[catalogue.find(name).name] = None
        except UnknownModel:
            unknown.append(repr(name[:_SHOWN]))
    if unknown:
        rest = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
        raise InvalidField("allowed_models", f"not in the catalogue: {', '.join(unknown[:_NAMED])}{rest}")
    return list(found)


def _budget(text: str, period: str) -> Decimal:
    limit = Decimal(text)
    if not limit:
        raise InvalidField(f"budget_{period}", "must be more than 0 USD")
    return limit
