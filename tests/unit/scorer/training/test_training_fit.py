"""Training, on data small enough for a test: it must learn what can be learned, and only that."""

from __future__ import annotations

import random

import numpy as np
import pytest

from services.scorer.complexity.model import Reading
from services.scorer.training.data import Row
from services.scorer.training.fit import Fitted, fit_model


def rows(seed: int = 3) -> list[Row]:
    """Prompts of three kinds; within each the word "quasar" means hard and "muffin" easy."""
    rng = random.Random(seed)  # noqa: S311
    filler = ["river", "stone", "paper", "green", "walk", "early", "table", "north"]
    kinds = {"benchmarks": "def f(x): return x #", "exam": "Answer: A. B. C.", "everyday": "please tell me"}
    made = []
    for source, begin in kinds.items():
        for _ in range(120):
            hard = rng.random() < 0.5
            words = [*rng.sample(filler, 4), "quasar" if hard else "muffin"]
            rng.shuffle(words)
            target = 0.9 if hard else 0.1
            made.append(Row(f"{begin} {' '.join(words)} {rng.random():.6f}", source, "f", target, target))
    return made


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return fit_model(rows(), seed=0)


def test_it_learns_what_tells_hard_from_easy(fitted: Fitted) -> None:
    target = np.array([row.target for row in rows()])
    assert np.corrcoef(fitted.unseen, target)[0, 1] > 0.9
    hard, easy = fitted.model.judge(
        [Reading.of("please tell me of a quasar"), Reading.of("please tell me of a muffin")]
    )
    assert hard.complexity > 0.6 > 0.4 > easy.complexity


def test_it_tells_the_kinds_of_prompts_apart(fitted: Fitted) -> None:
    for expert, prompt in enumerate(("def f(x): return x # stone", "Answer: A. B. C. stone", "please tell me stone")):
        (judged,) = fitted.model.judge([Reading.of(prompt)])
        assert judged.gates.argmax() == expert


def test_unknown_words_are_novel(fitted: Fitted) -> None:
    known, unknown = (Reading.of("river stone quasar"), Reading.of("vrmbl grnz plokt"))
    assert fitted.model.novelty(known.wording.hashes) == 0
    assert fitted.model.novelty(unknown.wording.hashes) == 1
    assert 0.5 <= fitted.model.novelty_limit < 1


def test_same_seed_same_model(fitted: Fitted) -> None:
    again = fit_model(rows(), seed=0)
    assert np.array_equal(again.unseen, fitted.unseen)
