"""Sums over requests: what reports, forecasts and the cost page are made of. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.cost_ledger.money import money, optional_money

TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")


@dataclass(frozen=True)
class Figures:
    """Sums over some requests. Amounts are USD, exact; `requests` are the answered ones.

    `baseline_cost` is what the answers whose price is known would have cost on the baseline model,
    as it was when they were booked.
    """

    requests: int = 0
    failed_requests: int = 0
    unconfirmed_requests: int = 0
    unconfirmed_cost: Decimal = Decimal(0)
    unpriced_requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    cost: Decimal = Decimal(0)
    baseline_cost: Decimal = Decimal(0)
    latency_seconds: float = 0.0
    latency_count: int = 0

    def __add__(self, other: Figures) -> Figures:
        return Figures(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    @property
    def all_requests(self) -> int:
        """The answered, the failed and the unconfirmed ones."""
        return self.requests + self.failed_requests + self.unconfirmed_requests

    @property
    def tokens(self) -> int:
        """Tokens of all kinds."""
        return sum(getattr(self, name) for name in TOKENS)

    @property
    def known_cost(self) -> Decimal | None:
        """The cost in USD; None when no price was known for any of the requests."""
        unknown = self.unpriced_requests > 0 and self.unpriced_requests >= self.all_requests
        return None if unknown else self.cost

    @property
    def saved(self) -> Decimal:
        """What the baseline would have cost, minus what was paid, in USD; negative for a loss."""
        return self.baseline_cost - self.cost

    @property
    def average_latency(self) -> float | None:
        """Seconds that an answer took; None when none is known."""
        return self.latency_seconds / self.latency_count if self.latency_count else None

    def document(self) -> dict[str, Any]:
        """As callers see it: the columns of every report."""
        latency = self.average_latency
        return {
            "requests": self.requests,
            "failed_requests": self.failed_requests,
            "unconfirmed_requests": self.unconfirmed_requests,
            "unconfirmed_cost": money(self.unconfirmed_cost),
            "unpriced_requests": self.unpriced_requests,
            **{name: getattr(self, name) for name in TOKENS},
            "cost": optional_money(self.known_cost),
            "baseline_cost": money(self.baseline_cost),
            "saved": None if self.known_cost is None else money(self.saved),
            "avg_latency_seconds": None if latency is None else round(latency, 4),
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Figures:
        """The figures of a row of `figures_by`."""
        return cls(**{one.name: row[one.name] for one in fields(cls)})


NOTHING = Figures()


def total(figures: Iterable[Figures]) -> Figures:
    """All of them together."""
    return sum(figures, NOTHING)


@dataclass(frozen=True)
class Row:
    """The figures of one value of a dimension, in one day or month when there is a `start`.

    `label` is None for requests without such a value; `backend` is known for routes only.
    """

    start: datetime | None
    label: str | None
    backend: str | None
    is_total: bool
    figures: Figures

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Row:
        """The same of a row of `figures_by`."""
        return cls(row["start"], row["label"] or None, row["backend"], row["is_total"], Figures.from_row(row))
