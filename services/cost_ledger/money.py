"""Amounts of USD as text."""

from __future__ import annotations

from decimal import Decimal


def money(amount: Decimal) -> str:
    """The exact amount as a decimal string: no exponent, no superfluous zeros, at least two decimals."""
    whole, _, decimals = format(amount, "f").partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def optional_money(amount: Decimal | None) -> str | None:
    """The amount as `money` writes it; None stays None."""
    return None if amount is None else money(amount)
