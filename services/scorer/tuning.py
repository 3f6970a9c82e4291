"""What was learned from one's own traffic: a correction of the complexity, and thresholds to go with it.

The file is written by `python -m services.scorer.recalibrate --apply`. Removing it undoes all of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from services.runtime import ConfigError
from services.scorer.score import Factor, Score

VERSION = 1
FARTHEST = 5.0
"""Deviations from its mean that a signal counts for at most: nothing is known of prompts beyond."""
SURE = 0.001
"""A complexity is taken to be at least this and at most 1 less this, where it is turned into log-odds."""
_NOTICEABLE = 0.02
_THRESHOLDS = ("small", "medium", "large")
_TOP_FIELDS = frozenset({"version", "made_at", "evidence", "thresholds", "correction"})


@dataclass(frozen=True)
class Correction:
    """A logistic regression on the log-odds of the complexity and on standardised signals."""

    intercept: float = 0.0
    slope: float = 1.0
    weights: Mapping[str, float] = field(default_factory=dict)
    means: Mapping[str, float] = field(default_factory=dict)
    scales: Mapping[str, float] = field(default_factory=dict)

    def apply(self, complexity: float, signals: Mapping[str, float]) -> float:
        """The corrected complexity, from 0 to 1. A signal that is missing is 0; without any, none counts."""
        odds = self.intercept + self.slope * log_odds(complexity)
        if signals:
            odds += math.fsum(
                weight * deviation(signals.get(name, 0.0), self.means[name], self.scales[name])
                for name, weight in self.weights.items()
            )
        return probability(odds)


@dataclass(frozen=True)
class Tuning:
    """A tuning file: what it changes, when it was made (UTC), and the figures that it was made from."""

    made_at: datetime
    evidence: Mapping[str, Any] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    correction: Correction | None = None

    def apply(self, complexity: float, signals: Mapping[str, float]) -> float:
        """The complexity as this traffic has it; unchanged when there is no correction."""
        return complexity if self.correction is None else self.correction.apply(complexity, signals)

    def without_thresholds(self) -> Tuning:
        """The correction alone."""
        return replace(self, thresholds={})

    def document(self) -> dict[str, Any]:
        """The tuning as its file has it."""
        document: dict[str, Any] = {
            "version": VERSION,
            "made_at": self.made_at.isoformat(),
            "evidence": dict(self.evidence),
        }
        if self.thresholds:
            document["thresholds"] = dict(self.thresholds)
        if self.correction is not None:
            document["correction"] = asdict(self.correction)
        return document


def tune(score: Score, tuning: Tuning | None) -> Score:
    """The score as this traffic has it, with a factor `own_traffic` when that is noticeably another one."""
    if tuning is None:
        return score
    complexity = round(tuning.apply(score.complexity, score.signals), 4)
    moved = round(complexity - score.complexity, 4)
    if abs(moved) < _NOTICEABLE:
        return replace(score, complexity=complexity)
    which = "less well" if moved > 0 else "better"
    factor = Factor("own_traffic", moved, f"local models did {which} than usual with such prompts here")
    return replace(score, complexity=complexity, factors=(*score.factors, factor))


def log_odds(complexity: float) -> float:
    """ln(p / (1 - p)), with p kept a thousandth away from 0 and 1."""
    inside = min(max(complexity, SURE), 1 - SURE)
    return math.log(inside / (1 - inside))


def probability(odds: float) -> float:
    """The inverse of `log_odds` for any number, without overflow."""
    if odds >= 0:
        return 1 / (1 + math.exp(-odds))
    return math.exp(odds) / (1 + math.exp(odds)) if odds > -700 else 0.0


def deviation(value: float, mean: float, scale: float) -> float:
    """How many scales a signal is off its mean, at most FARTHEST either way."""
    return min(max((value - mean) / scale, -FARTHEST), FARTHEST)


def read_tuning(path: Path) -> Tuning | None:
    """The tuning in a file, None when there is no file; ConfigError names SCORER_TUNING_FILE and what is wrong."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ConfigError("SCORER_TUNING_FILE", f"{path}: {error}") from None
    try:
        return parse_tuning(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise ConfigError("SCORER_TUNING_FILE", f"{path}: {error or type(error).__name__}") from None


def parse_tuning(document: Any) -> Tuning:
    """The tuning of a JSON document; ValueError names the field that is wrong."""
    fields = _table(document, "the document")
    unknown = set(fields) - _TOP_FIELDS
    if unknown:
        raise ValueError(f"unknown field {min(unknown)}")
    if fields.get("version") != VERSION:
        raise ValueError(f"version must be {VERSION}, not {fields.get('version')!r}")
    return Tuning(
        made_at=_moment(fields.get("made_at")),
        evidence=_table(fields.get("evidence", {}), "evidence"),
        thresholds=_thresholds(_table(fields.get("thresholds", {}), "thresholds")),
        correction=_correction(fields["correction"]) if fields.get("correction") is not None else None,
    )


def _moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError("made_at must be a time with its zone, such as 2026-11-22T03:10:11+00:00")
    return moment


def _thresholds(given: dict[str, Any]) -> dict[str, float]:
    limits = {name: _number(value, f"thresholds.{name}") for name, value in given.items()}
    if limits.keys() != set(_THRESHOLDS) and limits:
        raise ValueError("thresholds must have small, medium and large, and nothing else")
    values = [limits[name] for name in _THRESHOLDS if limits]
    if any(not 0 <= value <= 1 for value in values) or sorted(values) != values:
        raise ValueError("thresholds must lie from 0 to 1 and rise from small to large")
    return limits


def _correction(given: Any) -> Correction:
    fields = _table(given, "correction")
    if fields.keys() != {"intercept", "slope", "weights", "means", "scales"}:
        raise ValueError("correction must have intercept, slope, weights, means and scales, and nothing else")
    tables = {
        name: {key: _number(value, f"correction.{name}.{key}") for key, value in _table(fields[name], name).items()}
        for name in ("weights", "means", "scales")
    }
    if not tables["weights"].keys() == tables["means"].keys() == tables["scales"].keys():
        raise ValueError("correction.weights, means and scales must be about the same signals")
    if any(scale <= 0 for scale in tables["scales"].values()):
        raise ValueError("correction.scales must be above 0")
    slope = _number(fields["slope"], "correction.slope")
    if slope <= 0:
        raise ValueError("correction.slope must be above 0")
    return Correction(_number(fields["intercept"], "correction.intercept"), slope, **tables)


def _table(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be an object")
    return value


def _number(value: Any, name: str) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number")
    return float(value)
