"""A reconciliation in words, as a table, and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from textwrap import wrap
from typing import Any

from services.cost_ledger.money import money
from services.cost_ledger.reconcile.books import KINDS, Figures
from services.cost_ledger.reconcile.compare import Line, Reconciliation
from services.cost_ledger.table import WIDTH, shorten, table

_HEADS = ("INPUT", "OUTPUT", "CACHE READ", "5M WRITE", "1H WRITE")
_WORDS = ("input", "output", "cache read", "5m cache write", "1h cache write")
_MODEL_WIDTH = 18
_SAME = "."


def text(result: Reconciliation) -> list[str]:
    """The lines for people: what differs, the totals, and the verdict."""
    lines = [verdict(result)]
    lines += [f"Not compared: {_span(gap.first, gap.last)}, covered only by the {gap.side}." for gap in result.gaps]
    unpriced = result.total.ledger.unpriced
    if unpriced:
        lines.append(f"Requests in the ledger without a known price, left out of its cost: {unpriced:,}.")
    figures = [] if result.first is None else [_heading(result), "", *_table(result), ""]
    return figures + [part for line in lines for part in wrap(line, WIDTH)]


def verdict(result: Reconciliation) -> str:
    """One or two sentences: equal, or which side has more of what."""
    if result.first is None or result.last is None:
        return f"Nothing was compared: the ledger and the {result.provider.name} have no day in common."
    span = f"{_span(result.first, result.last)} ({_count(result.days, 'day')})"
    if result.equal:
        matters = [*(["every token"] if result.has_tokens else []), *(["the cost"] if result.has_cost else [])]
        rounding = f", to the {result.provider.name}'s rounding" if result.total.cost else ""
        agreed = " and on ".join(matters) + (rounding if result.has_cost else "")
        return f"Equal: the ledger and the {result.provider.name} agree on {agreed}, {span}."
    days = len({day for day, _ in result.differences})
    return f"The books differ on {days} of {_count(result.days, 'day')}, {_span(result.first, result.last)}. " + (
        " ".join(_surpluses(result)) or "The totals agree, but not day by day and model by model."
    )


def document(result: Reconciliation) -> dict[str, Any]:
    """As programs read it: the lines that differ and the totals, both sides of each."""
    return {
        "equal": result.equal,
        "verdict": verdict(result),
        "compared_with": result.provider.name,
        "from": _optional_day(result.first),
        "to": _optional_day(result.last),
        "days": result.days,
        "differences": [
            {"day": day.isoformat(), "model": model, **_line_document(line, result)}
            for (day, model), line in result.differences.items()
        ],
        "totals": _line_document(result.total, result),
        "not_compared": [
            {"from": gap.first.isoformat(), "to": gap.last.isoformat(), "only_in": gap.side} for gap in result.gaps
        ],
        "unpriced_requests": result.total.ledger.unpriced,
    }


def _heading(result: Reconciliation) -> str:
    return f"Ledger minus {result.provider.name}, UTC days. +: the ledger has more, -: it has less, {_SAME}: the same."


def _table(result: Reconciliation) -> list[str]:
    """With thousands set apart, unless that makes the lines too long."""
    wide = _table_with(result, ",")
    return wide if max(map(len, wide)) <= WIDTH else _table_with(result, "")


def _table_with(result: Reconciliation, thousands: str) -> list[str]:
    total = result.total
    head = ["DAY", "MODEL", *(_HEADS if result.has_tokens else ()), *(("COST USD",) if result.has_cost else ())]
    rows = [
        [day.isoformat(), shorten(model, _MODEL_WIDTH), *_differences(line, result, thousands)]
        for (day, model), line in result.differences.items()
    ]
    rows += [
        ["LEDGER", "", *_sums(total.ledger, result, thousands)],
        ["PROVIDER", "", *_sums(total.provider, result, thousands)],
        ["DIFFERENCE", "", *_differences(total, result, thousands)],
    ]
    return table(head, rows, right=frozenset(range(2, len(head))))


def _differences(line: Line, result: Reconciliation, thousands: str) -> list[str]:
    tokens = [line.tokens(kind) for kind in KINDS] if result.has_tokens else []
    cost = [f"{line.cost:+{thousands}.4f}" if line.cost_differs else _SAME] if result.has_cost else []
    return [*(f"{count:+{thousands}}" if count else _SAME for count in tokens), *cost]


def _sums(figures: Figures, result: Reconciliation, thousands: str) -> list[str]:
    tokens = [f"{getattr(figures, kind):{thousands}}" for kind in KINDS] if result.has_tokens else []
    return [*tokens, *([f"{figures.cost:{thousands}.4f}"] if result.has_cost else [])]


def _surpluses(result: Reconciliation) -> Iterable[str]:
    """A sentence for each side that has more tokens in sum, and one for the cost."""
    total = result.total
    for side, sign in (("ledger", 1), (result.provider.name, -1)):
        counts = [(sign * total.tokens(kind), word) for kind, word in zip(KINDS, _WORDS, strict=True)]
        more = [f"{count:,} {word}" for count, word in counts if count > 0]
        if more and result.has_tokens:
            noun = "token" if sum(count for count, _ in counts if count > 0) == 1 else "tokens"
            yield f"The {side} has {_listed(more)} {noun} more."
    if result.has_cost and total.cost_differs:
        yield f"The {'ledger' if total.cost > 0 else result.provider.name} has {money(abs(total.cost))} USD more."


def _line_document(line: Line, result: Reconciliation) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if result.has_tokens:
        told["tokens"] = {
            kind: {
                "ledger": getattr(line.ledger, kind),
                "provider": getattr(line.provider, kind),
                "difference": line.tokens(kind),
            }
            for kind in KINDS
        }
    if result.has_cost:
        amounts: dict[str, Decimal] = {"ledger": line.ledger.cost, "provider": line.provider.cost}
        told["cost"] = {name: money(amount) for name, amount in (amounts | {"difference": line.cost}).items()}
    return told


def _listed(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _span(first: date, last: date) -> str:
    return first.isoformat() if first == last else f"{first} to {last}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _optional_day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
