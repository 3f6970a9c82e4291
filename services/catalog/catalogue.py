"""The loader of `models.toml`: checked by a JSON Schema, looked up by name, alias or backend id."""

from __future__ import annotations

import tomllib
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from services.catalog.models import Model
from services.catalog.prices import FREE, Charge, PriceRow, UnitPrices, Usage, library_row, overlapping
from services.runtime.errors import BadRequest
from services.runtime.validation import describe, load_schema

DEFAULT_FILE = Path(__file__).with_name("models.toml")
_SCHEMA = Path(__file__).with_name("models.schema.json")


class CatalogueError(Exception):
    """The catalogue file is not usable; the message names the file, the model and the problem."""


class UnknownModel(BadRequest):
    """No model of the catalogue has this name."""

    code = "unknown_model"


class Catalogue:
    """All models, in the order of the file."""

    def __init__(self, models: tuple[Model, ...]) -> None:
        """Raises CatalogueError when two models share a name, an alias or a backend id."""
        self.models = models
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

    def charge(self, name: str, usage: Usage, at: datetime) -> Charge | None:
        """What `usage` costs in USD at a moment; None when the model or its price is not known."""
        model = self._by_name.get(name)
        row = self._row(model, at) if model is not None else None
        if row is None:
            return None
        prices = row.unit_prices(usage.prompt_tokens)
        return Charge(prices.cost(usage), prices, row.source)

    def _row(self, model: Model, at: datetime) -> PriceRow | None:
        if model.is_local:
            return _LOCAL_ROW
        own = next((row for row in model.own_prices if row.holds_at(at)), None)
        return own or library_row(model.model_id, model.backend, at)


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
        index = errors[0].path[1] if len(errors[0].path) > 1 else None
        name = document["models"][index].get("name", f"model {index}") if isinstance(index, int) else "catalogue"
        raise CatalogueError(f"{name}: {describe(errors[0])}")
    return Catalogue(tuple(_named_model(row) for row in document["models"]))


def _named_model(row: dict[str, Any]) -> Model:
    try:
        return _model(row)
    except CatalogueError as error:
        raise CatalogueError(f"{row['name']}: {error}") from None


def _model(row: dict[str, Any]) -> Model:
    prices = tuple(_price_row(price) for price in row.pop("prices", []))
    clash = overlapping(prices)
    if clash is not None:
        spans = " and ".join(f"{p.effective_from} to {p.effective_until or 'further notice'}" for p in clash)
        raise CatalogueError(f"prices overlap: {spans}")
    fields = {
        "abilities": frozenset(row["abilities"]),
        "aliases": tuple(row.get("aliases", ())),
        "retired_on": _day(row, "retired_on"),
    }
    return Model(**row | fields, own_prices=prices)


def _price_row(row: dict[str, Any]) -> PriceRow:
    bands = [(-1, _unit_prices(row))]
    bands += [(band["above_prompt_tokens"], _unit_prices(band)) for band in row.get("bands", [])]
    source = f"catalogue: {row['source']}"
    begin, end = _day(row, "effective_from"), _day(row, "effective_until")
    if begin is None or (end is not None and end <= begin):
        raise CatalogueError(f"a price row ends on {end}, not after it begins on {begin}")
    return PriceRow(begin, end, tuple(sorted(bands, key=lambda band: band[0])), source)


def _day(row: dict[str, Any], key: str) -> date | None:
    # JSON Schema has no type for TOML's dates.
    value = row.get(key)
    if value is not None and type(value) is not date:
        raise CatalogueError(f"{key} must be a date such as 2026-10-07, not {value!r}")
    return value


def _unit_prices(row: dict[str, Any]) -> UnitPrices:
    names = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
    return UnitPrices(**{name: Decimal(row[name]) for name in names})
