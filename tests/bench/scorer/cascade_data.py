"""The recorded answers: several local and frontier models on the same prompts, each answer graded."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scorer.checks.agreement import Agreement, compare_values
from services.scorer.checks.values import Value, read_value


@dataclass(frozen=True)
class Family:
    """The prompts of one kind. `values` and `local` have a row a prompt and a column a local model.

    `local` is the quality of each local answer, `strong` the mean quality of the frontier models, from 0 to 1.
    """

    name: str
    local_models: tuple[str, ...]
    prompts: tuple[str, ...]
    splits: tuple[str, ...]
    values: tuple[tuple[Value | None, ...], ...]
    local: NDArray[np.float64]
    strong: NDArray[np.float64]

    def of_split(self, split: str) -> Family:
        """Only the rows of a split of the data, such as "dev"."""
        rows = [row for row, name in enumerate(self.splits) if name == split]
        return Family(
            self.name,
            self.local_models,
            tuple(self.prompts[row] for row in rows),
            (split,) * len(rows),
            tuple(self.values[row] for row in rows),
            self.local[rows],
            self.strong[rows],
        )


def read_families(folder: Path) -> list[Family]:
    """The families of `folder`/cascade_dev.jsonl.gz; OSError when it cannot be read."""
    with gzip.open(folder / "cascade_dev.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = list(map(json.loads, file))
    return [
        _family(name, [row for row in rows if row["family"] == name]) for name in sorted({r["family"] for r in rows})
    ]


def agreements(family: Family, models: Sequence[str]) -> list[Agreement]:
    """The agreement of these models' answers to every prompt."""
    places = [family.local_models.index(model) for model in models]
    return [compare_values([row[place] for place in places]) for row in family.values]


def _family(name: str, rows: Sequence[dict[str, Any]]) -> Family:
    local = tuple(rows[0]["local_models"])
    if any(tuple(row["local_models"]) != local for row in rows):
        raise ValueError(f"the local models of {name} are not the same in every row")
    return Family(
        name,
        local,
        tuple(row["prompt"] for row in rows),
        tuple(row["split"] for row in rows),
        tuple(tuple(_value(row["models"][model]["answer"]) for model in local) for row in rows),
        np.array([[float(row["models"][model]["correct"]) for model in local] for row in rows]),
        np.array([np.mean([row["models"][model]["correct"] for model in row["frontier_models"]]) for row in rows]),
    )


def _value(answer: str | None) -> Value | None:
    return None if answer is None else read_value(answer)
