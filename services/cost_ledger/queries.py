"""The named SQL of `sql/queries.sql`, and of the files beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import aiosql

SQL: Final = Path(__file__).parent / "sql"
QUERIES: Final[Any] = aiosql.from_path(SQL / "queries.sql", "psycopg")
METRICS: Final[Any] = aiosql.from_path(SQL / "metrics.sql", "psycopg")
RETENTION: Final[Any] = aiosql.from_path(SQL / "retention.sql", "psycopg")
