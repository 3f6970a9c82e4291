"""Regression trees as arrays, and the model that is shipped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from services.scorer.complexity.model import EXPERTS, WEIGHTS, Model, Reading, load_model
from services.scorer.complexity.signals import GROUP_OF_SIGNAL, GROUPS, SIGNALS, read_signals
from services.scorer.complexity.slopes import BOUND, Slopes
from services.scorer.complexity.text import Text
from services.scorer.complexity.trees import Trees


def stumps() -> Trees:
    """Two trees: x0 <= 1 ? -1 : (x1 <= 0 ? 1 : 3), and x1 <= 5 ? 0.5 : -0.5; half of the rows went each way."""
    return Trees(
        roots=np.array([0, 5], np.int32),
        signal=np.array([0, 0, 1, 0, 0, 1, 0, 0], np.int32),
        threshold=np.array([1, np.inf, 0, np.inf, np.inf, 5, np.inf, np.inf], np.float32),
        left=np.array([1, 1, 3, 3, 4, 6, 6, 7], np.int32),
        right=np.array([2, 1, 4, 3, 4, 7, 6, 7], np.int32),
        value=np.array([0.5, -1, 2, 1, 3, 0, 0.5, -0.5], np.float32),
        start=0.5,
        depth=2,
    )


@pytest.mark.parametrize(
    ("row", "added"),
    [((0.0, 9.0), (-1.5, -0.5)), ((2.0, 0.0), (1.5, -0.5)), ((2.0, 1.0), (1.5, 1.5)), ((1.0, 5.0), (-1.5, 0.5))],
)
def test_each_split_counts_for_its_signal(row: tuple[float, float], added: tuple[float, float]) -> None:
    assert stumps().contributions(np.array([row]))[0] == pytest.approx(added)


def test_rows_at_once_equal_rows_alone() -> None:
    rows = np.array([[0.0, 9.0], [2.0, 0.0], [2.0, 1.0]])
    together = stumps().contributions(rows)
    for index in range(len(rows)):
        assert together[index] == pytest.approx(stumps().contributions(rows[index : index + 1])[0])


def test_slopes_count_each_signal_in_standard_deviations() -> None:
    slopes = Slopes.standardising(np.array([[0.0, 7.0], [4.0, 7.0]]))
    assert slopes.contributions(np.array([[4.0, 7.0], [0.0, 8.0]])) == pytest.approx(np.array([[1, 0], [-1, 1]]))


def test_a_signal_beyond_all_of_training_moves_no_further_than_the_bound() -> None:
    slopes = Slopes.standardising(np.array([[0.0], [4.0]]))
    assert slopes.contributions(np.array([[1e6], [-1e6]])) == pytest.approx(np.array([[BOUND], [-BOUND]]))


def test_judgement_is_the_sum_of_what_it_says() -> None:
    model = load_model()
    for prompt in ("Prove it.", "What is 2+2?\nA. 3\nB. 4", "def f(x): return x", ""):
        (judged,) = model.judge([Reading.of(prompt)])
        assert judged.raw == pytest.approx(judged.start + judged.wording + judged.effects.sum())
        assert judged.gates.sum() == pytest.approx(1)
        assert 0 <= judged.complexity <= 1


def test_saved_model_says_the_same(tmp_path: Path) -> None:
    load_model().save(tmp_path / "weights.npz")
    readings = [Reading.of("Plan a birthday party"), Reading.of("Invert a binary tree")]
    again = Model.load(tmp_path / "weights.npz").judge(readings)
    assert [one.raw for one in again] == pytest.approx([one.raw for one in load_model().judge(readings)])


def test_weights_are_small_and_described() -> None:
    manifest = json.loads(WEIGHTS.with_name("manifest.json").read_text("utf-8"))
    assert WEIGHTS.stat().st_size < 5_000_000
    assert set(manifest["rows"]) == set(EXPERTS)
    assert manifest["novelty_limit"] == pytest.approx(load_model().novelty_limit, abs=1e-4)


def test_calibration_rises() -> None:
    at, probability = load_model().calibration
    assert (np.diff(at) >= 0).all()
    assert (np.diff(probability) >= 0).all()


def test_answers_that_differ_in_a_word_are_alike() -> None:
    def alike(*answers: str) -> dict[str, float]:
        choices = "\n".join(f"{letter}. {answer}" for letter, answer in zip("ABCD", answers, strict=False))
        return read_signals(Text.of(f"Which one?\n{choices}"))

    near, far = alike("the left side", "the right side"), alike("copper", "a treaty of peace")
    assert near["choices_alike"] == pytest.approx(2 / 4)
    assert near["choices_shared"] == pytest.approx(2 / 3)
    assert far["choices_alike"] == far["choices_shared"] == 0
    assert alike("12", "3.5 m")["choices_numeric"] == 1
    assert alike()["choices_alike"] == alike("only one")["choices_alike"] == 0


def test_every_signal_belongs_to_a_group() -> None:
    assert len(GROUP_OF_SIGNAL) == len(SIGNALS)
    named = {SIGNALS[i]: GROUPS[group][0] for i, group in enumerate(GROUP_OF_SIGNAL)}
    assert named["loops"] == "code"
    assert named["choices"] == "choices"
    assert named["script_hangul"] == "language"


def test_signals_of_code_and_choices() -> None:
    code = read_signals(Text.of("```python\nfor x in y:\n    if x:\n        return x\n```"))
    assert code["code_fences"] > 0
    assert code["loops"] == pytest.approx(np.log1p(1))
    quiz = read_signals(Text.of("Which?\nA. one 1\nB. two 2\nC. three 3"))
    assert quiz["choices"] == pytest.approx(np.log1p(3))
    assert quiz["choice_numbers"] == pytest.approx(np.log1p(3))
