"""Books of cloud usage by UTC day and model, whoever keeps them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from typing import Any

from services.catalog import Catalogue, UnknownModel

KINDS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
"""The kinds of tokens, as the fields of Figures name them."""
NO_MODEL = "(no model)"

_NOT_A_NAME = re.compile(r"[^a-z0-9]+")
_SNAPSHOT = re.compile(r"-[0-9]{8}$")


@dataclass(frozen=True)
class Figures:
    """Tokens by kind, and USD. `leeway` is how many USD the amount may be off because it is rounded.

    `unpriced` counts requests whose cost is not known, so that `cost` leaves them out.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    cost: Decimal = Decimal(0)
    leeway: Decimal = Decimal(0)
    unpriced: int = 0

    def __add__(self, other: Figures) -> Figures:
        return Figures(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


Key = tuple[date, str]


@dataclass(frozen=True)
class Books:
    """What one side knows of the days from `first` to `last`: a day without figures had no usage."""

    name: str
    first: date
    last: date
    figures: Mapping[Key, Figures] = field(default_factory=dict)
    has_tokens: bool = True
    has_cost: bool = True


def add_up(rows: Iterable[tuple[date, str, Figures]], catalogue: Catalogue) -> dict[Key, Figures]:
    """The sums by day and model, under the catalogue's names."""
    sums: dict[Key, Figures] = {}
    for day, model, figures in rows:
        key = day, catalogue_name(model, catalogue)
        sums[key] = sums.get(key, Figures()) + figures
    return sums


def catalogue_name(text: str, catalogue: Catalogue) -> str:
    """The catalogue's name of what the provider calls 'claude-haiku-4-5-20251001' or 'Claude Haiku 4.5'.

    A model that the catalogue does not have keeps the name that it came with.
    """
    text = text.strip()
    written = _NOT_A_NAME.sub("-", text.lower()).strip("-")
    for name in (text, written, _SNAPSHOT.sub("", written)):
        try:
            return catalogue.find(name).name
        except UnknownModel:
            continue
    return text or NO_MODEL


def ledger_rows(rows: Iterable[Mapping[str, Any]]) -> Iterable[tuple[date, str, Figures]]:
    """The rows of the store's `cloud_usage_by_day`."""
    for row in rows:
        tokens: dict[str, Any] = {kind: int(row[f"{kind}_tokens"]) for kind in KINDS}
        yield row["day"], row["model"], Figures(**tokens, cost=row["cost"], unpriced=row["unpriced_requests"])
