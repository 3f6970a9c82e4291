"""Factors: what a backend multiplies every token price of a request with, under a condition."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from services.catalog.dated import Dated
from services.catalog.prices import Charge, PriceRow, Usage


@dataclass(frozen=True)
class Factor(Dated):
    """Multiplies the prices of requests that came in a batch or, without `batch`, asked for `inference_geo`."""

    backend: str
    factor: Decimal
    source: str
    batch: bool = False
    inference_geo: str | None = None

    def applies(self, *, batch: bool, inference_geo: str | None) -> bool:
        """Whether a request under these conditions is charged with the factor."""
        return batch if self.batch else inference_geo == self.inference_geo

    @property
    def condition(self) -> str:
        """The condition in words: 'batch' or 'inference_geo us'."""
        return "batch" if self.batch else f"inference_geo {self.inference_geo}"


@dataclass(frozen=True)
class Tariff:
    """A price row and the factors that stack on it for one kind of request."""

    row: PriceRow
    factors: tuple[Factor, ...] = ()

    def charge(self, usage: Usage) -> Charge:
        """What `usage` costs: prices after factors, so that they give the cost to the last digit."""
        prices = self.row.unit_prices(usage.prompt_tokens)
        for factor in self.factors:
            prices = prices.times(factor.factor)
        applied = (f"{factor.condition} x {factor.factor}" for factor in self.factors)
        return Charge(prices.cost(usage), prices, "; ".join((self.row.source, *applied)))

    def dearest(self, prompt_tokens: int, output_tokens: int, kinds: tuple[str, ...]) -> Charge:
        """The most that a prompt of up to `prompt_tokens` of these kinds can cost, with an answer of that length."""
        # Within a band the longest prompt costs most. A shorter one in a lower band may cost more all
        # the same, where a catalogue has a band that makes long prompts cheaper.
        lengths = self.row.longest_prompts(prompt_tokens)
        usages = (Usage(output_tokens=output_tokens, **{f"{k}_tokens": n}) for n in lengths for k in kinds)
        return max(map(self.charge, usages), key=lambda charge: charge.cost)
