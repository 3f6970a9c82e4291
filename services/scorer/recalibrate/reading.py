"""Where the requests come from: the scorer's database, or a file of JSON lines."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from services.catalog import Catalogue, UnknownModel
from services.scorer.outcomes.store import OutcomeStore
from services.scorer.recalibrate.traffic import Request, request_of_row

MOST_REQUESTS = 50_000
"""The latest requests that are looked at."""

_FIELDS = frozenset({"signals", "complexity", "weak", "strong", "cost", "id", "at", "local"})


class WrongRow(Exception):
    """A line of the file cannot be used; the message names the line, the field and the problem."""


def requests_in_store(store: OutcomeStore, since: datetime, now: datetime, catalogue: Catalogue) -> list[Request]:
    """The latest requests from `since` to `now`, the earliest first; raises Unavailable."""
    rows = store.routes(since, now, MOST_REQUESTS)
    return [request_of_row(row, _is_local(catalogue)) for row in rows][::-1]


def requests_in_file(path: Path, since: datetime) -> list[Request]:
    """The requests of a file, those with a time in its order; WrongRow, or OSError when it cannot be read.

    A line is an object {signals, complexity, weak, strong, cost, id, at, local}: `weak` and `strong`
    are the quality of a local and of the cloud's answer from 0 to 1, or null for `weak` when it is not
    known; `cost` is in USD. Only signals, complexity and weak are needed.
    """
    requests = [_request(number, document) for number, document in _lines(path)]
    if all(request.at is not None for request in requests):
        requests.sort(key=lambda request: request.at or since)
    return [request for request in requests if request.at is None or request.at >= since][-MOST_REQUESTS:]


def _is_local(catalogue: Catalogue) -> Callable[[str], bool]:
    def is_local(name: str) -> bool:
        try:
            return catalogue.find(name).is_local
        except UnknownModel:
            return False

    return is_local


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    yield number, json.loads(line)
                except (ValueError, RecursionError):
                    raise WrongRow(f"line {number} is not JSON") from None


def _request(number: int, document: Any) -> Request:
    try:
        if not isinstance(document, dict):
            raise ValueError("must be an object")
        unknown = document.keys() - _FIELDS
        if unknown:
            raise ValueError(f"unknown field {min(unknown)}; there are: {', '.join(sorted(_FIELDS))}")
        return _checked_request(number, document)
    except ValueError as error:
        raise WrongRow(f"line {number}: {error}") from None


def _checked_request(number: int, document: dict[str, Any]) -> Request:
    weak = None if document.get("weak") is None else _share(document["weak"], "weak")
    signals = document.get("signals")
    if not isinstance(signals, dict):
        raise ValueError("signals must be an object of numbers")
    local = document.get("local", weak is not None)
    if not isinstance(local, bool):
        raise ValueError("local must be true or false")
    return Request(
        id=str(document.get("id", number)),
        complexity=_share(document.get("complexity"), "complexity"),
        signals={name: _number(value, f"signals.{name}") for name, value in signals.items()},
        weak=weak,
        strong=_share(document.get("strong", 1), "strong"),
        cost=_cost(document.get("cost")),
        local=local,
        at=_moment(document.get("at")),
    )


def _number(value: Any, name: str) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number")
    return float(value)


def _share(value: Any, name: str) -> float:
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise ValueError(f"{name} must be a number from 0 to 1")
    return float(value)


def _cost(value: Any) -> Decimal | None:
    if value is None:
        return None
    try:
        cost = Decimal(str(value))
    except InvalidOperation:
        cost = Decimal(-1)
    if not cost.is_finite() or cost < 0:
        raise ValueError("cost must be an amount in USD")
    return cost


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        return parse_moment(value)
    except (TypeError, ValueError):
        raise ValueError("at must be a time such as 2026-11-22T03:10:11Z") from None


def parse_moment(text: str) -> datetime:
    """A date, or a time, in UTC unless it names another zone; ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
