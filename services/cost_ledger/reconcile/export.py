"""Anthropic's usage and cost exports: CSV files from the pages Usage and Cost of the Claude Console."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from services.catalog import Catalogue
from services.cost_ledger.reconcile.books import Books, Figures, add_up

NAME = "export"
_DAY = "usage_date_utc"
_MODELS = ("model_version", "model")  # of the usage export and of the cost export
_TOKENS = {
    "input": "usage_input_tokens_no_cache",
    "output": "usage_output_tokens",
    "cache_read": "usage_input_tokens_cache_read",
    "cache_write_5m": "usage_input_tokens_cache_write_5m",
    "cache_write_1h": "usage_input_tokens_cache_write_1h",
}
_COST = "cost_usd"
_CENTS = 2
_AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,20})?")
_COUNT = re.compile(r"[0-9]{1,15}")
_SHOWN = 40


class UnreadableExport(Exception):
    """The file is not an export; the message names the line and the column, where there is one."""


@dataclass(frozen=True)
class _Row:
    line: int
    cells: Mapping[str, str]


def read_export(path: Path, catalogue: Catalogue) -> Books:
    """The books of an export, from its first day to its last; UnreadableExport when it is none."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UnreadableExport(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UnreadableExport(f"{path}: line {line}: is not UTF-8 text") from None
    try:
        return parse_export(text, catalogue)
    except UnreadableExport as error:
        raise UnreadableExport(f"{path}: {error}") from None


def parse_export(text: str, catalogue: Catalogue) -> Books:
    """The books of the text of an export; UnreadableExport when it is none."""
    if not text.strip():
        raise UnreadableExport("the file is empty")
    lines = _lines(text)
    head_line, head = next(lines)
    columns = [name.strip().lower() for name in head]
    model, has_tokens, has_cost = _kind(columns, head_line)
    rows = [_Row(line, _cells(columns, cells, line)) for line, cells in lines]
    if not rows:
        raise UnreadableExport("the file has column names but no rows: there is nothing to compare")
    leeway = _leeway(rows) if has_cost else Decimal(0)
    parsed = []
    for row in rows:
        figures = Figures(**_tokens(row)) if has_tokens else Figures()
        if has_cost:
            figures += Figures(cost=_amount(row), leeway=leeway)
        parsed.append((_day(row), row.cells[model], figures))
    days = [day for day, _, _ in parsed]
    return Books(NAME, min(days), max(days), add_up(parsed, catalogue), has_tokens, has_cost)


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, with the number of its last line."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise UnreadableExport(f"line {reader.line_num}: is not CSV: {error}") from None


def _kind(columns: Sequence[str], line: int) -> tuple[str, bool, bool]:
    """The column of the model, and whether there are tokens and costs."""
    model = next((name for name in _MODELS if name in columns), None)
    some_tokens, has_cost = any(name in columns for name in _TOKENS.values()), _COST in columns
    wanted = [*([_DAY] if _DAY not in columns else []), *([_MODELS[0]] if model is None else [])]
    if some_tokens or not has_cost:
        wanted += [name for name in _TOKENS.values() if name not in columns]
    if wanted or model is None:
        raise UnreadableExport(f"line {line}: these columns of a usage export are missing: {', '.join(wanted)}")
    twice = [name for name in (_DAY, model, _COST, *_TOKENS.values()) if columns.count(name) > 1]
    if twice:
        raise UnreadableExport(f"line {line}: column {twice[0]}: is there more than once")
    return model, some_tokens, has_cost


def _cells(columns: Sequence[str], cells: Sequence[str], line: int) -> dict[str, str]:
    if len(cells) != len(columns):
        raise UnreadableExport(f"line {line}: has {len(cells)} cells, but there are {len(columns)} columns")
    return dict(zip(columns, cells, strict=True))


def _day(row: _Row) -> date:
    try:
        moment = datetime.fromisoformat(row.cells[_DAY].strip())
    except ValueError:
        raise _wrong(row, _DAY, "must be a date such as 2026-11-22") from None
    return (moment if moment.tzinfo is None else moment.astimezone(UTC)).date()


def _tokens(row: _Row) -> dict[str, Any]:
    return {kind: _count(row, column) for kind, column in _TOKENS.items()}


def _count(row: _Row, column: str) -> int:
    text = row.cells[column].strip() or "0"
    if not _COUNT.fullmatch(text):
        raise _wrong(row, column, "must be a whole number of tokens")
    return int(text)


def _amount(row: _Row) -> Decimal:
    text = row.cells[_COST].strip() or "0"
    if not _AMOUNT.fullmatch(text):
        raise _wrong(row, _COST, "must be an amount in USD")
    return Decimal(text)


def _leeway(rows: Sequence[_Row]) -> Decimal:
    """Half a unit of the last decimal that the file shows: so far an amount may be from the true one, in USD."""
    decimals = max(_CENTS, *(len(row.cells[_COST].strip().partition(".")[2]) for row in rows))
    return Decimal(5).scaleb(-decimals - 1)


def _wrong(row: _Row, column: str, problem: str) -> UnreadableExport:
    return UnreadableExport(f"line {row.line}: column {column}: {problem}, not {row.cells[column][:_SHOWN]!r}")
