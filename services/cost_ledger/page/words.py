"""Numbers as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from services.cost_ledger.money import money

_MINUS = "\N{MINUS SIGN}"
_PER_CENT = "\N{NO-BREAK SPACE}%"


def amount(usd: Decimal) -> str:
    """USD without the unit: cents from a dollar up, else four decimals, else two significant digits."""
    if abs(usd) >= 1 or not usd:
        text = f"{usd:,.2f}"
    elif abs(usd) >= Decimal("0.0001"):
        text = f"{usd:.4f}"
    else:
        text = money(Decimal(f"{usd:.1e}"))
    return text.replace("-", _MINUS)


def count(number: int) -> str:
    """4,321 in full, and from a hundred thousand on 0.12 M, 4.3 M or 2.1 G."""
    for unit, size in (("G", 10**9), ("M", 10**6)):
        if number >= size / 10:
            digits = 2 if number < size else 1
            return f"{number / size:.{digits}f} {unit}"
    return f"{number:,}"


def percent(share: float) -> str:
    """A share in whole per cent, but never 0 or 100 for what is only nearly so."""
    if 0 < share < 0.01:
        return f"under 1{_PER_CENT}"
    if 0.99 < share < 1:
        return f"over 99{_PER_CENT}"
    return f"{share:.0%}".replace("%", _PER_CENT)


def clock_time(moment: datetime) -> str:
    """Day and time in UTC: 2026-11-22 03:10."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"
