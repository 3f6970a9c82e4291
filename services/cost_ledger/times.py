"""Moments as RFC 3339 text, always in UTC inside the ledger."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_time(text: str) -> datetime:
    """The moment in UTC; ValueError, with a sentence, when it is not RFC 3339 with a time zone."""
    try:
        if _RFC_3339.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError("must be a time with its zone, such as 2026-11-22T03:10:11Z")


def parse_date(text: str) -> datetime | None:
    """Midnight UTC of a plain date such as 2026-11-22; None when the text has another shape.

    ValueError when there is no such day.
    """
    if not _DATE.fullmatch(text):
        return None
    return datetime.combine(date.fromisoformat(text), time(), UTC)


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds: 2026-11-22T03:10:11.123456Z."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def utc_now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)
