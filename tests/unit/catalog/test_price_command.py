"""`python -m services.catalog`: what it prints, and its exit statuses."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.catalog import Catalogue, CatalogueWarning, catalogue_warnings, load_catalogue
from services.catalog.__main__ import main

NOW = datetime(2026, 11, 25, 21, 30, tzinfo=UTC)
OWN_MODELS = """
[[models]]
name = "nobody-knows"
backend = "anthropic"
model_id = "claude-from-tomorrow"
tier = "cloud"
context_window = 1000
max_output = 100
abilities = []

[[models]]
name = "mine"
backend = "anthropic"
model_id = "claude-haiku-5-5"
tier = "cloud"
context_window = 1000
max_output = 100
abilities = []
retired_on = 2026-11-01

[[models.prices]]
effective_from = 2026-11-01
input = "0.10"
output = "0.4"
cache_read = "0.01"
cache_write_5m = "0.125"
cache_write_1h = "0.2"
source = "my contract"

[[models.prices.bands]]
above_prompt_tokens = 150_500
input = "0.5"
output = "2.5"
cache_read = "0.05"
cache_write_5m = "0.625"
cache_write_1h = "1"
"""


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    path = tmp_path / "models.toml"
    path.write_text(OWN_MODELS)
    return path


@pytest.fixture
def own(own_file: Path) -> Catalogue:
    return load_catalogue(own_file)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def cells(output: list[str], model: str) -> list[list[str]]:
    """The cells of a model's lines, one for each band."""
    start = next(index for index, line in enumerate(output) if line.startswith(f"{model} "))
    bands = [output[start]]
    while output[start + len(bands)].startswith("  "):
        bands.append(output[start + len(bands)])
    return [line.split() for line in bands]


def test_the_table_has_the_prices_of_now(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prices"], now=NOW) == 0
    output = lines(capsys)
    assert output[0] == "Prices on 2026-11-25 (UTC), USD per million tokens"
    sonnet = ["claude-sonnet-5-5", "any", "2.00", "10.00", "0.10", "2.50", "4.00", "-", "-", "genai-prices"]
    assert cells(output, "claude-sonnet-5-5") == [sonnet]
    assert cells(output, "claude-haiku-5-5") == [
        ["claude-haiku-5-5", "to", "100k", "0.10", "0.50", "0.01", "0.125", "0.20", "-", "-", "genai-prices"],
        [">", "100k", "0.50", "2.50", "0.05", "0.625", "1.00"],
    ]
    assert cells(output, "tinyllama")[0][2:] == ["0.00"] * 5 + ["-", "-", "local"]
    assert cells(output, "claude-sonnet-4-6")[0][-3:] == ["2026-03-13", "-", "genai-prices"]
    assert any("batch" in line and "x 0.5" in line and "2024-10-08" in line for line in output)
    assert output[-2:] == [
        "  claude-sonnet-4: retired on 2026-06-15, requests to it fail",
        "  claude-opus-4: retired on 2026-06-15, requests to it fail",
    ]


def test_the_table_has_the_prices_of_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prices", "claude-sonnet", "--at", "2026-10-06"], now=NOW) == 0
    output = lines(capsys)
    sonnet = ["2.00", "10.00", "0.20", "2.50", "4.00", "2026-01-01", "2026-10-07", "own", "row"]
    assert cells(output, "claude-sonnet-5-5")[0][2:] == sonnet
    assert "  claude-sonnet-5-5  Anthropic's price list before 2026-10-07" in output
    assert "  claude-sonnet-5-5: its own row and genai-prices differ: cache_read 0.20 against 0.10" in output


def test_the_librarys_rows_end_where_the_next_begins(capsys: pytest.CaptureFixture[str]) -> None:
    main(["prices", "claude-sonnet-4-6", "--at", "2026-03-12"])
    band = cells(lines(capsys), "claude-sonnet-4-6")
    assert band[0][-3:] == ["-", "2026-03-13", "genai-prices"]
    assert band[1][:3] == [">", "200k", "6.00"]


@pytest.mark.parametrize("day", ["2026-10-06", "2026-11-25", "2024-01-01", "0001-01-01", "9999-12-31"])
def test_the_shipped_table_fits_a_hundred_columns_of_ascii(capsys: pytest.CaptureFixture[str], day: str) -> None:
    assert main(["prices", "--at", day]) == 0
    output = lines(capsys)
    assert max(map(len, output)) <= 100
    assert all(line.isascii() for line in output)


@pytest.mark.parametrize("name", ["claude-haiku-4-5", "claude-haiku-4-5-20251001"])
def test_a_model_is_found_by_its_names(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["prices", name]) == 0
    output = lines(capsys)
    assert cells(output, "claude-haiku-4-5")
    assert not any(line.startswith("claude-opus") for line in output)
    assert output[-1] == "No warnings."


def test_a_local_model_has_no_factors_to_show(capsys: pytest.CaptureFixture[str]) -> None:
    main(["prices", "phi"])
    assert "Factors" not in capsys.readouterr().out


def test_a_model_without_a_price_has_dashes(capsys: pytest.CaptureFixture[str], own_file: Path) -> None:
    assert main(["prices"], file=own_file, now=NOW) == 0
    output = lines(capsys)
    assert cells(output, "nobody-knows") == [["nobody-knows", "any", *["-"] * 7, "none"]]
    assert cells(output, "mine")[1][:3] == [">", "150,500", "0.50"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["prices", "gpt-0"], "unknown model 'gpt-0'; there are: smollm2-135m, tinyllama"),
        (["prices", ""], "unknown model ''"),
        (["prices", "--at", "yesterday"], "--at: must be a date such as 2026-10-07, not 'yesterday'"),
        (["check", "--at", "2026-02-30"], "--at: must be a date such as 2026-10-07, not '2026-02-30'"),
        ([], "required: command"),
    ],
)
def test_a_wrong_argument_is_named(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert says in capsys.readouterr().err


def test_a_broken_catalogue_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["check"], file=tmp_path / "none.toml") == 2
    assert "none.toml" in capsys.readouterr().err


def test_the_document_for_machines_has_exact_amounts(capsys: pytest.CaptureFixture[str]) -> None:
    main(["prices", "claude-haiku", "--json"], now=NOW)
    document = json.loads(capsys.readouterr().out)
    (haiku,) = document["models"]
    assert document["at"] == "2026-11-25T21:30:00Z"
    assert (haiku["model"], haiku["source"], haiku["effective_from"]) == ("claude-haiku-5-5", "genai-prices", None)
    assert [band["above_prompt_tokens"] for band in haiku["bands"]] == [0, 100_000]
    assert haiku["bands"][1]["cache_write_5m"] == "0.625"
    factors = [(factor["condition"], factor["factor"]) for factor in document["factors"]]
    assert factors == [("batch", "0.5"), ("inference_geo us", "1.1")]
    assert document["warnings"] == []


def test_check_prints_only_warnings_and_passes_without_unpriced_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"], now=NOW) == 0
    assert lines(capsys) == [
        "claude-sonnet-4: retired on 2026-06-15, requests to it fail",
        "claude-opus-4: retired on 2026-06-15, requests to it fail",
    ]
    assert main(["check", "--at", "2026-06-14", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [warning["severity"] for warning in document["warnings"]] == ["differs"]


def test_check_fails_for_a_cloud_model_without_a_price(capsys: pytest.CaptureFixture[str], own_file: Path) -> None:
    assert main(["check"], file=own_file, now=NOW) == 1
    first = lines(capsys)[0]
    assert first == "nobody-knows: no price is known on 2026-11-25, its requests are booked as unpriced"


def test_warnings_name_the_kinds_that_two_sources_price_differently(own: Catalogue) -> None:
    differences = (
        "output 0.40 against 0.50, "
        "input above 100,000 tokens 0.10 against 0.50, "
        "output above 100,000 tokens 0.40 against 2.50, "
        "cache_read above 100,000 tokens 0.01 against 0.05, "
        "cache_write_5m above 100,000 tokens 0.125 against 0.625, "
        "cache_write_1h above 100,000 tokens 0.20 against 1.00"
    )
    assert catalogue_warnings(own, NOW)[1:] == [
        CatalogueWarning("retired", "mine", "mine: retired on 2026-11-01, requests to it fail"),
        CatalogueWarning("differs", "mine", f"mine: its own row and genai-prices differ: {differences}"),
    ]


def test_warnings_are_those_of_their_utc_day(own: Catalogue) -> None:
    on_the_eve = datetime.fromisoformat("2026-11-01T01:59:59+02:00")
    assert [warning.severity for warning in catalogue_warnings(own, on_the_eve)] == ["unpriced"]


def test_the_shipped_catalogue_prices_every_cloud_model() -> None:
    assert {warning.severity for warning in catalogue_warnings(load_catalogue(), NOW)} == {"retired"}


def test_it_runs_as_a_module() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "services.catalog", "prices", "claude-opus"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "claude-opus-5-5" in run.stdout
    assert run.stderr == ""
