"""Fitting the model: linear heads, trees, slopes, their blend, the gate, the calibration, the set of seen words.

What is fitted on top of another part is fitted on that part's predictions for rows it was not trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

from services.scorer.complexity.model import EXPERTS, Model, Reading
from services.scorer.complexity.ngrams import BUCKETS, WORD_HASH_BITS
from services.scorer.complexity.signals import signal_row
from services.scorer.complexity.slopes import Slopes
from services.scorer.complexity.trees import Trees
from services.scorer.training.data import Row, fold_of

Floats = NDArray[np.float64]

FOLDS: Final = 5
_PENALTY: Final = {"benchmarks": 5.0, "exam": 20.0, "everyday": 0.5}
_GATE_PENALTY: Final = 1.0
_SLOPE_PENALTY: Final = {"benchmarks": 300.0, "exam": 3000.0, "everyday": 300.0}
# The labels of the benchmarks are a few noisy answers each, so that their trees must be held back more than those
# of the grades; and there are too few of the exam for any tree: each that was tried ordered unseen rows worse.
_TREES: Final[dict[str, dict[str, Any]]] = {
    "benchmarks": {
        "max_iter": 250,
        "max_leaf_nodes": 15,
        "min_samples_leaf": 100,
        "learning_rate": 0.04,
        "l2_regularization": 50.0,
        "max_features": 0.1,
    },
    "everyday": {
        "max_iter": 100,
        "max_leaf_nodes": 8,
        "min_samples_leaf": 15,
        "learning_rate": 0.1,
        "l2_regularization": 5.0,
        "max_features": 0.3,
    },
}
_ALL_TREES: Final[dict[str, Any]] = {"max_depth": 6, "early_stopping": False}
_KNOTS: Final = 33
_NOVEL_SHARE: Final = 0.01  # of the training prompts themselves, each seen without itself, may count as novel
_NOVELTY_FLOOR: Final = 0.5


@dataclass(frozen=True)
class Fitted:
    """The model, and for every row what it says without having been trained on it (cross-validation)."""

    model: Model
    unseen: Floats


def fit_model(rows: Sequence[Row], seed: int) -> Fitted:
    """Train on `rows`; about two minutes on one core for 12,000 rows."""
    data = _Prepared.of(rows)
    heads, heads_unseen = _fit_heads(data)
    trees, trees_unseen = _fit_trees(data, seed)
    slopes, slopes_unseen = _fit_slopes(data)
    parts = np.stack([heads_unseen[:, : len(EXPERTS)], trees_unseen, slopes_unseen], axis=2)
    blends = np.stack([_blend(data, expert, parts[:, expert]) for expert in range(len(EXPERTS))])
    experts = blends[:, 0] + (parts * blends[:, 1:]).sum(axis=2)
    outputs = heads_unseen[:, len(EXPERTS) :]
    gate = LogisticRegression(C=10.0, max_iter=500).fit(outputs, data.source)
    raw = (gate.predict_proba(outputs) * experts).sum(axis=1)
    calibration = _calibrate(raw, data)
    seen, limit = _seen_words(data)
    model = Model(
        heads=heads[:-1].astype(np.float32),
        intercepts=heads[-1],
        blends=blends,
        gate_weights=gate.coef_.T,
        gate_intercepts=gate.intercept_,
        trees=trees,
        slopes=slopes,
        calibration=calibration,
        seen=seen,
        novelty_limit=limit,
    )
    return Fitted(model, np.interp(raw, calibration[0], calibration[1]))


@dataclass(frozen=True)
class _Prepared:
    """The rows as arrays: n-grams (sparse), signals, targets, the number of the source, the fold."""

    ngrams: Any
    signals: Floats
    target: Floats
    source: NDArray[np.int64]
    fold: NDArray[np.int64]
    words: list[NDArray[np.int64]]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> _Prepared:
        readings = Reading.of_all([row.prompt for row in rows])
        ends = np.cumsum([0, *(len(reading.wording.ngrams.buckets) for reading in readings)])
        buckets = np.concatenate([reading.wording.ngrams.buckets for reading in readings])
        weights = np.concatenate([reading.wording.ngrams.weights for reading in readings])
        return cls(
            ngrams=csr_matrix((weights, buckets, ends), shape=(len(rows), BUCKETS)),
            signals=np.stack([signal_row(reading.signals) for reading in readings]),
            target=np.array([row.target for row in rows]),
            source=np.array([EXPERTS.index(row.source) for row in rows]),
            fold=np.array([fold_of(row.prompt, FOLDS) for row in rows]),
            words=[reading.wording.hashes for reading in readings],
        )


def _fit_heads(data: _Prepared) -> tuple[Floats, Floats]:
    """The weights of every head with the intercepts as last row, and the heads' outputs for unseen rows."""
    count = len(EXPERTS)
    weights, unseen = np.zeros((BUCKETS + 1, 2 * count)), np.zeros((len(data.target), 2 * count))
    for head in range(2 * count):
        is_gate = head >= count
        target = (data.source == head - count).astype(float) if is_gate else data.target
        own = np.ones(len(target), bool) if is_gate else data.source == head
        penalty = _GATE_PENALTY if is_gate else _PENALTY[EXPERTS[head]]
        for fold in range(FOLDS):
            part, out = own & (data.fold != fold), data.fold == fold
            unseen[out, head] = _ridge(data.ngrams[part], target[part], penalty).predict(data.ngrams[out])
        whole = _ridge(data.ngrams[own], target[own], penalty)
        weights[:, head] = np.append(whole.coef_, whole.intercept_)
    return weights, unseen


def _ridge(ngrams: Any, target: Floats, penalty: float) -> Ridge:
    return Ridge(alpha=penalty, solver="lsqr", tol=1e-3).fit(ngrams, target)


def _fit_trees(data: _Prepared, seed: int) -> tuple[tuple[Trees, ...], Floats]:
    unseen = np.zeros((len(data.target), len(EXPERTS)))
    trees = []
    for expert, name in enumerate(EXPERTS):
        own = data.source == expert
        if name not in _TREES:
            trees.append(_no_trees())
            continue
        for fold in range(FOLDS):
            part, out = own & (data.fold != fold), data.fold == fold
            unseen[out, expert] = _boost(name, data.signals[part], data.target[part], seed).predict(data.signals[out])
        trees.append(_as_arrays(_boost(name, data.signals[own], data.target[own], seed)))
    return tuple(trees), unseen


def _boost(name: str, signals: Floats, target: Floats, seed: int) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(**_TREES[name], **_ALL_TREES, random_state=seed).fit(signals, target)


def _no_trees() -> Trees:
    none, nothing = np.zeros(0, np.int32), np.zeros(0, np.float32)
    return Trees(none, none, nothing, none, none, nothing, start=0.0, depth=0)


def _as_arrays(fitted: HistGradientBoostingRegressor) -> Trees:
    """The trees of scikit-learn's boosting, all in one row of nodes."""
    parts = [predictor.nodes for (predictor,) in fitted._predictors]
    roots = np.cumsum([0, *(len(nodes) for nodes in parts[:-1])])
    nodes = np.concatenate(parts)
    base = np.repeat(roots, [len(one) for one in parts])
    leaf, own = nodes["is_leaf"].astype(bool), np.arange(len(nodes))
    left = np.where(leaf, own, nodes["left"] + base)
    right = np.where(leaf, own, nodes["right"] + base)
    value = np.where(leaf, nodes["value"], 0.0)
    # Children come after their parents: from the end on, a parent's mean is that of its children.
    for index in np.flatnonzero(~leaf)[::-1]:
        low, high = left[index], right[index]
        share = nodes["count"][low] / (nodes["count"][low] + nodes["count"][high])
        value[index] = share * value[low] + (1 - share) * value[high]
    return Trees(
        roots=roots.astype(np.int32),
        signal=np.where(leaf, 0, nodes["feature_idx"]).astype(np.int32),
        threshold=np.where(leaf, np.inf, nodes["num_threshold"]).astype(np.float32),
        left=left.astype(np.int32),
        right=right.astype(np.int32),
        value=value.astype(np.float32),
        start=float(np.ravel(fitted._baseline_prediction)[0] + value[roots].sum()),
        depth=int(nodes["depth"].max()),
    )


def _fit_slopes(data: _Prepared) -> tuple[tuple[Slopes, ...], Floats]:
    unseen = np.zeros((len(data.target), len(EXPERTS)))
    slopes = []
    for expert, name in enumerate(EXPERTS):
        own = data.source == expert
        for fold in range(FOLDS):
            part, out = own & (data.fold != fold), data.fold == fold
            fitted = _slopes(name, data.signals[part], data.target[part])
            unseen[out, expert] = fitted.start + fitted.contributions(data.signals[out]).sum(axis=1)
        slopes.append(_slopes(name, data.signals[own], data.target[own]))
    return tuple(slopes), unseen


def _slopes(name: str, signals: Floats, target: Floats) -> Slopes:
    plain = Slopes.standardising(signals)
    fitted = Ridge(alpha=_SLOPE_PENALTY[name]).fit(plain.contributions(signals), target)
    return replace(plain, weight=fitted.coef_, start=float(fitted.intercept_))


def _blend(data: _Prepared, expert: int, parts: Floats) -> Floats:
    """Constant and weights of the head, the trees and the slopes that fit the expert's own unseen rows best."""
    own = data.source == expert
    fitted = LinearRegression(positive=True).fit(parts[own], data.target[own])
    return np.array([fitted.intercept_, *fitted.coef_])


def _calibrate(raw: Floats, data: _Prepared) -> Floats:
    """Knots of a rising curve from the mixture to the mean target, each source weighing the same."""
    weight = 1 / np.bincount(data.source)[data.source]
    curve = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(raw, data.target, sample_weight=weight)
    at = np.quantile(raw, np.linspace(0, 1, _KNOTS))
    smooth = np.polynomial.Polynomial.fit(at, curve.predict(at), 3)(at)
    rising = np.maximum.accumulate(np.clip(smooth, 0.0, 1.0) + np.arange(_KNOTS) * 1e-6)
    return np.stack([at, np.clip(rising, 0.0, 1.0)])


def _seen_words(data: _Prepared) -> tuple[NDArray[np.uint8], float]:
    """The set of the words of all rows, a bit a hash, and from which share of unseen words a prompt is novel."""
    rows_with = np.zeros(1 << WORD_HASH_BITS, dtype=np.int64)
    for words in data.words:
        rows_with[np.unique(words)] += 1
    shares = [float((rows_with[words] < 2).mean()) for words in data.words if len(words)]
    limit = max(_NOVELTY_FLOOR, float(np.quantile(shares, 1 - _NOVEL_SHARE)))
    return np.packbits(rows_with > 0, bitorder="little"), limit
