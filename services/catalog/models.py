"""What the stack knows of one model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from services.catalog.prices import PriceRow

Backend = Literal["ollama", "anthropic"]
Tier = Literal["small", "medium", "large", "cloud"]


@dataclass(frozen=True)
class Model:
    """One model of the catalogue.

    `name` is what callers write, `model_id` what the backend knows it by. `context_window` is the
    prompt and the answer together, `max_output` the longest answer asked for, both in tokens.
    `own_prices` go before the price library's.
    """

    name: str
    backend: Backend
    model_id: str
    tier: Tier
    context_window: int
    max_output: int
    abilities: frozenset[str] = frozenset()
    aliases: tuple[str, ...] = ()
    retired_on: date | None = None
    note: str = ""
    own_prices: tuple[PriceRow, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether the model runs on the user's own machine and costs nothing per token."""
        return self.backend == "ollama"

    def retired(self, day: date) -> bool:
        """Whether the provider refuses requests to the model on `day` (UTC)."""
        return self.retired_on is not None and day >= self.retired_on

    def own_row(self, at: datetime) -> PriceRow | None:
        """The catalogue's own price row at a moment, if it has one."""
        return next((row for row in self.own_prices if row.holds_at(at)), None)
