"""The command line of the recalibration."""

# ruff: noqa: T201  - a command speaks by printing
from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from services.runtime import ApiError, ConfigError, Env, configure_logging
from services.runtime.migrate import MigrationError
from services.scorer.recalibrate.errors import Refused
from services.scorer.recalibrate.reading import parse_moment
from services.scorer.recalibrate.run import run

_DESCRIPTION = """
Learns from the requests of your own that went to local models, and proposes thresholds and a correction of
the complexity that fit them. Nothing changes without --apply; removing the tuning file undoes everything.
"""


def main(arguments: list[str] | None = None, values: Mapping[str, str] = os.environ) -> int:
    """The exit status: 0, 1 when something failed or was refused, 2 when there is too little or a setting is wrong."""
    options = _parser().parse_args(arguments)
    configure_logging("ERROR")
    try:
        return run(options, Env(values))
    except ConfigError as error:
        print(f"configuration error: {error}", file=sys.stderr)
        return 2
    except Refused as refused:
        print(f"error: {refused}", file=sys.stderr)
        return refused.status
    except (ApiError, MigrationError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.scorer.recalibrate", description=_DESCRIPTION)
    goal = parser.add_mutually_exclusive_group()
    goal.add_argument("--quality", type=_share, help="of the cloud's quality, such as 0.95 (default: as good as now)")
    goal.add_argument("--saving", type=_share, help="of what the cloud alone costs, such as 0.3")
    always = datetime.min.replace(tzinfo=UTC)
    parser.add_argument("--since", type=_moment, default=always, metavar="DATE", help="leave out what came before")
    parser.add_argument("--from", dest="file", type=Path, metavar="FILE.jsonl", help="recorded requests")
    parser.add_argument("--png", type=Path, metavar="FILE", help="also draw the curves into a picture")
    parser.add_argument("--apply", action="store_true", help="write the tuning file (SCORER_TUNING_FILE)")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    return parser


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be a number from 0 to 1")
    return value


def _moment(text: str) -> datetime:
    try:
        return parse_moment(text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be a date such as 2026-11-22, or a time") from None
