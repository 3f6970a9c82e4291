"""The named SQL of `sql/*.sql`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import aiosql

SQL: Final = Path(__file__).parent / "sql"
QUERIES: Final[Any] = aiosql.from_path(SQL / "queries.sql", "psycopg")
FIGURES: Final[Any] = aiosql.from_path(SQL / "figures.sql", "psycopg")
METRICS: Final[Any] = aiosql.from_path(SQL / "metrics.sql", "psycopg")
RETENTION: Final[Any] = aiosql.from_path(SQL / "retention.sql", "psycopg")
