"""An entry of the ledger as a completed task. Pure: no Taskwarrior, no clock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID, uuid5

from services.tw_bridge.errors import LedgerUnreadable

Task = dict[str, Any]
"""One task as `task import` reads it."""

PROJECT = "vps_ai.router"

LONGEST_REASON = 500
"""Characters of the reasoning that a description keeps; the ledger has all of it."""

_NAMESPACE = UUID("11bad5e1-b09c-4f20-80b8-12c836674073")
"""Never to be changed: it is why a second import of the same request meets the first one's task."""

_TAGS = {"local": "local", "cloud": "cloud", "cache": "cached"}

# Taskwarrior 2.6 crashes on times outside of its calendar.
_EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)

_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


def is_decision(entry: Mapping[str, Any]) -> bool:
    """Whether an entry tells how a request ended: not one that takes another back, or that nobody confirmed.

    What is no entry at all is for `task_from_entry` to refuse.
    """
    return not isinstance(entry, Mapping) or (not entry.get("reversal") and entry.get("status") != "unconfirmed")


def task_from_entry(entry: Mapping[str, Any]) -> Task:
    """The completed task of one entry of GET /v1/entries; LedgerUnreadable when it is not one.

    Numbers are text, which Taskwarrior keeps digit by digit: `cost` in USD, `latency` in seconds.
    `tokens_in` counts all tokens of the prompt, from the cache or not. What is unknown is left out.
    """
    try:
        return _task(entry)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError, InvalidOperation):
        raise LedgerUnreadable(f"The ledger's entry {_name(entry)} is not as the bridge knows them.") from None


def task_uuid(request_id: str) -> str:
    """The UUID of a request's task, always the same."""
    return str(uuid5(_NAMESPACE, request_id))


def _task(entry: Mapping[str, Any]) -> Task:
    begin = min(max(datetime.fromisoformat(entry["occurred_at"]).astimezone(UTC), _EARLIEST), _LATEST)
    latency = entry["latency_seconds"]
    tag = _TAGS.get(entry["backend"])
    attributes = {
        "uuid": task_uuid(entry["request_id"]),
        "status": "completed",
        "project": PROJECT,
        "tags": ["routing", tag] if tag else ["routing"],
        "description": describe(entry),
        "entry": _moment(begin),
        "end": _moment(begin + timedelta(seconds=latency or 0)),
        "model": one_line(entry["model"]),
        "backend": one_line(entry["backend"]),
        "cost": _decimal(entry["cost"]),
        "complexity": _decimal(entry["complexity"]),
        "latency": _decimal(None if latency is None else round(latency, 3)),
        "request_id": one_line(entry["request_id"]),
        **_tokens(entry["usage"]),
    }
    return {name: value for name, value in attributes.items() if value is not None}


def describe(entry: Mapping[str, Any]) -> str:
    """One line on a decision: the model, what it cost, how hard the prompt was, and why it went there."""
    words = [entry["model"]]
    if entry["status"] == "error":
        words.append(f"failed ({entry['error_code'] or 'no reason given'})")
    words.append("unpriced" if entry["cost"] is None else f"{_decimal(entry['cost'])} USD")
    if entry["complexity"] is not None:
        words.append(f"complexity {entry['complexity']:.2f}")
    reason = one_line(entry["reasoning"] or "")
    if len(reason) > LONGEST_REASON:
        reason = reason[: LONGEST_REASON - 1] + "…"
    return one_line(" ".join(words) + (f": {reason}" if reason else ""))


def one_line(text: str) -> str:
    """The text without line breaks and control characters, as Taskwarrior will give it back."""
    # It writes brackets as entities, and reads the same entities in a text as brackets.
    return _BLANKS.sub(" ", text).strip().replace("&open;", "[").replace("&close;", "]")


def _tokens(usage: Mapping[str, int]) -> dict[str, str]:
    given = ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
    return {
        "tokens_in": str(sum(int(usage[kind]) for kind in given)),
        "tokens_out": str(int(usage["output_tokens"])),
    }


def _decimal(number: str | float | None) -> str | None:
    """All digits of a number without an exponent; ValueError when it is not finite."""
    if number is None:
        return None
    value = Decimal(str(number))
    if not value.is_finite():
        raise ValueError
    return format(value, "f")


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y%m%dT%H%M%SZ")


def _name(entry: Any) -> str:
    name = entry.get("request_id") if isinstance(entry, Mapping) else None
    return one_line(str(name))[:128]
