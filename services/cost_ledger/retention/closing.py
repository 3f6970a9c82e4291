"""Closing a month: export, check, and then, in one transaction, sums by the day instead of entries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from services.cost_ledger import books
from services.cost_ledger.queries import RETENTION
from services.cost_ledger.retention.archive import Archive, Totals, check_archive, write_archive
from services.cost_ledger.retention.month import Month

Connection = psycopg.Connection[DictRow]

_CONNECT: dict[str, Any] = {
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
    "application_name": "cost_ledger retention",
    # Reports keep a partition for as long as they run; a booking waits for its turn no longer than this.
    "options": "-c timezone=UTC -c statement_timeout=15min -c lock_timeout=20s",
}
# The project's own key space; 1 is the books' turn, 2 are migrations.
_ONE_AT_A_TIME = "SELECT pg_try_advisory_lock(1279607879, 3) AS mine"
_TRIES = 3


class RetentionError(Exception):
    """A month cannot be closed now; the message says why. Nothing of it was dropped."""


@contextmanager
def connected(conninfo: str) -> Iterator[Connection]:
    """A connection on which months may be closed; RetentionError when another run has one."""
    with psycopg.connect(conninfo, autocommit=True, row_factory=dict_row, **_CONNECT) as conn:
        row = conn.execute(_ONE_AT_A_TIME).fetchone()
        if row is None or not row["mine"]:
            raise RetentionError("another run is closing months now")
        yield conn


def months_with_entries(conn: Connection) -> list[Month]:
    """The months that are not closed yet."""
    return [Month(row["month"]) for row in RETENTION.months_with_entries(conn)]


def totals_of(conn: Connection, month: Month) -> Totals:
    """What a month's entries add up to now."""
    row = RETENTION.month_totals(conn, **month.span())
    return Totals(row["rows"], row["cost"])


def export_month(conn: Connection, month: Month, folder: Path) -> Archive:
    """Write a month's entries, as they are at this moment, into `folder`; and read them back.

    Raises ArchiveError when the files do not hold what they should.
    """
    with conn.transaction(), conn.cursor("month_entries") as rows:
        rows.itersize = 2000
        rows.execute(RETENTION.month_entries.sql, month.span())
        archive = write_archive(folder, month, rows)
    check_archive(archive)
    return archive


def close_month(conn: Connection, month: Month, folder: Path, now: datetime) -> Archive:
    """Export a month, and drop its entries if they are still those of the file; the archive.

    Nothing is dropped before the file was read back, and all else is one transaction: to end it anywhere
    leaves the month open or closed, and to run it again is safe. Bookings only wait for that transaction.
    """
    for _ in range(_TRIES):
        archive = export_month(conn, month, folder)
        if _drop(conn, month, archive, now):
            return archive
    raise RetentionError(f"{month}: entries are still being booked into it")


def _drop(conn: Connection, month: Month, archive: Archive, now: datetime) -> bool:
    """Put sums in the place of a month's entries; False when the books have others than the file."""
    with books.turn(conn):
        while books.settle_expired(conn, now):  # an old reservation must not be left that belongs to it
            pass
        row = RETENTION.month_totals(conn, **month.span())
        if Totals(row["rows"], row["cost"]) != archive.totals:
            return False
        RETENTION.merge_days(conn, **month.span())
        RETENTION.forget_requests(conn, **month.span())
        figures: dict[str, Any] = {name: row[name] for name in ("first_entry", "last_id")}
        RETENTION.close_month(
            conn, month=month.first, entries=row["rows"], cost=row["cost"], sha256=archive.sha256, **figures
        )
        conn.execute(sql.SQL("DROP TABLE ledger.{}").format(sql.Identifier(f"entries_{month.name}")))
        return True
