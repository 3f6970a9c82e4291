"""What people type about keys in the terminal, as the bodies of the HTTP interface. Pure."""

from __future__ import annotations

import argparse
import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from services.cost_ledger.money import money
from services.cost_ledger.times import format_time, parse_date, parse_time

SHORTEST_BEGINNING = 8
_LONGEST_NAME = 128
_HIGHEST_RATE = 100_000
_MOST_MODELS = 100
_DURATION = re.compile(r"([0-9]{1,6})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_USD = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")


def add_terms(parser: argparse.ArgumentParser, now: datetime, *, lift: bool) -> None:
    """Add --expires, --rate and --models; with `lift` also the words that take a limit away."""
    words = (" ('never': no end)", " ('none': no limit)", " ('all': every model)") if lift else ("", "", "")
    parser.add_argument(
        "--expires",
        metavar="30d|DATE",
        type=lambda text: None if lift and text == "never" else _expiry(text, now),
        default=argparse.SUPPRESS,
        dest="expires_at",
        help=f"ends after 12h, 30d or 4w, at a time with its zone, or with a day in UTC{words[0]}",
    )
    parser.add_argument(
        "--rate",
        metavar="N",
        type=lambda text: None if lift and text == "none" else _rate(text),
        default=argparse.SUPPRESS,
        dest="rate_limit",
        help=f"requests a minute, at most{words[1]}",
    )
    parser.add_argument(
        "--models",
        metavar="A,B",
        type=lambda text: None if lift and text == "all" else _models(text),
        default=argparse.SUPPRESS,
        dest="allowed_models",
        help=f"the models that it may use, by their names in the catalogue{words[2]}",
    )


def add_budgets(parser: argparse.ArgumentParser) -> None:
    """Add --daily and --monthly."""
    for period in ("daily", "monthly"):
        parser.add_argument(
            f"--{period}",
            metavar="USD",
            type=_usd,
            default=argparse.SUPPRESS,
            dest=f"budget_{period}",
            help=f"a hard {period} budget in USD",
        )


def body_of(options: argparse.Namespace) -> dict[str, Any]:
    """The body that POST or PATCH would take: only what was given."""
    names = ("name", "expires_at", "rate_limit", "allowed_models", "budget_daily", "budget_monthly")
    return {name: value for name, value in vars(options).items() if name in names}


def name(text: str) -> str:
    """A key's name, trimmed."""
    if not (text.strip() and text.isprintable() and len(text) <= _LONGEST_NAME):
        raise argparse.ArgumentTypeError(f"must be 1 to {_LONGEST_NAME} printable characters")
    return text.strip()


def beginning(text: str) -> str:
    """The beginning of a key's id or of its visible part, long enough not to hit another key by chance."""
    if len(text) < SHORTEST_BEGINNING:
        raise argparse.ArgumentTypeError(
            f"must be a key's id or its beginning as 'list' shows them, {SHORTEST_BEGINNING} characters or more"
        )
    return text


def _expiry(text: str, now: datetime) -> str:
    try:
        return format_time(_moment(text, now))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"must be a duration such as 12h, 30d or 4w, a date, or a time with its zone, not {text!r}"
        ) from None


def _moment(text: str, now: datetime) -> datetime:
    duration = _DURATION.fullmatch(text)
    if duration:
        return now + int(duration[1]) * _UNITS[duration[2]]
    day = parse_date(text)
    return parse_time(text) if day is None else day + timedelta(days=1)  # the day is the last on which it works


def _rate(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:7]) <= _HIGHEST_RATE):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {_HIGHEST_RATE}, not {text!r}")
    return int(text)


def _models(text: str) -> list[str]:
    names = [part.strip() for part in text.split(",") if part.strip()]
    if not 1 <= len(names) <= _MOST_MODELS:
        raise argparse.ArgumentTypeError(f"must be 1 to {_MOST_MODELS} names with commas between them")
    return names


def _usd(text: str) -> str:
    if not _USD.fullmatch(text):
        raise argparse.ArgumentTypeError(f"must be an amount in USD such as 1.50, not {text!r}")
    return money(Decimal(text))
