"""Regression trees as arrays: many rows and all trees at once, with each signal's share of the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Trees:
    """A sum of regression trees over rows of signals.

    One entry a node: the signal it splits on (0 at a leaf), the threshold up to which a row goes to
    `left`, and the mean outcome `value` there, scaled by the learning rate. A leaf is its own child.
    """

    roots: NDArray[np.int32]
    signal: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float32]
    start: float
    depth: int

    def contributions(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """For rows of shape (n, signals) what each signal adds to `start`, in the same shape.

        The sum over a row plus `start` is the prediction. A signal gets the change in the mean outcome
        at each split on it along the row's path (Saabas, "Interpreting random forests", 2014).
        """
        count, width = rows.shape
        flat, offsets = rows.ravel(), (np.arange(count) * width)[:, None]
        node = np.tile(self.roots, (count, 1))
        before = self.value.take(node)
        added = np.zeros(count * width)
        for _ in range(self.depth):
            at = self.signal.take(node) + offsets
            node = np.where(flat.take(at) <= self.threshold.take(node), self.left.take(node), self.right.take(node))
            value = self.value.take(node)
            added += np.bincount(at.ravel(), (value - before).ravel(), len(added))
            before = value
        result: NDArray[np.float64] = added.reshape(count, width)
        return result

    def arrays(self, prefix: str) -> dict[str, Any]:
        """Everything by name, for a file of arrays."""
        names = ("roots", "signal", "threshold", "left", "right", "value", "start", "depth")
        return {f"{prefix}_{name}": getattr(self, name) for name in names}

    @classmethod
    def from_arrays(cls, arrays: Any, prefix: str) -> Trees:
        """What `arrays` gave."""
        names = ("roots", "signal", "threshold", "left", "right", "value")
        start, depth = float(arrays[f"{prefix}_start"]), int(arrays[f"{prefix}_depth"])
        return cls(**{name: arrays[f"{prefix}_{name}"] for name in names}, start=start, depth=depth)
