"""`python -m services.cost_ledger retention`: what would be closed, or, with --apply, closing it."""

# ruff: noqa: T201  - a command speaks by printing
from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from services.cost_ledger.retention.archive import ArchiveError
from services.cost_ledger.retention.closing import (
    RetentionError,
    close_month,
    connected,
    months_with_entries,
    totals_of,
)
from services.cost_ledger.retention.month import old_months
from services.cost_ledger.store import ledger_schema
from services.cost_ledger.times import utc_now
from services.runtime import ConfigError, Env, configure_logging
from services.runtime.conninfo import database_from_env
from services.runtime.migrate import MigrationError, first_line, migrate


def add_retention_command(commands: Any) -> None:
    """Add `retention` to the subparsers of an argument parser."""
    command = commands.add_parser(
        "retention",
        help="export entries of old months and drop them",
        description="Exports each month (UTC) before the last N full ones into DIR, reads the file back, and drops"
        " its entries. Sums by the day stay, so that stats and reports of whole days stay as they were.",
    )
    command.add_argument(
        "--keep-months", type=_months, required=True, metavar="N", help="full months to keep, 1 or more"
    )
    command.add_argument("--export", type=Path, required=True, metavar="DIR", help="where the files go")
    command.add_argument("--apply", action="store_true", help="do it; without this it only says what it would do")


def run_retention_command(options: argparse.Namespace, env: Env) -> int:
    """Run it and give the exit status: 1 when it failed, 2 when a setting or an argument is wrong."""
    configure_logging("ERROR")
    if not options.export.is_dir():
        print(f"error: --export: no such folder: {options.export}", file=sys.stderr)
        return 2
    try:
        return _run(options, database_from_env(env), utc_now())
    except ConfigError as error:
        print(f"configuration error: {error}", file=sys.stderr)
        return 2
    except (RetentionError, ArchiveError, MigrationError) as error:
        print(f"error: {error}", file=sys.stderr)
    except psycopg.Error as error:
        print(f"error: the database: {first_line(error)}", file=sys.stderr)
    except OSError as error:
        print(f"error: cannot write: {error}", file=sys.stderr)
    return 1


def _run(options: argparse.Namespace, conninfo: str, now: datetime) -> int:
    migrate(conninfo, ledger_schema())
    with connected(conninfo) as conn:
        months = old_months(months_with_entries(conn), options.keep_months, now)
        if not months:
            print("nothing to do: no month with entries is that old")
        for month in months:
            if options.apply:
                archive = close_month(conn, month, options.export, now)
                print(f"closed {month}: {archive.totals}, in {archive.file}")
            else:
                print(f"would close {month}: {totals_of(conn, month)}")
    if months and not options.apply:
        print("nothing was changed; add --apply to do it")
    return 0


def _months(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 1200:
        return int(text)
    raise argparse.ArgumentTypeError("must be a whole number from 1 to 1200: the present month stays in any case")
