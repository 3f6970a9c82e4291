"""`python -m services.scorer.training DATA_FOLDER`: train, write weights and manifest, say how good they are."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from services.scorer.complexity.model import EXPERTS, WEIGHTS
from services.scorer.training.data import Row, Sources, held_out_cases, load_training, measured_rows
from services.scorer.training.fit import Fitted, fit_model
from services.scorer.training.metrics import apgr


def main(arguments: list[str] | None = None) -> int:
    """Train on a folder of outcomes; 2 when it cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m services.scorer.training", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with train.jsonl.gz, gold.jsonl.gz and dev.jsonl.gz")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="where the weights go (default: into the project)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    try:
        evaluation = [row.prompt for row in measured_rows(options.data / "dev.jsonl.gz", "benchmarks")]
        evaluation += [case.prompt for case in held_out_cases()]
        sources = load_training(options.data, evaluation)
    except (OSError, ValueError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    fitted = fit_model(sources.rows, options.seed)
    fitted.model.save(options.out)
    manifest = describe(sources, fitted, options.seed)
    options.out.with_name("manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    print(json.dumps(manifest["cross_validation"], indent=2))
    return 0


def describe(sources: Sources, fitted: Fitted, seed: int) -> dict[str, Any]:
    """What the weights were made from, and how good they are on rows they were not trained on."""
    rows = sources.rows
    return {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "files_sha256": sources.hashes,
        "rows": {name: sum(row.source == name for row in rows) for name in EXPERTS},
        "dropped": sources.dropped,
        "novelty_limit": round(fitted.model.novelty_limit, 4),
        "cross_validation": {name: _quality(rows, fitted, name) for name in EXPERTS},
    }


def _quality(rows: tuple[Row, ...], fitted: Fitted, source: str) -> dict[str, float]:
    own = [index for index, row in enumerate(rows) if row.source == source]
    said, target = fitted.unseen[own], np.array([rows[index].target for index in own])
    quality = {"correlation": float(np.corrcoef(said, target)[0, 1])}
    if source != "everyday":
        quality["apgr"] = apgr([rows[index].gain or 0.0 for index in own], said)
    return {name: round(value, 4) for name, value in quality.items()}


if __name__ == "__main__":
    sys.exit(main())
