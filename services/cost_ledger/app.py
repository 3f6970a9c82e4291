"""The ledger's application factory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask import Flask

from services.catalog import Catalogue, UnknownModel, load_catalogue
from services.cost_ledger.config import Config
from services.cost_ledger.errors import LedgerUnavailable, MonthClosed, PartOfDay
from services.cost_ledger.key_terms import KeyBudgets
from services.cost_ledger.keyring import KeyRing
from services.cost_ledger.ledger import Ledger
from services.cost_ledger.metrics import BooksCollector, LedgerMetrics
from services.cost_ledger.openapi_routes import OPENAPI_PATH
from services.cost_ledger.page.routes import OPEN_PATHS
from services.cost_ledger.routes import routes
from services.cost_ledger.spending import Spending, StoredKeyBudgets
from services.cost_ledger.store import LedgerStore, ledger_schema
from services.cost_ledger.times import utc_now
from services.runtime import ConfigError, create_service_app
from services.runtime.database import Database

START_WAIT = 3.0
"""Seconds that the start waits for the database; without it the ledger comes up and says so."""


def create_app(
    config: Config,
    *,
    store: LedgerStore | None = None,
    catalogue: Catalogue | None = None,
    clock: Callable[[], datetime] | None = None,
    key_budgets: KeyBudgets | None = None,
) -> Flask:
    """The ledger as a Flask app, on the database of `config` unless a store is given.

    Raises MigrationError when the database is there and its schema cannot be brought up to date,
    CatalogueError when the catalogue is not usable, and ConfigError when the baseline has no price.
    `app.extensions["cost_ledger"].store.close()` lets go of the database.
    """
    clock = clock or utc_now
    catalogue = catalogue or load_catalogue()
    check_baseline(config.baseline_model, catalogue, clock())
    store = store or open_store(config.database, config.service.threads)
    ledger = Ledger(store, catalogue, config.baseline_model, clock, LedgerMetrics())
    app = create_service_app(
        "cost_ledger",
        config.service,
        routes,
        required={"database": store.check},
        registry=ledger.metrics.registry,
        open_paths=OPEN_PATHS | {OPENAPI_PATH},
    )
    app.config["LEDGER"] = config
    app.extensions["cost_ledger"] = ledger
    spending = Spending(store, catalogue, ledger.baseline_model, clock, config.budget_zone)
    app.extensions["spending"] = spending
    app.extensions["cost_ledger_keys"] = KeyRing(store, key_budgets or StoredKeyBudgets(store))
    ledger.metrics.registry.register(BooksCollector(store.tally, spending.standings))
    return app


def open_store(conninfo: str, connections: int) -> LedgerStore:
    """The store on a database, migrated if it answered by now; MigrationError when it cannot be."""
    database = Database(
        conninfo,
        ledger_schema(),
        name="cost_ledger",
        unavailable=LedgerUnavailable,
        refusals={"LE001": MonthClosed, "LE002": PartOfDay},
        connections=connections,
    )
    database.start(START_WAIT)
    return LedgerStore(database)


def check_baseline(name: str, catalogue: Catalogue, now: datetime) -> None:
    """ConfigError when savings cannot be measured against the model of this name."""
    try:
        prices = catalogue.prices(name, now)
    except UnknownModel as error:
        raise ConfigError("BASELINE_MODEL", error.message) from None
    if prices is None:
        raise ConfigError("BASELINE_MODEL", f"no price is known for {name}: savings cannot be measured against it")
