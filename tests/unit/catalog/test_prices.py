"""Prices of the provider's own list, computed by hand: USD per million tokens of each kind."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from genai_prices import Usage as LibraryUsage
from genai_prices import calc_price

from services.catalog import Usage, load_catalogue

NOVEMBER = datetime(2026, 11, 1, 12, tzinfo=UTC)
MILLION = 1_000_000
PRICE_LIST = {
    "claude-haiku-5-5": ("0.10", "0.50", "0.125", "0.20", "0.01"),
    "claude-sonnet-5-5": ("2.00", "10.00", "2.50", "4.00", "0.10"),
    "claude-sonnet-5": ("2.00", "10.00", "2.50", "4.00", "0.20"),
    "claude-opus-5-5": ("4.00", "20.00", "5.00", "8.00", "0.20"),
    "claude-opus-5": ("5.00", "25.00", "6.25", "10.00", "0.50"),
    "claude-fable-5-1": ("10.00", "50.00", "12.50", "20.00", "0.25"),
    "claude-haiku-4-5": ("1.00", "5.00", "1.25", "2.00", "0.10"),
    "claude-sonnet-4-6": ("3.00", "15.00", "3.75", "6.00", "0.30"),
}


def cost(model: str, usage: Usage, at: datetime = NOVEMBER) -> Decimal:
    charge = load_catalogue().charge(model, usage, at)
    assert charge is not None
    return charge.cost


@pytest.mark.parametrize("model", PRICE_LIST)
def test_each_kind_of_token_has_its_own_price(model: str) -> None:
    row = load_catalogue().prices(model, NOVEMBER)
    assert row is not None
    prices = row.unit_prices()
    found = (prices.input, prices.output, prices.cache_write_5m, prices.cache_write_1h, prices.cache_read)
    assert found == tuple(map(Decimal, PRICE_LIST[model]))


def test_a_request_with_every_kind_of_token() -> None:
    usage = Usage(1000, 200, cache_read_tokens=5000, cache_write_5m_tokens=300, cache_write_1h_tokens=70)
    # 1000*2 + 200*10 + 5000*0.1 + 300*2.5 + 70*4 = 5530 millionths
    assert cost("claude-sonnet", usage) == Decimal("0.00553")


@pytest.mark.parametrize(
    ("prompt_tokens", "expected"),
    [(100_000, "0.0105"), (100_001, "0.0525005")],
)
def test_the_higher_band_covers_every_token_of_the_request(prompt_tokens: int, expected: str) -> None:
    assert cost("claude-haiku-5-5", Usage(prompt_tokens, 1000)) == Decimal(expected)


def test_the_band_counts_cached_parts_of_the_prompt() -> None:
    usage = Usage(1, 0, cache_read_tokens=60_000, cache_write_5m_tokens=30_000, cache_write_1h_tokens=10_000)
    # 1*0.5 + 60000*0.05 + 30000*0.625 + 10000*1 = 31750.5 millionths
    assert cost("claude-haiku-5-5", usage) == Decimal("0.0317505")


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 10, 6, 23, 59, 59, tzinfo=UTC), "0.2"),
        (datetime(2026, 10, 7, tzinfo=UTC), "0.1"),
        (datetime(2026, 10, 7, 1, tzinfo=timezone(timedelta(hours=2))), "0.2"),
    ],
)
def test_the_price_of_the_day_applies(at: datetime, expected: str) -> None:
    assert cost("claude-sonnet-5-5", Usage(cache_read_tokens=MILLION), at) == Decimal(expected)


def test_cost_is_exact_to_the_last_digit() -> None:
    assert cost("claude-haiku-5-5", Usage(1, 1)) == Decimal("0.0000006")
    assert cost("claude-sonnet", Usage(10**12, 1)) == Decimal("2000000.00001")


@pytest.mark.parametrize("model", PRICE_LIST)
@pytest.mark.parametrize("tokens", [(1, 0), (99_999, 777), (250_000, 1)])
def test_our_arithmetic_agrees_with_the_price_library(model: str, tokens: tuple[int, int]) -> None:
    model_id = load_catalogue().find(model).model_id
    usage = LibraryUsage(input_tokens=tokens[0], output_tokens=tokens[1])
    theirs = calc_price(usage, model_id, provider_id="anthropic", genai_request_timestamp=NOVEMBER)
    assert cost(model, Usage(*tokens)) == theirs.total_price


def test_local_models_cost_nothing_per_token() -> None:
    charge = load_catalogue().charge("tinyllama", Usage(10**9, 10**9), NOVEMBER)
    assert charge is not None
    assert (charge.cost, charge.source) == (Decimal(0), "local")


def test_an_unknown_model_is_unpriced_and_not_free() -> None:
    assert load_catalogue().charge("claude-from-tomorrow", Usage(1, 1), NOVEMBER) is None


def test_a_charge_names_its_source() -> None:
    catalogue = load_catalogue()
    before = catalogue.charge("claude-sonnet", Usage(1), datetime(2026, 10, 1, tzinfo=UTC))
    after = catalogue.charge("claude-sonnet", Usage(1), NOVEMBER)
    assert before is not None
    assert after is not None
    assert before.source.startswith("catalogue: ")
    assert after.source == "genai-prices"


def test_retired_models_are_known_by_day() -> None:
    model = load_catalogue().find("claude-sonnet-4-20250514")
    assert not model.retired(date(2026, 6, 14))
    assert model.retired(date(2026, 6, 15))
