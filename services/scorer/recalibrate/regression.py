"""A ridge-penalised logistic regression that starts from "the scorer is right".

The penalised likelihood is maximised by iteratively reweighted least squares (Newton's method; Hastie,
Tibshirani and Friedman, The Elements of Statistical Learning, 2nd ed., 4.4.1). The penalty draws the
intercept to 0, the slope to 1 and the weights to 0, so that few requests change little.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from services.scorer.recalibrate.sample import Floats, Sample
from services.scorer.tuning import FARTHEST, Correction

FOLDS = 5
WEIGHTLESS = math.inf
"""The penalty with which no signal has a weight: only intercept and slope change."""
PENALTIES = (WEIGHTLESS, 1000.0, 300.0, 100.0, 30.0, 10.0, 3.0)
"""On the squared weights of standardised signals, the simplest correction first."""

_INTERCEPT_PENALTY = 0.25  # a prior deviation of 2 in log-odds
_SLOPE_PENALTY = 4.0  # a prior deviation of one half
_LEAST_SLOPE = 0.1  # a correction never turns the scorer's order around
_SEEN_AT_LEAST = 20  # requests in which a signal must differ from its usual value
_ROUNDS, _CLOSE_ENOUGH = 50, 1e-8


@dataclass(frozen=True)
class Scaling:
    """How signals are standardised; `columns` are the places of `names` in a sample."""

    names: tuple[str, ...]
    columns: tuple[int, ...]
    means: Floats
    scales: Floats

    def of(self, sample: Sample) -> Floats:
        """The standardised signals, n by the number of names."""
        chosen = sample.signals[:, list(self.columns)]
        return np.clip((chosen - self.means) / self.scales, -FARTHEST, FARTHEST)


@dataclass(frozen=True)
class Regression:
    """Intercept, slope and weights of standardised signals; the identity has 0, 1 and none."""

    intercept: float
    slope: float
    weights: Floats

    def odds(self, odds: Floats, standardised: Floats) -> Floats:
        """The corrected log-odds."""
        return self.intercept + self.slope * odds + standardised @ self.weights

    def correction(self, scaling: Scaling) -> Correction:
        """The same as the tuning file has it, without signals that have no weight."""
        kept = [index for index, weight in enumerate(self.weights) if abs(weight) > 1e-6]
        names = [scaling.names[index] for index in kept]
        return Correction(
            round(self.intercept, 6),
            round(self.slope, 6),
            _named(names, self.weights[kept]),
            _named(names, scaling.means[kept]),
            _named(names, scaling.scales[kept]),
        )


def scaling_of(sample: Sample) -> Scaling:
    """Means and deviations of the signals that vary enough to learn from."""
    means, scales = sample.signals.mean(axis=0), sample.signals.std(axis=0)
    usual = np.median(sample.signals, axis=0) if len(sample) else means
    seen = (np.abs(sample.signals - usual) > 1e-12).sum(axis=0)
    columns = np.flatnonzero((scales > 1e-9) & (seen >= _SEEN_AT_LEAST))
    names = tuple(sample.names[column] for column in columns)
    return Scaling(names, tuple(map(int, columns)), means[columns], scales[columns])


def fit(odds: Floats, standardised: Floats, worse: Floats, penalty: float) -> Regression:
    """The regression of `worse` (0 to 1) on the scorer's log-odds and the signals."""
    width = 0 if penalty == WEIGHTLESS else standardised.shape[1]
    columns = [np.ones_like(odds), odds, *standardised.T[:width]]
    prior = np.array([0.0, 1.0, *np.zeros(width)])
    ridge = np.array([_INTERCEPT_PENALTY, _SLOPE_PENALTY, *np.full(width, penalty if width else 0.0)])
    solution = _maximise(np.column_stack(columns), np.zeros_like(odds), worse, prior, ridge)
    if solution[1] < _LEAST_SLOPE:
        free = np.arange(len(prior)) != 1
        design = np.column_stack(columns)[:, free]
        rest = _maximise(design, _LEAST_SLOPE * odds, worse, prior[free], ridge[free])
        solution = np.insert(rest, 1, _LEAST_SLOPE)
    weights = np.zeros(standardised.shape[1])
    weights[:width] = solution[2:]
    return Regression(float(solution[0]), float(solution[1]), weights)


def identity(width: int) -> Regression:
    """The regression that changes nothing."""
    return Regression(0.0, 1.0, np.zeros(width))


def out_of_fold(sample: Sample, scaling: Scaling, penalty: float | None) -> Floats:
    """The corrected log-odds of each request by a fit to the other folds; uncorrected for a penalty of None."""
    if penalty is None:
        return sample.odds
    standardised, fold = scaling.of(sample), folds(sample)
    odds = np.empty(len(sample))
    for number in range(FOLDS):
        inside = fold == number
        learn = ~inside & sample.known
        fitted = fit(sample.odds[learn], standardised[learn], sample.worse[learn], penalty)
        odds[inside] = fitted.odds(sample.odds[inside], standardised[inside])
    return odds


def choose_penalty(sample: Sample, scaling: Scaling) -> float | None:
    """The penalty of the simplest correction whose out-of-fold loss is within one standard error of the best.

    None when that is no correction at all. The rule of one standard error is Breiman's (Hastie et al., 7.10).
    """
    known = sample.known
    worse = sample.worse[known]
    candidates: tuple[float | None, ...] = (None, *PENALTIES)
    losses = [log_loss(out_of_fold(sample, scaling, penalty)[known], worse) for penalty in candidates]
    best = min(losses, key=lambda loss: float(loss.mean()))
    for penalty, loss in zip(candidates, losses, strict=True):
        excess = loss - best
        if excess.mean() <= excess.std() / math.sqrt(max(len(excess), 1)):
            return penalty
    raise AssertionError("the best is within one standard error of itself")


def log_loss(odds: Floats, worse: Floats) -> Floats:
    """The negative log-likelihood of each request, in nats."""
    loss: Floats = np.logaddexp(0.0, odds) - worse * odds
    return loss


def folds(sample: Sample) -> Floats:
    """The fold, from 0 to FOLDS - 1, that each request belongs to; independent of the choice held back."""
    return np.floor(sample.chance * 1e6 % 1 * FOLDS)


def _maximise(design: Floats, offset: Floats, worse: Floats, prior: Floats, ridge: Floats) -> Floats:
    solution = prior.copy()
    value = _objective(design, offset, worse, prior, ridge, solution)
    for _ in range(_ROUNDS):
        mean = _sigmoid(design @ solution + offset)
        gradient = design.T @ (mean - worse) + ridge * (solution - prior)
        curvature = (design * (mean * (1 - mean))[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while (new := _objective(design, offset, worse, prior, ridge, solution - size * step)) > value and size > 1e-4:
            size /= 2
        solution = solution - size * step
        if value - new < _CLOSE_ENOUGH:
            break
        value = new
    return solution


def _objective(design: Floats, offset: Floats, worse: Floats, prior: Floats, ridge: Floats, solution: Floats) -> float:
    loss = log_loss(design @ solution + offset, worse).sum()
    return float(loss + 0.5 * (ridge * (solution - prior) ** 2).sum())


def _sigmoid(odds: Floats) -> Floats:
    result: Floats = 0.5 * (1 + np.tanh(odds / 2))
    return result


def _named(names: list[str], values: Floats) -> dict[str, float]:
    return {name: float(f"{value:.6g}") for name, value in zip(names, values, strict=True)}
