from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from services.catalog import Catalogue, CatalogueError, UnknownModel, Usage, load_catalogue

MODEL = """
[[models]]
name = "m"
backend = "anthropic"
model_id = "claude-sonnet-5-5"
tier = "cloud"
context_window = 1000
max_output = 100
abilities = []
"""
PRICE = """
[[models.prices]]
effective_from = {start}
{end}
input = "1.00"
output = "2"
cache_read = "0.1"
cache_write_5m = "1.25"
cache_write_1h = "2"
source = "a price list"
"""
FACTOR = """
[[factors]]
backend = "anthropic"
{condition}
factor = "0.5"
effective_from = 2026-01-01
{end}
source = "a price list"
"""
BATCH = FACTOR.format(condition="batch = true", end="")
US = FACTOR.format(condition='inference_geo = "us"', end="")


def load(tmp_path: Path, text: str) -> Catalogue:
    path = tmp_path / "models.toml"
    path.write_text(text)
    return load_catalogue(path)


def price(start: str, end: str = "") -> str:
    return PRICE.format(start=start, end=f"effective_until = {end}" if end else "")


def test_the_shipped_catalogue_has_the_models_that_users_know() -> None:
    names = {model.name for model in load_catalogue().models}
    assert {"tinyllama", "phi2", "mistral-7b", "smollm2-135m", "claude-haiku-5-5", "claude-opus-5-5"} <= names


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("claude-sonnet", "claude-sonnet-5-5"),
        ("phi", "phi2"),
        ("mistral", "mistral-7b"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
    ],
)
def test_models_are_found_by_name_alias_and_backend_id(name: str, found: str) -> None:
    assert load_catalogue().find(name).name == found


def test_an_unknown_name_is_a_clear_400() -> None:
    with pytest.raises(UnknownModel, match=r"'gpt-0'.*tinyllama") as caught:
        load_catalogue().find("gpt-0")
    assert (caught.value.status, caught.value.code) == (400, "unknown_model")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "models"),
        ("models = [", "models.toml"),
        (MODEL + 'colour = "red"\n', "m: .*colour"),
        (MODEL.replace("1000", "0"), "m: .*context_window"),
        (MODEL.replace('"cloud"', '"small"'), "m: "),
        (MODEL.replace('"m"', '"auto"'), "auto: "),
        (MODEL + MODEL, "m"),
        (MODEL + 'aliases = ["x"]\n' + MODEL.replace('"m"', '"x"'), "'x' names both"),
        (MODEL + 'retired_on = "2026-01-01"\n', "m: .*date"),
        (MODEL + price("2026-01-01") + price("2026-06-01"), "m: prices overlap: 2026-01-01 to further notice"),
        (MODEL + price("2026-01-01", "2026-06-02") + price("2026-06-01"), "m: prices overlap"),
        (MODEL + price("2026-01-01", "2026-01-01"), "m: .*not after"),
        (MODEL + price("2026-01-01").replace('"1.00"', "1.00"), "m: .*input"),
        (MODEL + price("2026-01-01").replace('"1.00"', '"-1"'), "m: .*input"),
        (MODEL + BATCH + BATCH, "factors of anthropic for batch overlap: 2026-01-01 to further notice and 2026-01-01"),
        (MODEL + US + US, "factors of anthropic for inference_geo us overlap"),
        (MODEL + FACTOR.format(condition="", end=""), "factor 0: "),
        (MODEL + BATCH.replace("batch = true", "batch = false"), "factor 0: .*batch"),
        (MODEL + BATCH + US.replace('"us"', '"us"\nbatch = true'), "factor 1: "),
        (MODEL + BATCH.replace("anthropic", "ollama"), "factor 0: .*backend"),
        (MODEL + BATCH.replace('"0.5"', "0.5"), "factor 0: .*factor"),
        (MODEL + BATCH.replace('"0.5"', '"-1"'), "factor 0: .*factor"),
        (MODEL + BATCH.replace("2026-01-01", '"2026-01-01"'), "effective_from must be a date"),
        (MODEL + FACTOR.format(condition="batch = true", end="effective_until = 2026-01-01"), "factor of .*not after"),
        ("factors = 1\n" + MODEL, "catalogue: factors"),
    ],
)
def test_a_broken_catalogue_names_the_model_and_the_problem(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(CatalogueError, match=f"(?s)models.toml: .*{says}" if says != "models.toml" else says):
        load(tmp_path, text)


def test_a_missing_catalogue_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"none\.toml"):
        load_catalogue(tmp_path / "none.toml")


def test_a_users_own_prices_go_before_the_library(tmp_path: Path) -> None:
    catalogue = load(tmp_path, MODEL + price("2026-03-01", "2026-06-01") + price("2026-06-01", "2026-09-01"))
    own = catalogue.charge("m", Usage(1_000_000), datetime(2026, 8, 31, 23, tzinfo=UTC))
    library = catalogue.charge("m", Usage(1_000_000), datetime(2026, 9, 1, tzinfo=UTC))
    assert own is not None
    assert library is not None
    assert (own.cost, library.cost) == (Decimal(1), Decimal(2))


def test_factors_may_follow_each_other(tmp_path: Path) -> None:
    first = FACTOR.format(condition="batch = true", end="effective_until = 2026-06-01")
    second = BATCH.replace("2026-01-01", "2026-06-01").replace('"0.5"', '"0.25"')
    catalogue = load(tmp_path, MODEL + first + second + US)
    days = (datetime(2026, 5, 31, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))
    charges = [catalogue.charge("m", Usage(1_000_000), day, batch=True) for day in days]
    assert [charge and charge.cost for charge in charges] == [Decimal(1), Decimal("0.5")]


def test_a_catalogue_without_factors_has_none(tmp_path: Path) -> None:
    charge = load(tmp_path, MODEL).charge("m", Usage(1_000_000), datetime(2026, 11, 1, tzinfo=UTC), batch=True)
    assert charge is not None
    assert (charge.cost, charge.source) == (Decimal(2), "genai-prices")
