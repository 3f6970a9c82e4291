"""The questions of reports and of the cost page to the ledger's tables."""

from __future__ import annotations

from typing import Any

from services.cost_ledger.figures import Row
from services.cost_ledger.queries import FIGURES
from services.cost_ledger.reports import Period
from services.runtime.database import Database


class FigureStore:
    """Sums in PostgreSQL. Every method raises LedgerUnavailable when it does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def figures_by(self, dimension: str, period: Period, unit: str | None = None) -> list[Row]:
        """The sums of a period by model, key, user, tag or route, and by `unit`: day, month, or not by time.

        Tags also bring a row of everything, since requests with several count for each.
        """
        span = {"dimension": dimension, "unit": unit, "since": period.since, "until": period.until}
        rows = self._database.report(lambda conn: list(FIGURES.figures_by(conn, **span)))
        return [Row.from_row(row) for row in rows]

    def baselines(self, period: Period) -> list[str]:
        """The models that savings in a period were measured against."""
        span = {"since": period.since, "until": period.until}
        rows = self._database.report(lambda conn: list(FIGURES.baselines(conn, **span)))
        return [row["baseline_model"] for row in rows]

    def latest_entries(self, count: int) -> list[dict[str, Any]]:
        """The `count` entries booked last that hold, the last one first."""
        return self._database.run(lambda conn: list(FIGURES.latest_entries(conn, page=count)))
