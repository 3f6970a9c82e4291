"""Amounts worked out by hand from the provider's price list: none of them comes from the code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

import pytest
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given
from hypothesis import strategies as st

from services.catalog import Charge, Usage, load_catalogue

NOVEMBER = datetime(2026, 11, 20, 12, tzinfo=UTC)
BEFORE_RETIREMENT = datetime(2026, 6, 14, 23, 59, 59, tzinfo=UTC)
EVERY_KIND = Usage(
    input_tokens=12_345,
    output_tokens=6_789,
    cache_read_tokens=40_000,
    cache_write_5m_tokens=2_000,
    cache_write_1h_tokens=800,
)
THOUSAND_OF_A_KIND = (
    Usage(input_tokens=1000),
    Usage(output_tokens=1000),
    Usage(cache_write_5m_tokens=1000),
    Usage(cache_write_1h_tokens=1000),
    Usage(cache_read_tokens=1000),
)


def charge(model: str, usage: Usage, at: datetime = NOVEMBER, *, batch: bool = False, geo: str | None = None) -> Charge:
    found = load_catalogue().charge(model, usage, at, batch=batch, inference_geo=geo)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("model", "at", "expected"),
    [
        # input, output, 5-minute write, 1-hour write, read; 1,000 tokens each
        ("claude-haiku-5-5", NOVEMBER, ("0.0001", "0.0005", "0.000125", "0.0002", "0.00001")),
        ("claude-sonnet-5-5", NOVEMBER, ("0.002", "0.01", "0.0025", "0.004", "0.0001")),
        ("claude-sonnet-5-5", datetime(2026, 10, 6, tzinfo=UTC), ("0.002", "0.01", "0.0025", "0.004", "0.0002")),
        ("claude-sonnet-5", NOVEMBER, ("0.002", "0.01", "0.0025", "0.004", "0.0002")),
        ("claude-opus-5-5", NOVEMBER, ("0.004", "0.02", "0.005", "0.008", "0.0002")),
        ("claude-opus-5", NOVEMBER, ("0.005", "0.025", "0.00625", "0.01", "0.0005")),
        ("claude-fable-5-1", NOVEMBER, ("0.01", "0.05", "0.0125", "0.02", "0.00025")),
        ("claude-haiku-4-5-20251001", NOVEMBER, ("0.001", "0.005", "0.00125", "0.002", "0.0001")),
        ("claude-sonnet-4-6", NOVEMBER, ("0.003", "0.015", "0.00375", "0.006", "0.0003")),
        ("claude-sonnet-4-20250514", BEFORE_RETIREMENT, ("0.003", "0.015", "0.00375", "0.006", "0.0003")),
        ("claude-opus-4-20250514", BEFORE_RETIREMENT, ("0.015", "0.075", "0.01875", "0.03", "0.0015")),
    ],
)
def test_a_thousand_tokens_of_each_kind(model: str, at: datetime, expected: tuple[str, ...]) -> None:
    assert [charge(model, usage, at).cost for usage in THOUSAND_OF_A_KIND] == [Decimal(cost) for cost in expected]


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (Usage(input_tokens=200_000), "0.1"),  # 200,000 * 0.50
        (Usage(cache_write_5m_tokens=200_000), "0.125"),  # 200,000 * 0.625
        (Usage(cache_write_1h_tokens=200_000), "0.2"),  # 200,000 * 1.00
        (Usage(cache_read_tokens=200_000), "0.01"),  # 200,000 * 0.05
        (Usage(cache_read_tokens=100_001, output_tokens=200_000), "0.50500005"),  # 5,000.05 + 200,000 * 2.50
    ],
)
def test_each_kind_of_a_long_haiku_prompt(usage: Usage, expected: str) -> None:
    assert charge("claude-haiku-5-5", usage).cost == Decimal(expected)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (Usage(100_000, 1000), "0.0105"),  # 10,000 + 500
        (Usage(100_001, 1000), "0.0525005"),  # 50,000.5 + 2,500
        (Usage(20_000, 1000, 50_000, 20_000, 10_000), "0.0075"),  # 2,000 + 500 + 500 + 2,500 + 2,000
        (Usage(20_001, 1000, 50_000, 20_000, 10_000), "0.0375005"),  # 10,000.5 + 2,500 + 2,500 + 12,500 + 10,000
        (Usage(20_000, 1000, 50_001, 20_000, 10_000), "0.03750005"),  # reads: 2,500.05
        (Usage(20_000, 1000, 50_000, 20_001, 10_000), "0.037500625"),  # 5-minute writes: 12,500.625
        (Usage(20_000, 1000, 50_000, 20_000, 10_001), "0.037501"),  # 1-hour writes: 10,001
        (Usage(100_000, 50_000), "0.035"),  # 10,000 + 25,000: an answer's length does not count
    ],
)
def test_the_band_of_haiku_is_that_of_the_whole_prompt(usage: Usage, expected: str) -> None:
    assert charge("claude-haiku-5-5", usage).cost == Decimal(expected)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-10-06T23:59:59+00:00", "0.2"),
        ("2026-10-07T00:00:00+00:00", "0.1"),
        ("2026-10-07T01:59:59+02:00", "0.2"),
        ("2026-10-07T02:00:00+02:00", "0.1"),
        ("2026-10-06T18:59:59-05:00", "0.2"),
        ("2026-10-06T19:00:00-05:00", "0.1"),
        ("2026-10-07T05:29:59+05:30", "0.2"),
        ("2026-10-07T05:30:00+05:30", "0.1"),
    ],
)
def test_sonnets_cache_reads_got_cheaper_at_midnight_utc(at: str, expected: str) -> None:
    reads = Usage(cache_read_tokens=1_000_000)
    assert charge("claude-sonnet-5-5", reads, datetime.fromisoformat(at)).cost == Decimal(expected)


# 12,345 input, 6,789 output, 40,000 read, 2,000 written for 5 minutes and 800 for an hour; in millionths:
@pytest.mark.parametrize(
    ("model", "plain", "batch", "us", "both"),
    [
        # 1,234.5 + 3,394.5 + 400 + 250 + 160
        ("claude-haiku-5-5", "0.005439", "0.0027195", "0.0059829", "0.00299145"),
        # 24,690 + 67,890 + 4,000 + 5,000 + 3,200
        ("claude-sonnet-5-5", "0.10478", "0.05239", "0.115258", "0.057629"),
        # 24,690 + 67,890 + 8,000 + 5,000 + 3,200
        ("claude-sonnet-5", "0.10878", "0.05439", "0.119658", "0.059829"),
        # 49,380 + 135,780 + 8,000 + 10,000 + 6,400
        ("claude-opus-5-5", "0.20956", "0.10478", "0.230516", "0.115258"),
        # 61,725 + 169,725 + 20,000 + 12,500 + 8,000
        ("claude-opus-5", "0.27195", "0.135975", "0.299145", "0.1495725"),
        # 123,450 + 339,450 + 10,000 + 25,000 + 16,000
        ("claude-fable-5-1", "0.5139", "0.25695", "0.56529", "0.282645"),
        # 12,345 + 33,945 + 4,000 + 2,500 + 1,600
        ("claude-haiku-4-5", "0.05439", "0.027195", "0.059829", "0.0299145"),
        # 37,035 + 101,835 + 12,000 + 7,500 + 4,800
        ("claude-sonnet-4-6", "0.16317", "0.081585", "0.179487", "0.0897435"),
    ],
)
def test_batches_cost_half_and_answers_in_the_us_a_tenth_more(
    model: str, plain: str, batch: str, us: str, both: str
) -> None:
    assert charge(model, EVERY_KIND).cost == Decimal(plain)
    assert charge(model, EVERY_KIND, batch=True).cost == Decimal(batch)
    assert charge(model, EVERY_KIND, geo="us").cost == Decimal(us)
    assert charge(model, EVERY_KIND, batch=True, geo="us").cost == Decimal(both)


def test_factors_apply_to_the_band_of_a_long_prompt() -> None:
    long = Usage(100_001, 1000)  # 0.0525005 USD without factors
    assert charge("claude-haiku-5-5", long, batch=True).cost == Decimal("0.02625025")
    assert charge("claude-haiku-5-5", long, geo="us").cost == Decimal("0.05775055")
    assert charge("claude-haiku-5-5", long, batch=True, geo="us").cost == Decimal("0.028875275")


def test_a_charge_has_the_prices_after_factors_and_names_what_was_applied() -> None:
    found = charge("claude-haiku-5-5", EVERY_KIND, batch=True, geo="us")
    assert {kind: str(price.normalize()) for kind, price in vars(found.prices).items()} == {
        "input": "0.055",
        "output": "0.275",
        "cache_read": "0.0055",
        "cache_write_5m": "0.06875",
        "cache_write_1h": "0.11",
    }
    assert found.source == "genai-prices; batch x 0.5; inference_geo us x 1.1"
    before = charge("claude-sonnet", EVERY_KIND, datetime(2026, 10, 6, tzinfo=UTC), geo="us")
    assert before.cost == Decimal("0.119658")  # 0.10878 * 1.1
    assert before.source == "catalogue: Anthropic's price list before 2026-10-07; inference_geo us x 1.1"


@pytest.mark.parametrize("geo", [None, "global", "not_available", "US", "", "batch"])
def test_a_place_without_a_factor_costs_nothing_extra(geo: str | None) -> None:
    assert charge("claude-sonnet", EVERY_KIND, geo=geo) == charge("claude-sonnet", EVERY_KIND)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2024, 10, 7, 23, 59, 59, tzinfo=UTC), "0.3"),
        (datetime(2024, 10, 8, tzinfo=UTC), "0.15"),
        (datetime(2024, 10, 8, 1, tzinfo=timezone(timedelta(hours=2))), "0.3"),
    ],
)
def test_a_factor_holds_from_its_day_on(at: datetime, expected: str) -> None:
    assert charge("claude-sonnet-4-6", Usage(100_000), at, batch=True).cost == Decimal(expected)


def test_local_models_have_no_factors() -> None:
    found = charge("tinyllama", EVERY_KIND, batch=True, geo="us")
    assert (found.cost, found.source) == (Decimal(0), "local")


@pytest.mark.parametrize("name", [m.model_id for m in load_catalogue().models if not (m.is_local or m.retired_on)])
def test_the_half_price_of_a_batch_is_that_of_the_price_library(name: str) -> None:
    _, known = get_snapshot().find_provider_model(name, None, "anthropic", None)
    theirs = known.get_prices(NOVEMBER, {"processing": "batch"})
    ours = charge(name, Usage(1), batch=True).prices
    assert ours.input == getattr(theirs.input_mtok, "base", theirs.input_mtok)
    assert ours.output == getattr(theirs.output_mtok, "base", theirs.output_mtok)
    assert ours.cache_read == getattr(theirs.cache_read_mtok, "base", theirs.cache_read_mtok)


@given(
    model=st.sampled_from([model.name for model in load_catalogue().models]),
    tokens=st.tuples(*[st.integers(0, 10**9)] * 5),
    batch=st.booleans(),
    geo=st.sampled_from([None, "us", "global"]),
    at=st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_prices_times_tokens_are_the_cost_to_the_last_digit(
    model: str, tokens: tuple[int, ...], batch: bool, geo: str | None, at: datetime
) -> None:
    usage = Usage(*tokens)
    found = charge(model, usage, at, batch=batch, geo=geo)
    parts = (Fraction(price) * getattr(usage, f"{kind}_tokens") for kind, price in vars(found.prices).items())
    assert Fraction(found.cost) == sum(parts) / 1_000_000
