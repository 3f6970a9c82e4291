import io
import re
from decimal import Decimal

import pytest

from compose.local import __main__ as command_line
from compose.local.gateway import Answer
from compose.local.progress import Progress
from compose.local.status import duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min 0 s"), (3725, "1 h 2 min"), (90_000, "1 d 1 h")],
)
def test_durations_are_told_in_two_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_step_ends_with_its_time_and_note() -> None:
    out = io.StringIO()
    with Progress(out).step("Databases") as step:
        step.note = "two of them"
    assert re.fullmatch(r" +ok  Databases +0\.0 s  two of them\n", out.getvalue())


def test_failed_step_is_marked() -> None:
    out = io.StringIO()
    with pytest.raises(ValueError, match="x"), Progress(out).step("Databases"):
        raise ValueError("x")
    assert out.getvalue().strip().startswith("FAIL  Databases")


def test_there_are_no_colours_without_a_terminal() -> None:
    out = io.StringIO()
    progress = Progress(out)
    progress.note("remember")
    with progress.step("x"):
        pass
    assert "\033" not in out.getvalue()


def test_answer_is_shown_with_model_route_and_cost() -> None:
    out = io.StringIO()
    answer = Answer("Python is a language.", "smollm2-135m", "local", 0.2, "An easy prompt.", Decimal("0.000123"), 1.0)
    command_line._show(answer, Progress(out))
    for part in ("Python is a language.", "smollm2-135m (local)", "An easy prompt.", "0.000123 USD"):
        assert part in out.getvalue()


def test_wrong_setting_ends_with_2_and_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEWAY_PORT", "eighty")
    assert command_line.main(["status"]) == 2
    assert "GATEWAY_PORT" in capsys.readouterr().err


def test_key_before_the_first_run_is_a_clear_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    monkeypatch.setenv("STACK_DIR", str(tmp_path))
    assert command_line.main(["key"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "./deploy-all.sh" in captured.err


def test_status_of_a_stack_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    monkeypatch.setenv("STACK_DIR", str(tmp_path))
    assert command_line.main(["status"]) == 1
    assert "not running" in capsys.readouterr().out
