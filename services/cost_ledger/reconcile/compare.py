"""The ledger's books against the provider's: what differs, where, and by how much. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import reduce
from operator import add

from services.cost_ledger.reconcile.books import KINDS, Books, Figures

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Line:
    """A model on a day, or a sum, as both sides have it."""

    ledger: Figures
    provider: Figures

    def tokens(self, kind: str) -> int:
        """How many tokens of a kind the ledger has more than the provider."""
        return int(getattr(self.ledger, kind) - getattr(self.provider, kind))

    @property
    def cost(self) -> Decimal:
        """How many USD the ledger has more than the provider."""
        return self.ledger.cost - self.provider.cost

    @property
    def cost_differs(self) -> bool:
        """Whether the costs differ by more than the provider's rounding explains."""
        return abs(self.cost) > self.provider.leeway

    def __add__(self, other: Line) -> Line:
        return Line(self.ledger + other.ledger, self.provider + other.provider)


@dataclass(frozen=True)
class Gap:
    """Days, the first and the last included, that only the side of this name covers."""

    side: str
    first: date
    last: date


@dataclass(frozen=True)
class Reconciliation:
    """What came out. `first` and `last` bound the days compared; both are None when there are none."""

    ledger: Books
    provider: Books
    first: date | None
    last: date | None
    lines: dict[tuple[date, str], Line]
    gaps: Sequence[Gap]

    @property
    def has_tokens(self) -> bool:
        """Whether the provider tells tokens."""
        return self.provider.has_tokens

    @property
    def has_cost(self) -> bool:
        """Whether the provider tells costs."""
        return self.provider.has_cost

    @property
    def total(self) -> Line:
        """The sum over all days and models compared."""
        return reduce(add, self.lines.values(), Line(Figures(), Figures()))

    @property
    def differences(self) -> dict[tuple[date, str], Line]:
        """The lines on which both sides differ, by day and model."""
        return {key: line for key, line in self.lines.items() if self._differs(line)}

    @property
    def days(self) -> int:
        """How many days were compared."""
        return 0 if self.first is None or self.last is None else (self.last - self.first).days + 1

    @property
    def equal(self) -> bool:
        """Whether something was compared, and nothing differs."""
        return self.days > 0 and not self.differences

    def _differs(self, line: Line) -> bool:
        tokens = self.has_tokens and any(line.tokens(kind) for kind in KINDS)
        return tokens or (self.has_cost and line.cost_differs)


def compare(ledger: Books, provider: Books, *, all_days: bool = False) -> Reconciliation:
    """Compare the days that both sides cover, or `all_days` that either does."""
    sides = (ledger, provider)
    late, early = max, min
    if all_days:
        late, early = min, max
    first, last = late(side.first for side in sides), early(side.last for side in sides)
    gaps = [] if all_days else [gap for side, other in (sides, sides[::-1]) for gap in _only_in(side, other)]
    if first > last:
        return Reconciliation(ledger, provider, None, None, {}, gaps)
    keys = sorted({key for side in sides for key in side.figures if first <= key[0] <= last})
    nothing = Figures()
    lines = {key: Line(ledger.figures.get(key, nothing), provider.figures.get(key, nothing)) for key in keys}
    return Reconciliation(ledger, provider, first, last, lines, gaps)


def _only_in(side: Books, other: Books) -> list[Gap]:
    spans = [(side.first, min(side.last, other.first - _DAY)), (max(side.first, other.last + _DAY), side.last)]
    return [Gap(side.name, first, last) for first, last in dict.fromkeys(spans) if first <= last]
