"""Quality against cost as a PNG. Needs matplotlib, which the extra `reports` installs."""

from __future__ import annotations

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from services.scorer.recalibrate.comparison import Comparison

_COLOURS = {"shipped": "#7f7f7f", "proposed": "#1f77b4"}


def save_picture(comparison: Comparison, path: Path) -> None:
    """Both curves and the two points of routing, with their intervals; OSError when `path` cannot be written."""
    figure = Figure(figsize=(7.5, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, colour in _COLOURS.items():
        curve = comparison.curves[name]
        axes.plot(100 * curve.cost, 100 * curve.quality, color=colour, label=f"{name} scorer, any threshold")
        cost, quality = comparison.cost[name], comparison.quality[name]
        axes.errorbar(
            [100 * cost.value],
            [100 * quality.value],
            xerr=[[100 * max(cost.value - cost.low, 0)], [100 * max(cost.high - cost.value, 0)]],
            yerr=[[100 * max(quality.value - quality.low, 0)], [100 * max(quality.high - quality.value, 0)]],
            fmt="o",
            color=colour,
            capsize=3,
            label=f"{name} thresholds",
        )
    axes.set_xlabel("cost, % of sending everything to the cloud")
    axes.set_ylabel("quality, % of the cloud's")
    axes.set_title(f"{comparison.requests} requests held back, 95% intervals")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, format="png", dpi=120)
