"""The models: their backends, tiers, abilities and prices. One loader for every part."""

from services.catalog.catalogue import Catalogue, CatalogueError, UnknownModel, load_catalogue
from services.catalog.models import Model
from services.catalog.prices import Charge, PriceRow, UnitPrices, Usage

__all__ = [
    "Catalogue",
    "CatalogueError",
    "Charge",
    "Model",
    "PriceRow",
    "UnitPrices",
    "UnknownModel",
    "Usage",
    "load_catalogue",
]
