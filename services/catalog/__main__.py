"""What the models cost on a day, and what is wrong with the prices."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path

from services.catalog.catalogue import DEFAULT_FILE, CatalogueError, UnknownModel, load_catalogue
from services.catalog.price_table import price_document, price_table


def main(arguments: Sequence[str] | None = None, *, file: Path = DEFAULT_FILE, now: datetime | None = None) -> int:
    """The exit status: 1 when `check` finds a cloud model without a price, 2 for a wrong argument or catalogue."""
    parser = _parser()
    options = parser.parse_args(arguments)
    at = options.at or now or datetime.now(UTC)
    try:
        catalogue = load_catalogue(file)
        chosen = (catalogue.find(options.model),) if options.model is not None else catalogue.models
    except UnknownModel:
        known = ", ".join(model.name for model in catalogue.models)
        parser.error(f"unknown model {options.model[:100]!r}; there are: {known}")
    except CatalogueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    document = price_document(catalogue, chosen, at)
    if options.command == "prices":
        print(json.dumps(document, indent=2) if options.json else price_table(document))
        return 0
    warnings = document["warnings"]
    if options.json:
        print(json.dumps({"at": document["at"], "warnings": warnings}, indent=2))
    else:
        print("".join(f"{warning['message']}\n" for warning in warnings), end="")
    return int(any(warning["severity"] == "unpriced" for warning in warnings))


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--at", metavar="DATE", type=_day, help="a day in UTC such as 2026-10-07 (default: now)")
    common.add_argument("--json", action="store_true", help="for machines")
    parser = argparse.ArgumentParser(prog="python -m services.catalog", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    prices = commands.add_parser("prices", parents=[common], help="unit prices, factors and warnings")
    prices.add_argument("model", nargs="?", metavar="MODEL", help="a name, an alias or a backend's id (default: all)")
    check = commands.add_parser("check", parents=[common], help="warnings only; 1 when a cloud model has no price")
    check.set_defaults(model=None)
    return parser


def _day(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a date such as 2026-10-07, not {text[:100]!r}") from None


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no error
    sys.exit(main())
