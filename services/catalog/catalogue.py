"""The loader of `models.toml`: checked by a JSON Schema, looked up by name, alias or backend id."""

from __future__ import annotations

import tomllib
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from services.catalog.dated import overlapping
from services.catalog.factors import Factor, Tariff
from services.catalog.models import Model
from services.catalog.prices import FREE, KINDS, Charge, PriceRow, UnitPrices, Usage, library_row
from services.runtime.errors import BadRequest
from services.runtime.validation import describe, load_schema

CacheWrites = Literal["none", "5m", "1h"]
"""The longest-lived cache writes that a request may make."""

DEFAULT_FILE = Path(__file__).with_name("models.toml")
_SCHEMA = Path(__file__).with_name("models.schema.json")


class CatalogueError(Exception):
    """The catalogue file is not usable; the message names the file, the model and the problem."""


class UnknownModel(BadRequest):
    """No model of the catalogue has this name."""

    code = "unknown_model"


class Catalogue:
    """All models and the factors on their prices, in the order of the file."""

    def __init__(self, models: tuple[Model, ...], factors: tuple[Factor, ...] = ()) -> None:
        """Raises CatalogueError when two models share a name, an alias or a backend id."""
        self.models = models
        self.factors = factors
        self._by_name: dict[str, Model] = {}
        for model in models:
            for name in (model.name, *model.aliases, model.model_id):
                other = self._by_name.setdefault(name, model)
                if other is not model:
                    raise CatalogueError(f"{name!r} names both {other.name} and {model.name}")

    def find(self, name: str) -> Model:
        """The model with this name, alias or backend id; raises UnknownModel."""
        model = self._by_name.get(name)
        if model is None:
            known = ", ".join(model.name for model in self.models)
            raise UnknownModel(f"Unknown model {name[:100]!r}. Use 'auto' or one of: {known}.")
        return model

    def prices(self, name: str, at: datetime) -> PriceRow | None:
        """The price row of a model at a moment: the catalogue's own first, else the library's."""
        return self._row(self.find(name), at)

    def charge(
        self, name: str, usage: Usage, at: datetime, *, batch: bool = False, inference_geo: str | None = None
    ) -> Charge | None:
        """What `usage` costs in USD at a moment; None when the model or its price is not known.

        `batch` says that the request came through the provider's Batch API, `inference_geo` where it
        asked to be answered; a place without a factor of its own costs nothing extra.
        """
        tariff = self._tariff(name, at, batch, inference_geo)
        return tariff.charge(usage) if tariff else None

    def worst_case(
        self,
        name: str,
        input_tokens: int,
        max_output_tokens: int,
        at: datetime,
        *,
        cache_writes: CacheWrites = "none",
        batch: bool = False,
        inference_geo: str | None = None,
    ) -> Charge | None:
        """The most that a request within these bounds can cost in USD at a moment; None as for `charge`.

        `input_tokens` bounds the whole prompt, cached parts included. A request that may write to
        the cache for an hour ("1h") may do so for five minutes, too.
        """
        tariff = self._tariff(name, at, batch, inference_geo)
        kinds = ("input", "cache_read", *_WRITES[cache_writes])
        return tariff.dearest(input_tokens, max_output_tokens, kinds) if tariff else None

    def factors_at(self, backend: str, at: datetime) -> tuple[Factor, ...]:
        """The factors of a backend that are in force at a moment."""
        return tuple(factor for factor in self.factors if factor.backend == backend and factor.holds_at(at))

    def _tariff(self, name: str, at: datetime, batch: bool, inference_geo: str | None) -> Tariff | None:
        model = self._by_name.get(name)
        row = self._row(model, at) if model else None
        if model is None or row is None:
            return None
        if not batch and inference_geo is None:  # nearly every request: no need to look
            return Tariff(row)
        factors = self.factors_at(model.backend, at)
        return Tariff(row, tuple(f for f in factors if f.applies(batch=batch, inference_geo=inference_geo)))

    def _row(self, model: Model, at: datetime) -> PriceRow | None:
        if model.is_local:
            return _LOCAL_ROW
        return model.own_row(at) or library_row(model.model_id, model.backend, at)


_WRITES: dict[CacheWrites, tuple[str, ...]] = {
    "none": (),
    "5m": ("cache_write_5m",),
    "1h": ("cache_write_5m", "cache_write_1h"),
}
_LOCAL_ROW = PriceRow(date.min, None, ((-1, FREE),), "local")


@cache
def load_catalogue(path: Path = DEFAULT_FILE) -> Catalogue:
    """Read, check and keep a catalogue; raises CatalogueError that names file, model and problem."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
        return _build(document)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, CatalogueError) as error:
        raise CatalogueError(f"{path}: {error}") from error


def _build(document: dict[str, Any]) -> Catalogue:
    errors = sorted(load_schema(_SCHEMA).iter_errors(document), key=lambda error: list(map(str, error.path)))
    if errors:
        raise CatalogueError(f"{_culprit(document, list(errors[0].path))}: {describe(errors[0])}")
    factors = tuple(_factor(row) for row in document.get("factors", []))
    for one, other in combinations(factors, 2):
        if (one.backend, one.condition) == (other.backend, other.condition) and overlapping((one, other)):
            raise CatalogueError(f"factors of {one.backend} for {one.condition} overlap: {one.span} and {other.span}")
    return Catalogue(tuple(_named_model(row) for row in document["models"]), factors)


def _culprit(document: dict[str, Any], path: list[str | int]) -> str:
    if len(path) < 2 or not isinstance(path[1], int):
        return "catalogue"
    part, index = path[0], path[1]
    row = document[str(part)][index]
    unnamed = f"{str(part).removesuffix('s')} {index}"
    return str(row.get("name", unnamed)) if isinstance(row, dict) else unnamed


def _named_model(row: dict[str, Any]) -> Model:
    try:
        return _model(row)
    except CatalogueError as error:
        raise CatalogueError(f"{row['name']}: {error}") from None


def _model(row: dict[str, Any]) -> Model:
    prices = tuple(_price_row(price) for price in row.pop("prices", []))
    clash = overlapping(prices)
    if clash is not None:
        raise CatalogueError(f"prices overlap: {clash[0].span} and {clash[1].span}")
    fields = {
        "abilities": frozenset(row["abilities"]),
        "aliases": tuple(row.get("aliases", ())),
        "retired_on": _day(row, "retired_on"),
    }
    return Model(**row | fields, own_prices=prices)


def _price_row(row: dict[str, Any]) -> PriceRow:
    bands = [(-1, _unit_prices(row))]
    bands += [(band["above_prompt_tokens"], _unit_prices(band)) for band in row.get("bands", [])]
    ordered = tuple(sorted(bands, key=lambda band: band[0]))
    return PriceRow(*_span(row, "price row"), ordered, f"catalogue: {row['source']}")


def _factor(row: dict[str, Any]) -> Factor:
    span = _span(row, f"factor of {row['backend']}")
    fields = {"batch": row.get("batch", False), "inference_geo": row.get("inference_geo")}
    return Factor(*span, row["backend"], Decimal(row["factor"]), row["source"], **fields)


def _span(row: dict[str, Any], what: str) -> tuple[date, date | None]:
    begin, end = _day(row, "effective_from"), _day(row, "effective_until")
    if begin is None or (end is not None and end <= begin):
        raise CatalogueError(f"a {what} ends on {end}, not after it begins on {begin}")
    return begin, end


def _day(row: dict[str, Any], key: str) -> date | None:
    # JSON Schema has no type for TOML's dates.
    value = row.get(key)
    if value is not None and type(value) is not date:
        raise CatalogueError(f"{key} must be a date such as 2026-10-07, not {value!r}")
    return value


def _unit_prices(row: dict[str, Any]) -> UnitPrices:
    return UnitPrices(**{kind: Decimal(row[kind]) for kind in KINDS})
