"""The reports that break a period down: by day, month, model, key, user, tag or route. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from services.cost_ledger.errors import InvalidField
from services.cost_ledger.figures import NOTHING, Figures, Row, total
from services.cost_ledger.money import money
from services.cost_ledger.reports import Period, machine_cost, rented

MOST_ROWS = 3_700
"""The days of ten years: nobody reads a longer report, and its zeros would fill the memory."""


@dataclass(frozen=True)
class Breakdown:
    """A report: its name in the path, what it is broken down by, and the heading of that.

    `unit` is day or month for a report over time, which is also by model.
    """

    name: str
    dimension: str
    heading: str
    unit: str | None = None


BREAKDOWNS = {
    one.name: one
    for one in (
        Breakdown("daily", "model", "model", "day"),
        Breakdown("monthly", "model", "model", "month"),
        Breakdown("models", "model", "model"),
        Breakdown("keys", "key", "key_id"),
        Breakdown("users", "user", "user"),
        Breakdown("tags", "tag", "tag"),
        Breakdown("routes", "route", "route"),
    )
}


@dataclass(frozen=True)
class Machine:
    """The machine's rent: `monthly` USD from the first entry ever (`first`) up to now."""

    monthly: Decimal
    first: datetime | None
    now: datetime

    def cost(self, period: Period) -> Decimal:
        """Its rent in a period, to a microdollar."""
        return machine_cost(rented(period, self.first, self.now), self.monthly)

    def cost_in(self, part: Period, whole: Period) -> Decimal:
        """The rent in a part of a period, such that all parts together cost what the whole does."""
        before = Period(whole.since, part.since)
        return self.cost(Period(whole.since, part.until)) - (self.cost(before) if before.since < before.until else 0)


def report_document(
    breakdown: Breakdown,
    period: Period,
    rows: Sequence[Row],
    machine: Machine,
    baselines: Sequence[str],
    key_names: Mapping[str, str],
) -> dict[str, Any]:
    """A report of the rows that the store has for it; `key_names` are the names of keys by id."""
    everything = _everything(rows)
    listed = _over_time(breakdown, period, rows, machine) if breakdown.unit else _listed(breakdown, rows, key_names)
    return {
        "period": period.document(),
        "baseline_models": list(baselines),
        "rows": list(listed),
        "totals": _with_machine(everything, machine.cost(period)),
        "note": _note(breakdown, everything),
    }


def columns(breakdown: Breakdown) -> list[str]:
    """The columns of a report, in order."""
    labels = {None: [], "day": ["day"], "month": ["month"]}[breakdown.unit]
    names = {"keys": ["key_name"], "routes": ["backend"]}.get(breakdown.name, [])
    figures = NOTHING.document()
    return [*labels, "row", breakdown.heading, *names, *figures, "machine_cost", "net"]


def parts(period: Period, unit: str) -> list[Period]:
    """The days or months (UTC) of a period, the first and the last perhaps cut; InvalidField for too many."""
    found: list[Period] = []
    start = period.since
    while start < period.until:
        if len(found) == MOST_ROWS:
            raise InvalidField("from", f"the period has more than {MOST_ROWS} {unit}s; ask for less, or by month")
        end = min(_next(start, unit), period.until)
        found.append(Period(start, end))
        start = end
    return found


def start_of(moment: datetime, unit: str) -> datetime:
    """Where the UTC day or month begins that a moment lies in."""
    moment = moment.astimezone(UTC)
    return datetime(moment.year, moment.month, moment.day if unit == "day" else 1, tzinfo=UTC)


def _next(moment: datetime, unit: str) -> datetime:
    try:
        return start_of(start_of(moment, unit) + timedelta(days=1 if unit == "day" else 32), unit)
    except OverflowError:  # the end of time, which is in the year 9999
        return datetime.max.replace(tzinfo=UTC)


def _over_time(breakdown: Breakdown, period: Period, rows: Sequence[Row], machine: Machine) -> Iterator[dict[str, Any]]:
    unit = breakdown.unit or ""
    by_start: dict[datetime, list[Row]] = {}
    for row in rows:
        if row.start is not None:
            by_start.setdefault(row.start, []).append(row)
    for part in parts(period, unit):
        start = start_of(part.since, unit)
        label = {unit: f"{start:%Y-%m-%d}" if unit == "day" else f"{start:%Y-%m}"}
        found = by_start.get(start, [])
        for row in found:
            yield {**label, "row": "model", "model": row.label, **_without_machine(row.figures)}
        figures = total(row.figures for row in found)
        yield {**label, "row": "total", "model": None, **_with_machine(figures, machine.cost_in(part, period))}


def _listed(breakdown: Breakdown, rows: Sequence[Row], key_names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for row in rows:
        if row.is_total:
            continue
        names: dict[str, Any] = {}
        if breakdown.name == "keys":
            names = {"key_name": key_names.get(row.label or "")}
        elif breakdown.name == "routes":
            names = {"backend": row.backend}
        labels = {"row": breakdown.dimension, breakdown.heading: row.label, **names}
        yield {**labels, **_without_machine(row.figures)}


def _everything(rows: Sequence[Row]) -> Figures:
    """The totals: those that the rows bring along, else their sum."""
    own = [row.figures for row in rows if row.is_total]
    return own[0] if own else total(row.figures for row in rows)


def _with_machine(figures: Figures, machine: Decimal) -> dict[str, Any]:
    return {**figures.document(), "machine_cost": money(machine), "net": money(figures.saved - machine)}


def _without_machine(figures: Figures) -> dict[str, Any]:
    # The machine is rented for all models together: no part of it is one model's.
    return {**figures.document(), "machine_cost": None, "net": None}


def _note(breakdown: Breakdown, figures: Figures) -> str | None:
    if not figures.all_requests:
        return "No requests were booked in this period."
    notes = []
    if breakdown.dimension == "tag":
        notes.append("A request with several tags counts for each of them, but once in the totals.")
    if figures.unpriced_requests:
        notes.append(f"The cost of requests without a known price is not in it ({figures.unpriced_requests}).")
    if figures.unconfirmed_requests:
        notes.append(f"Unconfirmed requests are in it at the most they can cost ({figures.unconfirmed_requests}).")
    return " ".join(notes) or None
