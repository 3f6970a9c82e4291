"""The most that a request can cost, for reservations."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog import CacheWrites, Catalogue, Factor, Model, PriceRow, UnitPrices, Usage, load_catalogue

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
FACTORS = (
    Factor(date.min, None, "anthropic", Decimal("0.5"), "a page", batch=True),
    Factor(date.min, None, "anthropic", Decimal("1.1"), "a page", inference_geo="us"),
)


@pytest.mark.parametrize(
    ("model", "prompt", "output", "writes", "expected"),
    [
        ("claude-sonnet-5-5", 1000, 500, "none", "0.007"),  # 1,000 * 2 + 500 * 10
        ("claude-sonnet-5-5", 1000, 500, "5m", "0.0075"),  # 1,000 * 2.50 + 5,000
        ("claude-sonnet-5-5", 1000, 500, "1h", "0.009"),  # 1,000 * 4 + 5,000
        ("claude-haiku-5-5", 100_000, 1000, "none", "0.0105"),  # 10,000 + 500
        ("claude-haiku-5-5", 100_001, 1000, "none", "0.0525005"),  # 50,000.5 + 2,500
        ("claude-haiku-5-5", 100_001, 1000, "1h", "0.102501"),  # 100,001 + 2,500
        ("claude-haiku-5-5", 0, 1000, "1h", "0.0005"),
        ("claude-haiku-5-5", 0, 0, "none", "0"),
        ("tinyllama", 10**6, 10**6, "1h", "0"),
    ],
)
def test_the_whole_prompt_costs_the_dearest_kind(
    model: str, prompt: int, output: int, writes: CacheWrites, expected: str
) -> None:
    worst = load_catalogue().worst_case(model, prompt, output, AT, cache_writes=writes)
    assert worst is not None
    assert worst.cost == Decimal(expected)


def test_factors_count_in_the_worst_case() -> None:
    worst = load_catalogue().worst_case("claude-opus", 1000, 500, AT, cache_writes="5m", batch=True, inference_geo="us")
    assert worst is not None
    # (1,000 * 5 + 500 * 20) * 0.5 * 1.1 = 8,250 millionths
    assert (worst.cost, worst.source) == (Decimal("0.00825"), "genai-prices; batch x 0.5; inference_geo us x 1.1")
    assert worst.prices.cache_write_5m == Decimal("2.75")


def test_the_worst_case_of_a_model_without_a_price_is_unknown() -> None:
    assert load_catalogue().worst_case("claude-from-tomorrow", 1, 1, AT) is None


def test_a_shorter_prompt_may_be_the_worst_case_where_long_ones_are_cheaper() -> None:
    dear, cheap = (UnitPrices(*[Decimal(price)] * 5) for price in (4, 1))
    catalogue = _catalogue(PriceRow(date.min, None, ((-1, dear), (1000, cheap)), "list"))
    worst = catalogue.worst_case("m", 1500, 0, AT)
    assert worst is not None
    assert worst.cost == Decimal("0.004")  # 1,000 * 4, more than 1,500 * 1


def _catalogue(row: PriceRow) -> Catalogue:
    model = Model("m", "anthropic", "m-1", "cloud", 10**6, 10**6, own_prices=(row,))
    return Catalogue((model,), FACTORS)


_AMOUNTS = st.decimals(0, 1000, places=3)
_UNIT_PRICES = st.builds(UnitPrices, *[_AMOUNTS] * 5)
_STARTS = st.lists(st.integers(1, 2000), unique=True, max_size=3).map(sorted)


@st.composite
def _rows(draw: st.DrawFn) -> PriceRow:
    bands = tuple((above, draw(_UNIT_PRICES)) for above in [-1, *draw(_STARTS)])
    return PriceRow(date.min, None, bands, "list")


@st.composite
def _requests(draw: st.DrawFn) -> tuple[int, int, CacheWrites, Usage]:
    """Bounds, and a usage that fits them."""
    writes: CacheWrites = draw(st.sampled_from(("none", "5m", "1h")))
    kinds = ["input", "cache_read", *{"none": [], "5m": ["cache_write_5m"]}.get(writes, [])]
    if writes == "1h":
        kinds += ["cache_write_5m", "cache_write_1h"]
    tokens: dict[str, Any] = {f"{kind}_tokens": draw(st.integers(0, 1000)) for kind in kinds}
    usage = Usage(output_tokens=draw(st.integers(0, 1000)), **tokens)
    prompt = usage.prompt_tokens + draw(st.integers(0, 1000))
    return prompt, usage.output_tokens + draw(st.integers(0, 1000)), writes, usage


@given(row=_rows(), request=_requests(), batch=st.booleans(), geo=st.sampled_from([None, "us", "global"]))
def test_no_request_within_the_bounds_costs_more(
    row: PriceRow, request: tuple[int, int, CacheWrites, Usage], batch: bool, geo: str | None
) -> None:
    prompt, output, writes, usage = request
    catalogue = _catalogue(row)
    worst = catalogue.worst_case("m", prompt, output, AT, cache_writes=writes, batch=batch, inference_geo=geo)
    charge = catalogue.charge("m", usage, AT, batch=batch, inference_geo=geo)
    assert worst is not None
    assert charge is not None
    assert worst.cost >= charge.cost


@given(
    name=st.sampled_from([model.name for model in load_catalogue().models]),
    writes=st.sampled_from(("none", "5m", "1h")),
    prompt=st.integers(0, 1_000_000),
    output=st.integers(0, 32_000),
    share=st.floats(0, 1),
)
def test_no_request_to_a_shipped_model_costs_more(
    name: str, writes: CacheWrites, prompt: int, output: int, share: float
) -> None:
    catalogue = load_catalogue()
    kind = {"none": "cache_read", "5m": "cache_write_5m", "1h": "cache_write_1h"}[writes]
    cached = int(prompt * share)
    tokens: dict[str, Any] = {f"{kind}_tokens": cached}
    worst = catalogue.worst_case(name, prompt, output, AT, cache_writes=writes)
    charge = catalogue.charge(name, Usage(prompt - cached, output, **tokens), AT)
    assert worst is not None
    assert charge is not None
    assert worst.cost >= charge.cost
