"""The prices of a day, as a document for machines and as a table for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

from services.catalog.catalogue import Catalogue
from services.catalog.factors import Factor
from services.catalog.models import Model
from services.catalog.price_warnings import catalogue_warnings
from services.catalog.prices import KINDS, LIBRARY, PriceRow, usd

OWN = "own row"
_HEADS = (
    ("", "", "", "", "cache", "write", "write", "", "", ""),
    ("model", "prompt", "input", "output", "read", "5m", "1h", "from", "before", "source"),
)
_NUMBERS = range(2, 2 + len(KINDS))


def price_document(catalogue: Catalogue, models: Sequence[Model], at: datetime) -> dict[str, Any]:
    """What applies to `models` at a moment, in USD per million tokens as text, with the warnings on them.

    `effective_until` is the first day on which a row no longer holds.
    """
    backends = dict.fromkeys(model.backend for model in models)
    names = {model.name for model in models}
    return {
        "at": at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "models": [_model_document(model, catalogue.prices(model.name, at), at) for model in models],
        "factors": [_factor_document(factor) for name in backends for factor in catalogue.factors_at(name, at)],
        "warnings": [dict(vars(warning)) for warning in catalogue_warnings(catalogue, at) if warning.model in names],
    }


def price_table(document: dict[str, Any]) -> str:
    """The document as text, up to 100 columns wide unless a name or a price is long."""
    rows = [row for model in document["models"] for row in _rows(model)]
    top, heads, *lines = _columns([*_HEADS, *rows], _NUMBERS)
    factors = [_factor_row(factor) for factor in document["factors"]]
    own = [(model["model"], model["source_text"]) for model in document["models"] if model["source"] == OWN]
    blocks = [
        [f"Prices on {document['at'][:10]} (UTC), USD per million tokens"],
        [top, heads, "-" * max(map(len, [heads, *lines])), *lines],
        _section("Own rows", _columns(own)),
        _section("Factors on every token price of a request", _columns(factors)),
        _section("Warnings", [warning["message"] for warning in document["warnings"]]) or ["No warnings."],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _model_document(model: Model, row: PriceRow | None, at: datetime) -> dict[str, Any]:
    return {
        "model": model.name,
        "model_id": model.model_id,
        "aliases": list(model.aliases),
        "backend": model.backend,
        "retired_on": _iso(model.retired_on),
        "source": _source(model, row, at),
        "source_text": row.source.removeprefix("catalogue: ") if row else None,
        "effective_from": _iso(row.effective_from) if row else None,
        "effective_until": _iso(row.effective_until) if row else None,
        "bands": [
            {"above_prompt_tokens": max(above, 0), **{kind: usd(getattr(prices, kind)) for kind in KINDS}}
            for above, prices in (row.bands if row else ())
        ],
    }


def _source(model: Model, row: PriceRow | None, at: datetime) -> str:
    if row is None:
        return "none"
    if model.is_local:
        return "local"
    return OWN if row is model.own_row(at) else LIBRARY


def _factor_document(factor: Factor) -> dict[str, Any]:
    return {
        "backend": factor.backend,
        "condition": factor.condition,
        "factor": str(factor.factor),
        "effective_from": _iso(factor.effective_from),
        "effective_until": _iso(factor.effective_until),
        "source": factor.source,
    }


def _rows(model: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """A line for each band: only the first repeats what all have in common."""
    common = (model["effective_from"] or "-", model["effective_until"] or "-", model["source"])
    bands = model["bands"]
    if not bands:
        yield (model["model"], "any", *["-"] * len(KINDS), *common)
    for index, band in enumerate(bands):
        above = band["above_prompt_tokens"]
        following = bands[index + 1]["above_prompt_tokens"] if index + 1 < len(bands) else None
        prompt = f"> {_tokens(above)}" if above else f"to {_tokens(following)}" if following else "any"
        prices = [band[kind] for kind in KINDS]
        yield (model["model"], prompt, *prices, *common) if not index else ("", prompt, *prices, "", "", "")


def _factor_row(factor: dict[str, Any]) -> tuple[str, ...]:
    end = f" before {factor['effective_until']}" if factor["effective_until"] else ""
    span = f"from {factor['effective_from']}{end}"
    return factor["backend"], factor["condition"], f"x {factor['factor']}", span, factor["source"]


def _section(title: str, lines: list[str]) -> list[str]:
    return [f"{title}:", *(f"  {line}" for line in lines)] if lines else []


def _columns(rows: Sequence[Sequence[str]], numbers: range = range(0)) -> list[str]:
    """Lines of cells under each other, the columns of `numbers` to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if index in numbers else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _tokens(count: int) -> str:
    return f"{count // 1000}k" if count % 1000 == 0 else f"{count:,}"


def _iso(day: date | None) -> str | None:
    """The day as text; None for the library's rows without a beginning, and for what does not end."""
    return None if day is None or day == date.min else day.isoformat()
