"""Quality against cost as a picture of characters."""

from __future__ import annotations

from services.scorer.recalibrate.comparison import Comparison

_WIDTH, _HEIGHT = 61, 15
_MARKS = {"shipped": (".", "S"), "proposed": ("*", "P")}


def draw_chart(comparison: Comparison) -> str:
    """Both curves; S and P stand where the thresholds are. Where both curves meet, the proposed one shows."""
    low = min(float(curve.quality.min()) for curve in comparison.curves.values())
    high = max(float(curve.quality.max()) for curve in comparison.curves.values())
    span = max(high - low, 0.01)
    grid = [[" "] * _WIDTH for _ in range(_HEIGHT)]

    def put(cost: float, quality: float, mark: str) -> None:
        row = round((1 - (quality - low) / span) * (_HEIGHT - 1))
        grid[min(max(row, 0), _HEIGHT - 1)][min(round(cost * (_WIDTH - 1)), _WIDTH - 1)] = mark

    for name, (mark, _) in _MARKS.items():
        for column in range(_WIDTH):
            cost = column / (_WIDTH - 1)
            put(cost, comparison.curves[name].quality_at(cost), mark)
    for name, (_, mark) in _MARKS.items():
        put(comparison.cost[name].value, comparison.quality[name].value, mark)
    return "\n".join([*_rows(grid, low, span), *_foot()])


def _rows(grid: list[list[str]], low: float, span: float) -> list[str]:
    lines = ["quality, % of the cloud's"]
    for number, row in enumerate(grid):
        label = f"{100 * (low + span * (1 - number / (_HEIGHT - 1))):6.1f}" if number % 7 == 0 else " " * 6
        lines.append(f"{label} |{''.join(row)}".rstrip())
    return lines


def _foot() -> list[str]:
    labels = "".join(f"{share:<15}" for share in (0, 25, 50, 75)) + "100"
    return [
        f"{' ' * 7}+{'-' * _WIDTH}",
        f"{' ' * 8}{labels}",
        f"{' ' * 8}cost, % of the cloud's    ... shipped (S: now)   *** proposed (P: proposed)",
    ]
