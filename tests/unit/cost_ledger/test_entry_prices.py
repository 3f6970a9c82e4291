"""What entries cost. The expected amounts are worked out by hand from the provider's price list."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from services.catalog import Usage, load_catalogue
from services.cost_ledger.entries import LedgerEntry, PricedEntry, price_entry
from services.cost_ledger.errors import InvalidField

NOVEMBER = datetime(2026, 11, 20, tzinfo=UTC)


def priced(
    model: str, usage: Usage, *, at: datetime = NOVEMBER, baseline: str = "claude-sonnet-5-5", **fields: Any
) -> PricedEntry:
    backend = fields.pop("backend", "cloud")
    entry = LedgerEntry("r-1", at, model, backend, "ok", usage, **fields)
    return price_entry(entry, load_catalogue(), baseline)


def test_each_kind_of_token_has_its_own_price() -> None:
    usage = Usage(
        input_tokens=1000,
        output_tokens=500,
        cache_read_tokens=20_000,
        cache_write_5m_tokens=3000,
        cache_write_1h_tokens=400,
    )
    # 1000*4 + 500*20 + 20000*0.20 + 3000*5 + 400*8 = 36,200 millionths
    assert priced("claude-opus-5-5", usage).cost == Decimal("0.0362")


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (Usage(input_tokens=100_000, output_tokens=1000), "0.0105"),  # 100000*0.10 + 1000*0.50
        (Usage(input_tokens=100_001, output_tokens=1000), "0.0525005"),  # 100001*0.50 + 1000*2.50
        # Cache reads and writes count as prompt: 40,000 + 60,000 + 1 is over the band.
        (Usage(input_tokens=1, cache_read_tokens=40_000, cache_write_5m_tokens=60_000), "0.0395005"),
    ],
)
def test_a_long_haiku_prompt_makes_every_token_dearer(usage: Usage, cost: str) -> None:
    assert priced("claude-haiku-5-5", usage).cost == Decimal(cost)


@pytest.mark.parametrize(
    ("moment", "cost"),
    [
        (datetime(2026, 10, 6, 23, 59, 59, tzinfo=UTC), "0.2"),
        (datetime(2026, 10, 7, tzinfo=UTC), "0.1"),
    ],
)
def test_a_price_holds_from_its_day_on(moment: datetime, cost: str) -> None:
    entry = priced("claude-sonnet-5-5", Usage(cache_read_tokens=1_000_000), at=moment)
    assert entry.cost == Decimal(cost)
    assert entry.charge
    assert entry.charge.prices.cache_read == Decimal(cost)


def test_the_cost_is_exact_for_the_largest_usage() -> None:
    usage = Usage(999_999_999, 999_999_999, 999_999_999, 999_999_999, 999_999_999)
    # 999,999,999 tokens of each kind, at 0.50 + 2.50 + 0.05 + 0.625 + 1.00 = 4.675 a million
    assert priced("claude-haiku-5-5", usage).cost == Decimal("4674.999995325")


@pytest.mark.parametrize(
    ("backend", "model"), [("local", "tinyllama"), ("local", "a-model-of-mine"), ("cache", "claude-opus")]
)
def test_local_and_cached_answers_are_free(backend: str, model: str) -> None:
    entry = priced(model, Usage(1000, 500), backend=backend)
    assert entry.cost == 0
    assert entry.charge
    assert entry.charge.source == backend


def test_free_answers_have_a_baseline_to_be_compared_with() -> None:
    # 1000*2 + 500*10 = 7,000 millionths on Sonnet 5.5
    assert priced("tinyllama", Usage(1000, 500), backend="local").baseline_cost == Decimal("0.007")
    assert priced("claude-opus", Usage(1000, 500), backend="cache").baseline_cost == Decimal("0.007")


@pytest.mark.parametrize("model", ["claude-next-9", "tinyllama"])
def test_a_cloud_answer_without_a_known_price_is_unpriced_and_never_free(model: str) -> None:
    entry = priced(model, Usage(1000, 500))
    assert entry.charge is None
    assert entry.cost is None
    assert entry.row()["cost"] is None


def test_a_model_that_costs_money_cannot_pass_as_local() -> None:
    with pytest.raises(InvalidField, match="claude-sonnet-5-5 is not a local model") as caught:
        priced("claude-sonnet", Usage(1000, 500), backend="local")
    assert caught.value.details == {"field": "backend"}


@pytest.mark.parametrize("name", ["claude-haiku-4-5", "claude-haiku-4-5-20251001"])
def test_entries_carry_the_catalogues_name_of_the_model(name: str) -> None:
    assert priced(name, Usage()).model == "claude-haiku-4-5"


def test_an_entry_keeps_its_prices_and_where_they_come_from() -> None:
    row = priced("claude-sonnet-5-5", Usage(1), at=datetime(2026, 10, 1, tzinfo=UTC)).row()
    assert {name: Decimal(row[name]) for name in row if name.startswith("price_") and name != "price_source"} == {
        "price_input": Decimal("2"),
        "price_output": Decimal("10"),
        "price_cache_read": Decimal("0.20"),
        "price_cache_write_5m": Decimal("2.50"),
        "price_cache_write_1h": Decimal("4"),
    }
    assert row["price_source"] == "catalogue: Anthropic's price list before 2026-10-07"
