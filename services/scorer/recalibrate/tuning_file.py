"""The tuning file, written for a scorer that may read it at any moment."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

from services.scorer.recalibrate.proposal import Proposal
from services.scorer.recalibrate.report import Counts, comparison_document
from services.scorer.tuning import Tuning, parse_tuning


def tuning_of(counts: Counts, proposal: Proposal, now: datetime) -> Tuning:
    """The tuning that puts a proposal into force."""
    if proposal.thresholds is None:
        raise ValueError("a proposal without a change makes no tuning")
    evidence = {
        "rows": counts.requests,
        "local_rows": counts.local,
        "known_rows": counts.known,
        "goal": proposal.goal.text(),
        "held_back": comparison_document(proposal.comparison),
    }
    return Tuning(now, evidence, vars(proposal.thresholds), proposal.correction)


def write_tuning(tuning: Tuning, path: Path) -> None:
    """Put the tuning into `path` at once, readable by its owner only; OSError when that fails."""
    text = json.dumps(tuning.document(), indent=2, allow_nan=False) + "\n"
    parse_tuning(json.loads(text))  # never leave a file that the scorer refuses
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
