"""The regression, held against known answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from services.scorer.recalibrate.regression import (
    WEIGHTLESS,
    choose_penalty,
    fit,
    log_loss,
    out_of_fold,
    scaling_of,
)
from services.scorer.recalibrate.sample import Floats, sample_of
from services.scorer.recalibrate.traffic import Request
from services.scorer.tuning import Correction, probability
from tests.unit.scorer.recalibrate.simulated_user import PURE_NOISE, TWO_FAMILIES, requests_of


def drawn(count: int, seed: int = 0) -> tuple[Floats, Floats, Floats]:
    """Log-odds, signals and outcomes with intercept -1, slope 0.7 and weights 0.8 and 0."""
    random = np.random.default_rng(seed)
    odds, signals = random.normal(size=count), random.normal(size=(count, 2))
    true = -1 + 0.7 * odds + 0.8 * signals[:, 0]
    return odds, signals, (random.random(count) < 1 / (1 + np.exp(-true))).astype(float)


def test_many_requests_give_the_true_coefficients_back() -> None:
    fitted = fit(*drawn(40_000), penalty=1.0)
    assert fitted.intercept == pytest.approx(-1, abs=0.05)
    assert fitted.slope == pytest.approx(0.7, abs=0.05)
    assert fitted.weights == pytest.approx([0.8, 0.0], abs=0.05)


def test_the_solution_is_where_the_penalised_loss_is_least() -> None:
    odds, signals, worse = drawn(300)
    fitted = fit(odds, signals, worse, penalty=5.0)

    def loss(values: Floats) -> float:
        intercept, slope, *weights = values
        corrected = intercept + slope * odds + signals @ np.array(weights)
        penalty = 0.25 * intercept**2 + 4 * (slope - 1) ** 2 + 5 * sum(weight**2 for weight in weights)
        return float(log_loss(corrected, worse).sum() + penalty / 2)

    best = np.array([fitted.intercept, fitted.slope, *fitted.weights])
    for index in range(len(best)):
        for step in (-0.01, 0.01):
            moved = best.copy()
            moved[index] += step
            assert loss(moved) > loss(best)


def test_without_requests_nothing_changes_and_few_change_little() -> None:
    none = fit(np.zeros(0), np.zeros((0, 2)), np.zeros(0), penalty=1.0)
    assert (none.intercept, none.slope, list(none.weights)) == (0.0, 1.0, [0.0, 0.0])
    few = fit(np.zeros(3), np.ones((3, 2)), np.zeros(3), penalty=100.0)
    assert np.abs(few.weights).max() < 0.02


def test_a_scorer_that_is_always_wrong_is_ignored_and_not_turned_around() -> None:
    odds, signals, _ = drawn(2_000)
    fitted = fit(odds, signals, (odds < 0).astype(float), penalty=1.0)
    assert fitted.slope == pytest.approx(0.1)


def test_separable_requests_have_a_finite_solution() -> None:
    odds = np.linspace(-3, 3, 200)
    fitted = fit(odds, odds[:, None], (odds > 0).astype(float), penalty=3.0)
    assert np.isfinite([fitted.intercept, fitted.slope, *fitted.weights]).all()


def test_without_weights_only_intercept_and_slope_change() -> None:
    fitted = fit(*drawn(2_000), penalty=WEIGHTLESS)
    assert list(fitted.weights) == [0.0, 0.0]
    assert fitted.intercept < -0.5


def test_the_correction_in_a_tuning_file_is_the_fitted_one() -> None:
    sample = sample_of(requests_of(TWO_FAMILIES, 800))
    scaling = scaling_of(sample)
    fitted = fit(sample.odds, scaling.of(sample), sample.worse, penalty=10.0)
    correction: Correction = fitted.correction(scaling)
    corrected = fitted.odds(sample.odds, scaling.of(sample))
    for row in range(0, 800, 37):
        signals = dict(zip(sample.names, sample.signals[row], strict=True))
        expected = probability(float(corrected[row]))
        assert correction.apply(float(sample.complexity[row]), signals) == pytest.approx(expected, abs=1e-4)


def test_signals_that_hardly_vary_are_left_out() -> None:
    def request(index: int) -> Request:
        rare = {"rare": 1.0} if index < 19 else {}
        return Request(str(index), 0.5, {"same": 3.0, "varies": float(index % 7), **rare}, 1.0)

    assert scaling_of(sample_of([request(index) for index in range(300)])).names == ("varies",)


def test_a_family_that_the_scorer_does_not_see_is_worth_weights() -> None:
    sample = sample_of(requests_of(TWO_FAMILIES, 3_000))
    penalty = choose_penalty(sample, scaling_of(sample))
    assert penalty is not None
    assert penalty < WEIGHTLESS


def test_where_the_scorer_is_right_nothing_is_chosen() -> None:
    random = np.random.default_rng(5)
    requests = []
    for index in range(3_000):
        odds = float(random.normal())
        signals = {f"signal_{number}": float(random.normal()) for number in range(10)}
        fails = random.random() < probability(odds)
        requests.append(Request(str(index), probability(odds), signals, 0.0 if fails else 1.0))
    sample = sample_of(requests)
    assert choose_penalty(sample, scaling_of(sample)) is None


def test_predictions_out_of_fold_know_nothing_of_the_request_itself() -> None:
    sample = sample_of(requests_of(PURE_NOISE, 400))
    scaling = scaling_of(sample)
    weak = sample.weak.copy()
    weak[-1] = 1 - weak[-1]
    before, after = (out_of_fold(one, scaling, 3.0) for one in (sample, replace(sample, weak=weak)))
    assert after[-1] == before[-1]
    assert np.abs(after - before).max() > 0
