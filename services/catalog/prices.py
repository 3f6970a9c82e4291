"""What tokens cost: price rows with dates and prompt-length bands, and the exact charge of a request."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from functools import lru_cache

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, StartDateConstraint, Tier, TieredPrices

from services.catalog.dated import Dated

MILLION = Decimal(1_000_000)
LIBRARY = "genai-prices"
"""The source of prices that the library knows."""


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

    def times(self, factor: Decimal) -> UnitPrices:
        """Every price multiplied, exact to the last digit."""
        with localcontext(prec=60):
            return UnitPrices(*(getattr(self, kind) * factor for kind in KINDS))


KINDS = tuple(field.name for field in fields(UnitPrices))
"""The kinds of tokens that have a price."""

FREE = UnitPrices(*[Decimal(0)] * 5)


@dataclass(frozen=True)
class PriceRow(Dated):
    """Prices that hold for a span of days.

    `bands` are (prompt tokens above which it applies, prices), lowest first, the first at -1. The
    band of the whole prompt's length prices every token of the request, output included.
    """

    bands: tuple[tuple[int, UnitPrices], ...]
    source: str

    def unit_prices(self, prompt_tokens: int = 0) -> UnitPrices:
        """The prices for a prompt of that length."""
        return next(prices for above, prices in reversed(self.bands) if prompt_tokens > above)

    def longest_prompts(self, prompt_tokens: int) -> list[int]:
        """The longest prompt of each band that prompts of up to `prompt_tokens` reach; longest first."""
        return [prompt_tokens, *(above for above, _ in reversed(self.bands) if 0 <= above < prompt_tokens)]


@dataclass(frozen=True)
class Charge:
    """What a request costs in USD, the unit prices that were applied and where they come from."""

    cost: Decimal
    prices: UnitPrices
    source: str


def usd(amount: Decimal) -> str:
    """The exact amount without an exponent and superfluous zeros, with at least two decimals."""
    whole, _, decimals = format(amount, "f").partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


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
    return PriceRow(*_library_span(model, hour.date()), bands, LIBRARY)


def _library_span(model: ModelInfo, day: date) -> tuple[date, date | None]:
    """The days around `day` between which the library changes no price; it names no others."""
    if isinstance(model.prices, ModelPrice):
        return date.min, None
    constraints = [price.constraint for price in model.prices]
    starts = [rule.start_date for rule in constraints if isinstance(rule, StartDateConstraint)]
    begin = max((start for start in starts if start <= day), default=date.min)
    return begin, min((start for start in starts if start > day), default=None)


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
