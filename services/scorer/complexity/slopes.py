"""Linear effects of signals, bounded so that a prompt unlike any in training moves the result no further."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

BOUND: Final = 2.5  # standard deviations


@dataclass(frozen=True)
class Slopes:
    """A sum over signals: each is standardised by `mean` and `scale`, held within BOUND, and times its `weight`."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weight: NDArray[np.float64]
    start: float

    @classmethod
    def standardising(cls, rows: NDArray[np.float64]) -> Slopes:
        """Slopes of weight 1 that standardise by `rows`, shape (n, signals); a signal that never varies stays as is."""
        scale = rows.std(axis=0)
        return cls(rows.mean(axis=0), np.where(scale > 1e-9, scale, 1.0), np.ones(rows.shape[1]), 0.0)

    def contributions(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """For rows of shape (n, signals) what each signal adds to `start`, in the same shape."""
        result: NDArray[np.float64] = self.weight * np.clip((rows - self.mean) / self.scale, -BOUND, BOUND)
        return result

    def arrays(self, prefix: str) -> dict[str, Any]:
        """Everything by name, for a file of arrays."""
        return {f"{prefix}_slope_{name}": getattr(self, name) for name in ("mean", "scale", "weight", "start")}

    @classmethod
    def from_arrays(cls, arrays: Any, prefix: str) -> Slopes:
        """What `arrays` gave."""
        mean, scale, weight = (arrays[f"{prefix}_slope_{name}"] for name in ("mean", "scale", "weight"))
        return cls(mean, scale, weight, float(arrays[f"{prefix}_slope_start"]))
