"""Entries from JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from services.catalog import Usage
from services.cost_ledger.entries import parse_entry
from services.cost_ledger.errors import InvalidField

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def test_what_is_left_out_is_zero_or_nothing(body: dict[str, Any]) -> None:
    del body["usage"]
    entry = parse_entry(body, NOW)
    assert entry.usage == Usage()
    assert (entry.tags, entry.tier, entry.complexity, entry.user) == ((), None, None, None)


def test_times_are_kept_in_utc(body: dict[str, Any]) -> None:
    entry = parse_entry(body | {"occurred_at": "2026-11-22T04:30:00.25+02:00"}, NOW)
    assert entry.occurred_at == datetime(2026, 11, 22, 2, 30, 0, 250_000, UTC)
    assert entry.occurred_at.tzinfo is UTC


def test_a_tag_counts_once(body: dict[str, Any]) -> None:
    assert parse_entry(body | {"tags": ["b", "a", "b"]}, NOW).tags == ("b", "a")


def test_a_clock_may_be_a_day_ahead(body: dict[str, Any]) -> None:
    parse_entry(body | {"occurred_at": "2026-11-23T03:00:00Z"}, NOW)
    with pytest.raises(InvalidField, match="more than a day in the future"):
        parse_entry(body | {"occurred_at": "2026-11-23T03:00:01Z"}, NOW)


def test_the_error_names_the_entry_of_a_batch(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidField) as caught:
        parse_entry(body | {"occurred_at": "yesterday"}, NOW, "entries[7].")
    assert caught.value.details == {"field": "entries[7].occurred_at"}
