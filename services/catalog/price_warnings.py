"""What somebody should know who relies on the catalogue's prices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from services.catalog.catalogue import Catalogue
from services.catalog.models import Model
from services.catalog.prices import KINDS, LIBRARY, PriceRow, library_row, usd

Severity = Literal["unpriced", "retired", "differs"]


@dataclass(frozen=True)
class CatalogueWarning:
    """One model's problem, in a sentence that begins with its name."""

    severity: Severity
    model: str
    message: str


def catalogue_warnings(catalogue: Catalogue, at: datetime) -> list[CatalogueWarning]:
    """The problems at a moment, in the order of the catalogue.

    "unpriced": a cloud model without a price. "retired": the provider refuses the model. "differs":
    the model's own row and the price library name different prices.
    """
    return [warning for model in catalogue.models for warning in _warnings(catalogue, model, at)]


def _warnings(catalogue: Catalogue, model: Model, at: datetime) -> Iterator[CatalogueWarning]:
    day = at.astimezone(UTC).date()
    if model.retired(day):
        yield CatalogueWarning(
            "retired", model.name, f"{model.name}: retired on {model.retired_on}, requests to it fail"
        )
    if catalogue.prices(model.name, at) is None:
        yield CatalogueWarning(
            "unpriced", model.name, f"{model.name}: no price is known on {day}, its requests are booked as unpriced"
        )
    own, library = model.own_row(at), library_row(model.model_id, model.backend, at)
    differences = list(_differences(own, library)) if own and library else []
    if differences:
        text = f"{model.name}: its own row and {LIBRARY} differ: {', '.join(differences)}"
        yield CatalogueWarning("differs", model.name, text)


def _differences(own: PriceRow, library: PriceRow) -> Iterator[str]:
    for above in sorted({above for row in (own, library) for above, _ in row.bands}):
        band = f" above {above:,} tokens" if above >= 0 else ""
        ours, theirs = own.unit_prices(above + 1), library.unit_prices(above + 1)
        for kind in KINDS:
            one, other = getattr(ours, kind), getattr(theirs, kind)
            if one != other:
                yield f"{kind}{band} {usd(one)} against {usd(other)}"
