"""What tokens cost: price rows with dates and prompt-length bands, and the exact charge of a request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from functools import lru_cache
from itertools import pairwise

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelPrice, Tier, TieredPrices

MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Usage:
    """Tokens of one request. `input_tokens` leaves out cached ones, as in the Messages API's `usage`."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0

    @property
    def prompt_tokens(self) -> int:
        """The whole prompt, cached parts included: what prompt-length bands are measured by."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_5m_tokens + self.cache_write_1h_tokens


@dataclass(frozen=True)
class UnitPrices:
    """USD per million tokens of each kind."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write_5m: Decimal
    cache_write_1h: Decimal

    def cost(self, usage: Usage) -> Decimal:
        """USD for `usage`, exact to the last digit."""
        with localcontext(prec=60):
            parts = (getattr(self, f.name) * getattr(usage, f"{f.name}_tokens") for f in fields(self))
            return sum(parts, Decimal(0)) / MILLION


FREE = UnitPrices(*[Decimal(0)] * 5)


@dataclass(frozen=True)
class PriceRow:
    """Prices that hold from a day (UTC, included) to another (excluded; None: until further notice).

    `bands` are (prompt tokens above which it applies, prices), lowest first, the first at -1. The
    band of the whole prompt's length prices every token of the request, output included.
    """

    effective_from: date
    effective_until: date | None
    bands: tuple[tuple[int, UnitPrices], ...]
    source: str

    def holds_at(self, at: datetime) -> bool:
        """Whether the row applies at a moment (with a time zone), by its UTC day."""
        day = at.astimezone(UTC).date()
        return self.effective_from <= day and (self.effective_until is None or day < self.effective_until)

    def unit_prices(self, prompt_tokens: int = 0) -> UnitPrices:
        """The prices for a prompt of that length."""
        return next(prices for above, prices in reversed(self.bands) if prompt_tokens > above)


@dataclass(frozen=True)
class Charge:
    """What a request costs in USD, the unit prices that were applied and where they come from."""

    cost: Decimal
    prices: UnitPrices
    source: str


def overlapping(rows: Iterable[PriceRow]) -> tuple[PriceRow, PriceRow] | None:
    """Two rows that both claim some day, or None."""
    ordered = sorted(rows, key=lambda row: row.effective_from)
    for earlier, later in pairwise(ordered):
        if earlier.effective_until is None or later.effective_from < earlier.effective_until:
            return earlier, later
    return None


def library_row(model_id: str, provider: str, at: datetime) -> PriceRow | None:
    """The row that the genai-prices library has for a model at a moment; None when it knows none."""
    return _library_row(model_id, provider, at.astimezone(UTC).replace(minute=0, second=0, microsecond=0))


@lru_cache(maxsize=1024)
def _library_row(model_id: str, provider: str, hour: datetime) -> PriceRow | None:
    try:
        _, model = get_snapshot().find_provider_model(model_id, None, provider, None)
    except LookupError:
        return None
    prices = model.get_prices(hour)
    if prices.input_mtok is None or prices.output_mtok is None:
        return None
    starts = sorted({tier.start for key in _LIBRARY_KEYS for tier in _tiers(getattr(prices, key, None))})
    bands = tuple((above, _library_prices(prices, above)) for above in [-1, *starts])
    return PriceRow(date.min, None, bands, "genai-prices")


_LIBRARY_KEYS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok")


def _tiers(price: Decimal | TieredPrices | None) -> list[Tier]:
    return price.tiers if isinstance(price, TieredPrices) else []


def _library_prices(prices: ModelPrice, above: int) -> UnitPrices:
    def at_band(key: str, default: Decimal) -> Decimal:
        price = getattr(prices, key, None)
        if price is None:
            return default
        if not isinstance(price, TieredPrices):
            return Decimal(price)
        reached = [Decimal(tier.price) for tier in sorted(price.tiers, key=lambda t: t.start) if tier.start <= above]
        return reached[-1] if reached else Decimal(price.base)

    base = at_band("input_mtok", Decimal(0))
    write = at_band("cache_write_mtok", base)
    return UnitPrices(
        input=base,
        output=at_band("output_mtok", Decimal(0)),
        cache_read=at_band("cache_read_mtok", base),
        cache_write_5m=write,
        # Anthropic's 1-hour write costs twice the input price; the library has no row for some models.
        cache_write_1h=at_band("cache_write_1h_mtok", max(write, base * 2)),
    )
