"""`python -m workflows check` as a person meets it, and the form it asks for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from workflows.__main__ import main
from workflows.documents import canonical, parse_document

FIXTURES = Path(__file__).parent / "fixtures"


def test_check_prints_one_line_for_each_problem_of_the_named_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in FIXTURES.glob("*.json"):
        shutil.copy(file, tmp_path)
    broken = tmp_path / "good-report.json"
    broken.write_text(broken.read_text().replace('"Return Items"', '"NoOp1"'))
    (tmp_path / "other-broken.json").write_text("{")
    assert main(["check", str(broken)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("good-report.json: NoOp1: name: ")


def test_check_says_that_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *map(str, FIXTURES.glob("*.json"))]) == 0
    assert capsys.readouterr().out.startswith("3 workflow files, no problems")


@pytest.mark.parametrize(
    ("option", "advice"), [("--n8n", "n8n is not installed in"), ("--nodes", "are not built: run npm")]
)
def test_check_says_what_to_install(
    option: str, advice: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", option, str(tmp_path)]) == 2
    assert advice in capsys.readouterr().err


def test_check_of_a_file_that_is_not_there_cannot_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "nothing.json")]) == 2
    assert "nothing.json" in capsys.readouterr().err


def test_canonical_form_has_sorted_keys_two_spaces_and_whole_numbers() -> None:
    assert canonical({"b": [1.0, 2.5], "a": "café"}) == '{\n  "a": "café",\n  "b": [\n    1,\n    2.5\n  ]\n}\n'


def test_canonical_form_of_canonical_text_is_itself() -> None:
    for file in FIXTURES.glob("*.json"):
        text = file.read_text(encoding="utf-8")
        assert canonical(parse_document(file.name, text).content) == text
