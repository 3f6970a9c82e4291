"""The cascade report on a tiny made-up set of answers, where the figures can be worked out by hand."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench.scorer.cascade import main
from tests.bench.scorer.cascade_data import read_families
from tests.bench.scorer.cascade_measure import measure, order_by, targets
from tests.bench.scorer.cascade_report import time_table

LOCAL, FRONTIER = ["a", "b", "c"], ["x", "y"]


def row(family: str, answers: list[str | None], prompt: str, frontier: tuple[int, int] = (1, 1)) -> dict[str, Any]:
    """A prompt whose right answer is "1"."""
    models: dict[str, Any] = {
        model: {"answer": answer, "correct": int(answer == "1")} for model, answer in zip(LOCAL, answers, strict=True)
    }
    models |= {model: {"answer": "1", "correct": right} for model, right in zip(FRONTIER, frontier, strict=True)}
    about = {"family": family, "prompt": prompt, "split": "train" if len(prompt) % 2 else "dev", "reference": "1"}
    return {**about, "local_models": LOCAL, "frontier_models": FRONTIER, "models": models}


def rows(family: str) -> list[dict[str, Any]]:
    return [
        row(family, ["1", "1.0", "1"], "x" * 30),
        row(family, ["1", "1", "2"], "x" * 41),
        row(family, ["2", "3", "1"], "x" * 20),
        row(family, [None, "2", "3"], "x" * 11, frontier=(1, 0)),
    ]


def write(folder: Path, made_up: list[dict[str, Any]]) -> Path:
    with gzip.open(folder / "cascade_dev.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(one)}\n" for one in made_up)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, [*rows("crux"), *rows("math-l5")])


@pytest.fixture
def clear_folder(tmp_path: Path) -> Path:
    """Disagreement is exactly where the frontier is needed, and prompts of any length are there."""
    answers: list[list[str | None]] = [["1", "1", "1"], ["2", "3", "4"]]
    names = ("crux", "math-l5")
    return write(tmp_path, [row(name, answers[n % 2], "x" * (n // 2 + 1)) for name in names for n in range(8)])


def test_families_are_read_with_their_qualities(folder: Path) -> None:
    crux, math = read_families(folder)
    assert (crux.name, math.name, crux.local_models) == ("crux", "math-l5", ("a", "b", "c"))
    assert crux.local.tolist() == [[1, 0, 1], [1, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert crux.strong.tolist() == [1, 1, 1, 0.5]
    assert crux.of_split("dev").prompts == ("x" * 30, "x" * 20)


def test_prompts_are_ordered_by_disagreement_and_answered_by_most(folder: Path) -> None:
    order = order_by(read_families(folder)[0], ("a", "b", "c"))
    agree, two, differ, none = order.doubt
    assert 0 == agree < two < differ
    assert two < none
    assert order.accepted.tolist() == [True, True, False, False]
    # 1.0 is graded wrong here: what most say is as right as those who say it, and of equals it is the mean.
    assert order.local.tolist() == pytest.approx([2 / 3, 1, 1 / 3, 0])


def test_figures_are_those_of_the_formula(folder: Path) -> None:
    result = measure(read_families(folder)[0], rounds=20)
    by_name = {line.name: line for line in result.lines}
    three = by_name["agreement of 3"]
    assert three.answered is not None
    assert three.right == pytest.approx(0.5)
    # Gains 1/3, 0, 2/3, 1/2 in the order of doubt differ = none, two, agree: 0.5 of the calls recover 7/9.
    assert three.answered.value == pytest.approx((7 / 9) / 4 + (7 / 9) / 4 + (7 / 9 + 1) / 8)
    assert by_name["random order"].all_models.value == pytest.approx(0.5)
    assert three.answered.low <= three.answered.value <= three.answered.high
    assert [rule.answers for rule in result.rules] == [2, 3]
    assert result.rules[-1].escalated == 0.5
    assert result.rules[-1].cascade == pytest.approx((2 / 3 + 1 + 1 + 0.5) / 4)
    assert sum(count for _, count, _ in result.witnesses) == 12


def test_targets_are_reached_where_disagreement_finds_what_is_hard(clear_folder: Path) -> None:
    reached = dict(targets([measure(family, rounds=10) for family in read_families(clear_folder)]))
    assert len(reached) == 3
    assert all(reached.values())


def test_missed_targets_fail_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # The models agree where they are wrong, and the frontier is needed there.
    wrong = [["2", "2", "2"], ["1", "1", "3"], ["1", "4", "1"]]
    write(tmp_path, [row("crux", [*answers], "x" * (90 - n)) for n, answers in enumerate(wrong)])
    assert main([str(tmp_path), "--rounds", "10"]) == 1
    assert "**missed**: APGR on crux" in capsys.readouterr().out


def test_report_is_printed_and_written(clear_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = clear_folder / "report.md"
    assert main([str(clear_folder), "--rounds", "10", "--seconds-per-answer", "2.5", "--markdown", str(path)]) == 0
    text = path.read_text("utf-8")
    assert text.strip() == capsys.readouterr().out.strip()
    assert "## crux: 8 prompts, local models 0.500 right, frontier 1.000" in text
    assert "| agreement of 3 | 1 | 0.750" in text
    assert "| length of the prompt |" in text
    assert "One local answer takes 2.5 s" in text


def test_folder_without_the_answers_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "cascade_dev.jsonl.gz" in capsys.readouterr().err


def test_time_grows_with_every_answer() -> None:
    assert "| 3 | 6.0 s | 4.0 s | 600 |" in time_table([2, 3], 2.0)
