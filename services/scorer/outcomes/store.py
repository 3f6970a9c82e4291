"""The scorer's tables: one method a question."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import aiosql

from services.runtime.database import Database
from services.runtime.migrate import Schema, load_migrations
from services.scorer.outcomes.errors import OutcomesUnavailable
from services.scorer.outcomes.records import OutcomeRecord, RouteRecord

_SQL = Path(__file__).parent / "sql"
_QUERIES = aiosql.from_path(_SQL / "queries.sql", "psycopg")
_PRUNED_AT_ONCE = 10_000  # well within the time that a statement has
_PAGE = 5_000

Row = dict[str, Any]


def scorer_schema() -> Schema:
    """The scorer's schema; MigrationError when its files are not as they should be."""
    return Schema("scorer", load_migrations(_SQL / "migrations"))


def open_database(conninfo: str, *, connections: int = 2) -> Database:
    """The scorer's database, not looked for yet; MigrationError when the migration files are wrong."""
    return Database(conninfo, scorer_schema(), name="scorer", unavailable=OutcomesUnavailable, connections=connections)


class OutcomeStore:
    """Routes and outcomes in PostgreSQL. Every method raises OutcomesUnavailable when it does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record_routes(self, routes: Sequence[RouteRecord]) -> None:
        """Write routes; a request that is known already stays as it is."""
        rows = json.dumps([route.row() for route in routes], allow_nan=False)
        self._database.run(lambda conn: _QUERIES.record_routes(conn, routes=rows))

    def record_outcomes(self, outcomes: Sequence[OutcomeRecord]) -> None:
        """Write outcomes, each kind once for a request."""
        rows = json.dumps([outcome.row() for outcome in outcomes])
        self._database.run(lambda conn: _QUERIES.record_outcomes(conn, outcomes=rows))

    def prune(self, before: datetime) -> int:
        """Remove all that is older than `before`; how many rows that were."""
        return self._prune(_QUERIES.prune_routes, before) + self._prune(_QUERIES.prune_outcomes, before)

    def routes(self, since: datetime, until: datetime, most: int) -> Iterator[Row]:
        """Up to `most` routes from `since` to before `until`, the latest first, each with its `outcomes` in order."""
        before_at, before_id = until, ""
        while most > 0:
            page = self._page(since, before_at, before_id, min(most, _PAGE))
            yield from page
            if len(page) < min(most, _PAGE):
                return
            most -= len(page)
            before_at, before_id = page[-1]["at"], page[-1]["request_id"]

    def check(self) -> str | None:
        """None when the database answers now, else what is wrong."""
        return self._database.check()

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def _prune(self, query: Callable[..., int], before: datetime) -> int:
        removed, gone = 0, _PRUNED_AT_ONCE
        while gone == _PRUNED_AT_ONCE:
            gone = self._database.run(lambda conn: query(conn, before=before, most=_PRUNED_AT_ONCE))
            removed += gone
        return removed

    def _page(self, since: datetime, before_at: datetime, before_id: str, page: int) -> list[Row]:
        asked = {"since": since, "before_at": before_at, "before_id": before_id, "page": page}
        return self._database.report(lambda conn: list(_QUERIES.routes_before(conn, **asked)))
