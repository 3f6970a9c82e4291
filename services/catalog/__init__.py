"""The models: their backends, tiers, abilities and prices. One loader for every part."""

from services.catalog.catalogue import CacheWrites, Catalogue, CatalogueError, UnknownModel, load_catalogue
from services.catalog.factors import Factor
from services.catalog.models import Model
from services.catalog.price_warnings import CatalogueWarning, catalogue_warnings
from services.catalog.prices import Charge, PriceRow, UnitPrices, Usage

__all__ = [
    "CacheWrites",
    "Catalogue",
    "CatalogueError",
    "CatalogueWarning",
    "Charge",
    "Factor",
    "Model",
    "PriceRow",
    "UnitPrices",
    "UnknownModel",
    "Usage",
    "catalogue_warnings",
    "load_catalogue",
]
