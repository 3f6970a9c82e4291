"""How good an order of prompts is for routing between a weak and a strong model.

Sending the prompts with the highest scores to the strong model recovers some of the gap in quality between
always weak (0) and always strong (1). APGR is the area under that curve over the share of strong calls (0.5
for a random order), CPT(p) the least percentage of strong calls that recovers p percent of the gap; both as
defined by Ong et al., "RouteLLM" (2024), here with every cut and with ties in random order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def apgr(gain: ArrayLike, score: ArrayLike) -> float:
    """Average performance gap recovered; `gain` is strong minus weak quality, a value a prompt.

    NaN when the strong model is not better on average.
    """
    calls, recovered = gain_curve(gain, score)
    return float(np.sum(np.diff(calls) * (recovered[1:] + recovered[:-1])) / 2)


def cpt(gain: ArrayLike, score: ArrayLike, percent: float) -> float:
    """Percentage of strong calls at which `percent` of the gap is first recovered; NaN like `apgr`."""
    calls, recovered = gain_curve(gain, score)
    if np.isnan(recovered).any():
        return float("nan")
    after = int(np.argmax(recovered >= percent / 100 - 1e-12))
    span = recovered[after] - recovered[after - 1]
    part = (percent / 100 - recovered[after - 1]) / span
    return float(100 * (calls[after - 1] + part * (calls[after] - calls[after - 1])))


def gain_curve(gain: ArrayLike, score: ArrayLike) -> tuple[Floats, Floats]:
    """Share of strong calls and share of the gap recovered, from (0, 0) to (1, 1), a point a distinct score."""
    gains, scores = np.asarray(gain, dtype=np.float64), np.asarray(score, dtype=np.float64)
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    total = gains.sum()
    if total <= 0:
        return np.array([0.0, 1.0]), np.array([np.nan, np.nan])
    recovered = np.cumsum(gains[order])[last] / total
    return np.append(0.0, (last + 1) / len(scores)), np.append(0.0, recovered)


def bootstrap(
    metric: Callable[[Floats, Floats], float], gain: ArrayLike, score: ArrayLike, *, rounds: int = 500, seed: int = 0
) -> tuple[float, float]:
    """The 95% percentile interval of `metric(gain, score)` over prompts drawn with replacement."""
    gains, scores = np.asarray(gain, dtype=np.float64), np.asarray(score, dtype=np.float64)
    rng = np.random.default_rng(seed)
    drawn = (rng.integers(0, len(gains), len(gains)) for _ in range(rounds))
    values = [metric(gains[index], scores[index]) for index in drawn]
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)
