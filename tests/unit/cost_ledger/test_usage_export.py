"""Anthropic's CSV exports: what is read, and what is refused by line and column."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from services.catalog import load_catalogue
from services.cost_ledger.reconcile.books import Books, Figures, catalogue_name
from services.cost_ledger.reconcile.export import UnreadableExport, parse_export, read_export

USAGE = (
    "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,"
    "usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,"
    "usage_output_tokens,web_search_count,inference_geo,speed\n"
)
COST = "usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd,cost_type\n"
DAY, NEXT = date(2026, 11, 20), date(2026, 11, 21)
HAIKU, SONNET = "claude-haiku-4-5", "claude-sonnet-5-5"


def usage(day: str = "2026-11-20", model: str = SONNET, tokens: str = "1,2,3,4,5") -> str:
    return f"{day},{model},key one,Default,standard,≤ 200k,{tokens},0,global,\n"


def cost(amount: str, model: str = "Claude Sonnet 5.5", kind: str = "output", day: str = "2026-11-20") -> str:
    return f"{day},{model},Default,key one,message,≤ 200k,{kind},{amount},{amount},token\n"


def parse(text: str) -> Books:
    return parse_export(text, load_catalogue())


def test_each_kind_of_token_is_read_from_its_column() -> None:
    books = parse(USAGE + usage())
    assert books.figures == {(DAY, SONNET): Figures(1, 5, 4, 2, 3)}
    assert (books.first, books.last, books.has_tokens, books.has_cost) == (DAY, DAY, True, False)


def test_rows_of_one_day_and_model_are_summed_whatever_its_name() -> None:
    rows = usage(model="claude-haiku-4-5-20251001") * 2 + usage(model=HAIKU) + usage("2026-11-21", HAIKU)
    books = parse(USAGE + rows)
    assert books.figures == {(DAY, HAIKU): Figures(3, 15, 12, 6, 9), (NEXT, HAIKU): Figures(1, 5, 4, 2, 3)}
    assert (books.first, books.last) == (DAY, NEXT)


def test_hours_count_to_their_utc_day() -> None:
    books = parse(
        USAGE + usage("2026-11-20 23:00") + usage("2026-11-20T23:30:00Z") + usage("2026-11-21T00:30:00+01:00")
    )
    assert books.figures == {(DAY, SONNET): Figures(3, 15, 12, 6, 9)}


def test_columns_may_be_in_another_order_and_others_are_ignored() -> None:
    head = "extra, Usage_Output_Tokens ,usage_input_tokens_cache_read,usage_input_tokens_cache_write_1h,"
    head += "usage_input_tokens_cache_write_5m,usage_input_tokens_no_cache,model,usage_date_utc,extra\n"
    assert parse(head + f'"a, ""b""\nc",5,4,3,2,1,{SONNET},2026-11-20,x\n').figures == {
        (DAY, SONNET): Figures(1, 5, 4, 2, 3)
    }


def test_a_mark_at_the_beginning_crlf_and_blank_lines_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    text = (USAGE + usage() + "\n,,,,,,,,,,,,,\n" + usage()).replace("\n", "\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_export(path, load_catalogue()).figures == {(DAY, SONNET): Figures(2, 10, 8, 4, 6)}


def test_an_empty_cell_of_tokens_is_none() -> None:
    assert parse(USAGE + usage(tokens="1,,, ,5")).figures == {(DAY, SONNET): Figures(1, 5)}


def test_a_cost_export_tells_costs_by_the_models_title() -> None:
    books = parse(COST + cost("1.50") + cost("0.25", kind="input_no_cache") + cost("2.00", "Claude Haiku 4.5"))
    assert {key: figures.cost for key, figures in books.figures.items()} == {
        (DAY, SONNET): Decimal("1.75"),
        (DAY, HAIKU): Decimal("2.00"),
    }
    assert (books.has_tokens, books.has_cost) == (False, True)


def test_each_rounded_amount_may_be_off_by_half_a_unit_of_its_last_decimal() -> None:
    cents = parse(COST + cost("1.50") + cost("0.25") + cost("0"))
    assert cents.figures[DAY, SONNET].leeway == Decimal("0.015")
    exact = parse(COST + cost("1.50") + cost("0.250001"))
    assert exact.figures[DAY, SONNET].leeway == Decimal("0.000001")


def test_an_export_with_tokens_and_costs_tells_both() -> None:
    head = USAGE.strip() + ",cost_usd\n"
    books = parse(head + usage().strip() + ",0.07\n")
    assert books.figures == {(DAY, SONNET): Figures(1, 5, 4, 2, 3, Decimal("0.07"), Decimal("0.005"))}
    assert books.has_tokens
    assert books.has_cost


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("claude-haiku-4-5-20251001", HAIKU),
        ("claude-haiku-4-5", HAIKU),
        ("Claude Haiku 4.5", HAIKU),
        ("claude-haiku-5-5-20261007", "claude-haiku-5-5"),
        (" claude-sonnet ", SONNET),
        ("Claude Next 9", "Claude Next 9"),
        ("", "(no model)"),
    ],
)
def test_models_are_known_by_every_name_that_the_provider_has_for_them(text: str, name: str) -> None:
    assert catalogue_name(text, load_catalogue()) == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        (" \n\n", "the file is empty"),
        (USAGE, "the file has column names but no rows: there is nothing to compare"),
        (
            "a,b\n1,2\n",
            "line 1: these columns of a usage export are missing: usage_date_utc, model_version, usage_input",
        ),
        (
            USAGE.replace("usage_output_tokens", "tokens") + usage(),
            "line 1: these columns of a usage export are missing: usage_output_tokens",
        ),
        (USAGE.replace("speed", "usage_output_tokens") + usage(), "line 1: column usage_output_tokens: is there more"),
        (USAGE + usage("20 Nov"), "line 2: column usage_date_utc: must be a date such as 2026-11-22, not '20 Nov'"),
        (USAGE + usage("2026-02-30"), "line 2: column usage_date_utc: must be a date"),
        (
            USAGE + usage() + "\n" + usage(tokens="1,2,3,4,-5"),
            "line 4: column usage_output_tokens: must be a whole number of tokens, not '-5'",
        ),
        (USAGE + usage(tokens="1.5,2,3,4,5"), "line 2: column usage_input_tokens_no_cache: must be a whole number"),
        (USAGE + usage(tokens="1,2,٣,4,5"), "line 2: column usage_input_tokens_cache_write_1h: must be a whole"),
        (USAGE + usage(tokens=f"{'9' * 5000},2,3,4,5"), "line 2: column usage_input_tokens_no_cache: must be a whole"),
        (USAGE + usage() + "2026-11-20,claude\n", "line 3: has 2 cells, but there are 14 columns"),
        (USAGE + usage().strip() + ",more\n", "line 2: has 15 cells, but there are 14 columns"),
        (USAGE + usage() + '"2026-11-20', "line 3: is not CSV"),
        (COST + cost("$1.50"), "line 2: column cost_usd: must be an amount in USD, not '$1.50'"),
        (COST + cost("NaN"), "line 2: column cost_usd: must be an amount in USD"),
        (COST + cost("1e99"), "line 2: column cost_usd: must be an amount in USD"),
    ],
)
def test_what_is_no_export_is_refused_by_line_and_column(text: str, said: str) -> None:
    with pytest.raises(UnreadableExport) as refused:
        parse(text)
    assert str(refused.value).startswith(said)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory"),
        (b"\xff\xfeu\x00s\x00", "line 1: is not UTF-8 text"),
        (USAGE.encode() + b"2026-11-20,caf\xe9", "line 2: is not UTF-8 text"),
        (USAGE.encode() + b"2026-11-20,\x00", "line 2: "),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "export.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableExport) as refused:
        read_export(path, load_catalogue())
    assert str(refused.value).startswith(f"{path}: {said}")


def test_a_folder_is_no_export(tmp_path: Path) -> None:
    with pytest.raises(UnreadableExport, match="Is a directory"):
        read_export(tmp_path, load_catalogue())
