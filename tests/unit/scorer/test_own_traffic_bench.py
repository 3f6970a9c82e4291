"""The bench of a simulated user, on made-up rows."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from services.catalog import load_catalogue
from services.scorer.policy import DEFAULT_FILE, PolicyOverrides, read_policy
from tests.bench.scorer import own_traffic


def row(number: int, task: str, weak: float) -> dict[str, Any]:
    prompt = f"What is {number} plus {number}?" if task == "sums" else f"Who was number {number}?"
    return {
        "id": f"{task}-{number}",
        "prompt": prompt,
        "task": task,
        "weak": weak,
        "strong": 1,
        "outcomes": {"mine": 1 - weak},
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    easy = [row(number, "openbook_qa", float(number % 10 > 0)) for number in range(300)]
    parts = {
        "train": [*easy, *(row(number, "sums", 0.0) for number in range(900, 999))],
        "dev": [row(number, "sums", float(number % 2)) for number in range(120)],
    }
    for name, rows in parts.items():
        with gzip.open(tmp_path / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(one) + "\n" for one in rows)
    return tmp_path


def test_only_rows_that_the_scorer_was_not_trained_on_are_used_in_the_wanted_shares(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = folder / "report.md"
    arguments = [str(folder), "--easy", "openbook_qa", "--hard", "sums", "--seeds", "2", "--markdown", str(report)]
    own_traffic.main(arguments)
    text = capsys.readouterr().out
    assert report.read_text() == text
    lines = [line for line in text.splitlines() if line.startswith(("| all", "| where"))]
    assert len(lines) == 4
    # 120 hard rows of dev go with 280 easy ones; the hard ones of train are known to the scorer.
    assert all("| 280 + 120 |" in line for line in lines if line.startswith("| all"))


def test_a_model_of_ones_own_is_judged_by_its_own_answers(folder: Path) -> None:
    policy = read_policy(DEFAULT_FILE, PolicyOverrides(), load_catalogue())
    average = own_traffic.unseen_rows(folder, policy, [])
    mine = own_traffic.unseen_rows(folder, policy, ["other", "mine"])
    assert len(average) == len(mine) == 420
    assert [one.request.weak for one in mine] == [1 - (one.request.weak or 0) for one in average]
    assert own_traffic.unseen_rows(folder, policy, ["other"]) == []
