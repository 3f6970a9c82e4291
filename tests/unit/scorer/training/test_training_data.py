"""What the scorer is trained on, and how its order of prompts is measured."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.scorer.training.data import Row, fold_of, held_out_cases, load_training, without_overlap
from services.scorer.training.metrics import apgr, bootstrap, cpt


def row(prompt: str) -> Row:
    return Row(prompt, "everyday", "en", 0.5)


def test_rows_that_begin_like_an_evaluation_prompt_are_dropped() -> None:
    begin = " ".join(f"w{i}" for i in range(40))
    rows = [row(f"{begin} and then one thing"), row("quite another")]
    assert [r.prompt for r in without_overlap(rows, [f"{begin} and then something else"])] == ["quite another"]


def test_rows_that_share_a_fifth_of_their_10_grams_are_dropped() -> None:
    passage = " ".join(f"p{i}" for i in range(14))  # 5 of the 24 10-grams of the first row
    rows = [
        row("x " * 1 + passage + " " + " ".join(f"q{i}" for i in range(9))),
        row(" ".join(f"r{i}" for i in range(30))),
    ]
    assert list(without_overlap(rows, [f"before {passage} after"])) == rows[1:]


def test_wording_that_many_rows_share_is_no_overlap() -> None:
    instruction = " ".join(f"i{i}" for i in range(45))
    rows = [row(f"{instruction} task number {n}") for n in range(8)]
    assert list(without_overlap(rows, [f"{instruction} quite another task"])) == rows


def test_no_training_prompt_is_a_held_out_case() -> None:
    cases = {case.prompt for case in held_out_cases()}
    files = (Path(__file__).parents[4] / "services/scorer/training/prompts").glob("*.jsonl")
    prompts = [json.loads(line)["prompt"] for path in files for line in path.read_text("utf-8").splitlines()]
    assert len(prompts) > 4_000
    dropped = len(prompts) - len(list(without_overlap(map_rows(prompts), cases)))
    assert dropped <= 10  # the training drops them


def map_rows(prompts: list[str]) -> list[Row]:
    return [row(prompt) for prompt in prompts]


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(one) + "\n" for one in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, "utf-8")


def outcome(prompt: str, task: str = "mbpp", weak: float = 0.0, strong: float = 1.0) -> dict[str, Any]:
    return {"prompt": prompt, "family": "llmrouter", "task": task, "weak": weak, "strong": strong}


def test_rows_without_a_licence_are_left_out_and_gains_become_probabilities(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl.gz", [outcome("one"), outcome("two", task="trivia_qa"), outcome("three", strong=0.0)])
    write(tmp_path / "gold.jsonl.gz", [outcome("four")])
    graded = tmp_path / "graded"
    graded.mkdir()
    write(graded / "a.jsonl", [{"prompt": "five", "difficulty": 0.97, "kind": "math", "language": "en"}])
    sources = load_training(tmp_path, [], graded)
    assert [(r.prompt, r.source) for r in sources.rows] == [
        ("one", "benchmarks"),
        ("three", "benchmarks"),
        ("four", "exam"),
        ("five", "everyday"),
    ]
    assert [r.target for r in sources.rows] == pytest.approx([0.87, 0.12, 0.87, 0.98])
    assert sources.dropped == {"no licence stated": 1, "in the evaluation": 0}
    assert set(sources.hashes) == {"train.jsonl.gz", "gold.jsonl.gz", "a.jsonl"}


def test_near_duplicates_share_a_fold() -> None:
    begin = " ".join(f"w{i}" for i in range(40))
    assert fold_of(f"{begin} one", 5) == fold_of(f"{begin} two", 5)
    assert {fold_of(f"prompt {i}", 5) for i in range(60)} == set(range(5))


def test_metrics_by_hand() -> None:
    gain = [1, 0, 1, 0]
    assert apgr(gain, [4, 3, 2, 1]) == pytest.approx((0 + 0.5) / 2 / 4 + 0.5 / 4 + 0.75 / 4 + 1 / 4)
    assert apgr(gain, [1, 1, 1, 1]) == pytest.approx(0.5)
    assert cpt(gain, [4, 3, 2, 1], 50) == pytest.approx(25)
    assert cpt(gain, [4, 3, 2, 1], 80) == pytest.approx(50 + 25 * 0.3 / 0.5)
    assert np.isnan(apgr([0, 0], [1, 2]))
    assert np.isnan(cpt([0, 0], [1, 2], 50))


def test_interval_holds_the_value_and_narrows_with_more_prompts() -> None:
    rng = np.random.default_rng(1)
    gain = rng.random(2_000)
    score = gain + rng.random(2_000)
    low, high = bootstrap(apgr, gain, score, rounds=100)
    assert low < apgr(gain, score) < high
    few_low, few_high = bootstrap(apgr, gain[:100], score[:100], rounds=100)
    assert few_high - few_low > high - low
