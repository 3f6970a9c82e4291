"""Reconciliation from the terminal."""

# ruff: noqa: T201  - a command speaks by printing
from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from services.catalog import Catalogue, CatalogueError, load_catalogue
from services.cost_ledger.app import open_store
from services.cost_ledger.reconcile.books import Books, add_up, ledger_rows
from services.cost_ledger.reconcile.compare import compare
from services.cost_ledger.reconcile.export import UnreadableExport, read_export
from services.cost_ledger.reconcile.report import document, text
from services.cost_ledger.reconcile.usage_api import UsageApi, UsageUnavailable
from services.cost_ledger.reports import Period
from services.cost_ledger.store import LedgerStore
from services.cost_ledger.times import parse_date, utc_now
from services.runtime import ApiError, ConfigError, Env, configure_logging
from services.runtime.conninfo import database_from_env
from services.runtime.migrate import MigrationError

_EQUAL, _DIFFERENT, _NOT_COMPARED = 0, 1, 2
_DAYS = 30
_DAY = timedelta(days=1)


class _NotComparable(Exception):
    """What was asked for cannot be compared; the message says why."""


def add_reconcile_command(commands: Any) -> None:
    """Add `reconcile` to the subparsers of an argument parser."""
    command = commands.add_parser(
        "reconcile",
        help="hold the ledger's cloud usage against the provider's",
        description="Compares the ledger's cloud usage with Anthropic's, by UTC day and model. "
        "Exit status: 0 equal, 1 different, 2 not compared.",
    )
    command.add_argument("file", nargs="?", type=Path, help="a usage or cost export (CSV) of the Claude Console")
    command.add_argument(
        "--api", action="store_true", help="ask the usage report of the Admin API instead (ANTHROPIC_ADMIN_KEY)"
    )
    command.add_argument("--from", dest="first", metavar="DATE", type=_day, help="the first day to compare")
    command.add_argument(
        "--to", dest="last", metavar="DATE", type=_day, help=f"the last day; with --api: {_DAYS} days up to yesterday"
    )
    command.add_argument("--all-days", action="store_true", help="compare also the days that only one side covers")
    command.add_argument("--json", action="store_true", help="print one JSON document")


def run_reconcile_command(
    options: argparse.Namespace,
    env: Env,
    *,
    opening: Callable[[Env], AbstractContextManager[LedgerStore]] | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> int:
    """Run it and give the exit status: 0 equal, 1 different, 2 when nothing could be compared."""
    configure_logging("ERROR")
    try:
        _check(options, clock().date())
        with (opening or _open)(env) as store:
            return _reconcile(options, env, store, clock().date())
    except ConfigError as error:
        print(f"configuration error: {error}", file=sys.stderr)
    except (ApiError, CatalogueError, MigrationError, UnreadableExport, UsageUnavailable, _NotComparable) as error:
        print(f"error: {error}", file=sys.stderr)
    return _NOT_COMPARED


def _open(env: Env) -> AbstractContextManager[LedgerStore]:
    return closing(open_store(database_from_env(env), 1))


def _check(options: argparse.Namespace, today: date) -> None:
    if (options.file is None) != options.api:
        raise _NotComparable("give the file of an export, or --api")
    if options.last and options.last > today:
        raise _NotComparable(f"--to: {options.last} lies in the future")
    if options.first and options.first > (options.last or today):
        raise _NotComparable(f"--from: {options.first} lies after the last day to compare")


def _reconcile(options: argparse.Namespace, env: Env, store: LedgerStore, today: date) -> int:
    catalogue = load_catalogue()
    begin = store.first_moment()
    if begin is None:
        raise _NotComparable("the ledger has no entries yet: there is nothing to compare")
    ledger = Books("ledger", begin.astimezone(UTC).date(), today)
    if options.api:
        options.first, options.last = _days_to_ask_for(options, ledger)
        provider = UsageApi.from_env(env).read(options.first, options.last, catalogue)
    else:
        provider = _within(read_export(options.file, catalogue), options)
    ledger = _within(ledger, options)
    ledger = replace(ledger, figures=_figures(store, ledger, provider, catalogue))
    result = compare(ledger, provider, all_days=options.all_days)
    print(json.dumps(document(result), indent=2) if options.json else "\n".join(text(result)))
    if not result.days:
        return _NOT_COMPARED
    return _EQUAL if result.equal else _DIFFERENT


def _days_to_ask_for(options: argparse.Namespace, ledger: Books) -> tuple[date, date]:
    """The days asked for, else those of the last 30 that are over and that the ledger covers."""
    last = options.last or max(ledger.last - _DAY, options.first or ledger.first)
    return options.first or min(last, max(ledger.first, last - (_DAYS - 1) * _DAY)), last


def _within(books: Books, options: argparse.Namespace) -> Books:
    """The books of the days asked for only; _NotComparable when there are none."""
    first = max(books.first, options.first or books.first)
    last = min(books.last, options.last or books.last)
    if first > last:
        raise _NotComparable(f"the {books.name} covers {books.first} to {books.last}: no day of those asked for")
    return replace(books, first=first, last=last)


def _figures(store: LedgerStore, ledger: Books, provider: Books, catalogue: Catalogue) -> Any:
    first, last = min(ledger.first, provider.first), max(ledger.last, provider.last)
    period = Period(datetime.combine(first, time(), UTC), datetime.combine(last + _DAY, time(), UTC))
    return add_up(ledger_rows(store.cloud_usage_by_day(period)), catalogue)


def _day(text: str) -> date:
    try:
        moment = parse_date(text)
    except ValueError:
        moment = None
    if moment is None:
        raise argparse.ArgumentTypeError(f"must be a date such as 2026-11-22, not {text!r}")
    return moment.date()
