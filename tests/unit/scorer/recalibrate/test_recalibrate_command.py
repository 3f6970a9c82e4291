"""`python -m services.scorer.recalibrate` on recorded requests: what it prints, writes and ends with."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from services.scorer.recalibrate import command
from services.scorer.recalibrate.traffic import Request
from services.scorer.tuning import read_tuning
from tests.ports import free_port
from tests.unit.scorer.recalibrate.simulated_user import PURE_NOISE, TWO_FAMILIES, as_recorded, requests_of

ROOT = Path(__file__).parents[4]
POLICY = "[thresholds]\nsmall = 0.3\nmedium = 0.6\nlarge = 0.6\n"
SAVES = r"With the proposed tuning, answers as good as now cost \d+% less \(\d+ to \d+%\) on requests"


def write(path: Path, requests: list[Request]) -> Path:
    def line(request: Request) -> str:
        fields = {name: value for name, value in vars(request).items() if name != "automatic"}
        return json.dumps({**fields, "cost": str(request.cost), "at": request.at and request.at.isoformat()})

    path.write_text("\n".join(map(line, requests)))
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Recorded requests of a user who gains, of one who does not, and of one whose traffic changes in the end."""
    folder = tmp_path_factory.mktemp("traffic")
    gain = requests_of(TWO_FAMILIES, 2_000)
    turned = replace(TWO_FAMILIES, easy=TWO_FAMILIES.hard, hard=TWO_FAMILIES.easy)
    traffic = {
        "gain": gain,
        "recorded": as_recorded(requests_of(replace(TWO_FAMILIES, seed=6), 3_000)),
        "noise": requests_of(PURE_NOISE, 1_000),
        "turned": gain[:1_400] + requests_of(turned, 2_000)[1_400:],
        "little": gain[:150],
    }
    return {name: write(folder / f"{name}.jsonl", requests) for name, requests in traffic.items()}


@pytest.fixture
def run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """`run("--from", file, NAME="value")`: the exit status and what was printed, with the thresholds of POLICY."""
    monkeypatch.setattr(command, "configure_logging", lambda level: None)  # it would stay so for other tests
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY)

    def call(*arguments: str | Path, **env: str) -> tuple[int, str, str]:
        settings = {"POLICY_FILE": str(policy), "SCORER_TUNING_FILE": str(tmp_path / "data" / "tuning.json"), **env}
        status = command.main([str(argument) for argument in arguments], settings)
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return call


Run = Callable[..., tuple[int, str, str]]


def test_the_report_says_all_and_nothing_is_written(run: Run, files: dict[str, Path], tmp_path: Path) -> None:
    status, out, err = run("--from", files["gain"])
    assert (status, err) == (0, "")
    assert "2000 requests from 2026-09-01 to 2026-09-02" in out
    known = re.search(r"Known local answers: (\d+) \((\d+) good, (\d+) bad\)", out)
    assert known is not None
    assert int(known[1]) == int(known[2]) + int(known[3]) == 2000
    assert "Goal: the same quality for the least cost. Fitted to 1400 requests, held back 600." in out
    for mark in (r"\.\.\.", r"\*\*\*", "S", "P"):
        assert re.search(rf"(?m)^[ \d.]* \|.*{mark}", out), mark
    assert re.search(r"quality, % of cloud's +\d+\.\d \(\d+\.\d to \d+\.\d\) +\d", out)
    assert "thresholds  shipped   small 0.3, medium 0.6, cloud from 0.6" in out
    assert re.search(r"proposed  small 0\.\d+, medium 0\.\d+, cloud from 0\.\d+", out)
    assert re.search(SAVES, out)
    assert "Repeat with --apply" in out
    assert not (tmp_path / "data").exists()


def test_apply_writes_a_private_file_that_the_scorer_reads(run: Run, files: dict[str, Path], tmp_path: Path) -> None:
    status, out, _ = run("--from", files["gain"], "--apply")
    file = tmp_path / "data" / "tuning.json"
    assert status == 0
    assert f"Written to {file}" in out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    tuning = read_tuning(file)
    assert tuning is not None
    assert tuning.correction is not None
    assert tuning.correction.weights
    assert tuning.thresholds["large"] < 0.6
    assert (tuning.evidence["rows"], tuning.evidence["known_rows"]) == (2000, 2000)
    assert tuning.evidence["held_back"]["saving_at_same_quality"]["low"] > 0


def test_json_is_one_document_on_standard_output(run: Run, files: dict[str, Path]) -> None:
    status, out, err = run("--from", files["gain"], "--json", "--apply")
    assert status == 0
    assert "Written to" in err
    document = json.loads(out)
    assert (document["changes"], document["not_worse"], document["applied"]) == (True, True, True)
    assert document["counts"]["known"] == 2000
    assert document["held_back"]["requests"] == 600
    assert document["curves"]["shipped"][0][0] == 0
    assert document["curves"]["shipped"][-1] == [1, 1]
    assert document["proposed"]["correction"]["weights"]
    assert re.search(SAVES, document["sentence"])


def test_the_picture_is_a_png(run: Run, files: dict[str, Path], tmp_path: Path) -> None:
    assert run("--from", files["gain"], "--png", tmp_path / "curves.png")[0] == 0
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    status, _, err = run("--from", files["gain"], "--png", tmp_path / "no" / "folder" / "curves.png")
    assert status == 1
    assert "No such file or directory" in err


def test_what_is_only_estimated_is_said(run: Run, files: dict[str, Path]) -> None:
    status, out, _ = run("--from", files["recorded"])
    assert status == 0
    assert re.search(r"\d+ requests went to the cloud: nobody knows what a local model would have answered there", out)
    assert re.search(r"Rests on an estimate: \d+ of the requests held back would be answered locally", out)


def test_nothing_to_gain_is_no_failure_and_leaves_an_old_tuning_alone(
    run: Run, files: dict[str, Path], tmp_path: Path
) -> None:
    file = tmp_path / "data" / "tuning.json"
    file.parent.mkdir()
    file.write_text("old")
    status, out, _ = run("--from", files["noise"], "--apply")
    assert status == 0
    assert "No change is proposed" in out
    assert f"Nothing was written: {file} stays as it is." in out
    assert file.read_text() == "old"


def test_apply_is_refused_when_the_requests_held_back_speak_against_it(
    run: Run, files: dict[str, Path], tmp_path: Path
) -> None:
    status, out, err = run("--from", files["turned"], "--apply")
    assert status == 1
    assert "does worse than what is shipped" in out
    assert "Nothing was written" in err
    assert not (tmp_path / "data").exists()
    assert run("--from", files["turned"])[0] == 0  # it was only asked


@pytest.mark.parametrize(
    ("goal", "text", "words"),
    [
        (
            ("--quality", "0.95"),
            r"95.0% of the cloud's quality for the least cost",
            r"reach 9\d% of the cloud's quality",
        ),
        (("--saving", "0.75"), r"the best quality for 75.0% less", r"for 2\d% of its cost"),
    ],
)
def test_a_quality_or_a_saving_may_be_asked_for(
    run: Run, files: dict[str, Path], goal: tuple[str, str], text: str, words: str
) -> None:
    status, out, _ = run("--from", files["gain"], *goal)
    assert status == 0
    assert re.search(text, out)
    assert re.search(words, out)


def test_requests_before_a_date_are_left_out(run: Run, files: dict[str, Path]) -> None:
    assert "560 requests from 2026-09-02 to 2026-09-02" in run("--from", files["gain"], "--since", "2026-09-02")[1]


def test_too_little_ends_with_2_and_what_is_missing(run: Run, files: dict[str, Path], tmp_path: Path) -> None:
    status, out, err = run("--from", files["little"], "--apply")
    assert (status, out) == (2, "")
    assert "Missing: 50 more requests with a known local answer (there are 150)" in err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("env", "problem"),
    [
        ({"SCORER_TUNING_FILE": ""}, "SCORER_TUNING_FILE: must be set for --apply"),
        ({"COMPLEXITY_THRESHOLD": "0.5"}, "COMPLEXITY_THRESHOLD: goes before the tuning file's thresholds"),
        ({"POLICY_FILE": "/no/such/file"}, "POLICY_FILE: no such file"),
    ],
)
def test_a_setting_that_stands_in_the_way_is_named(
    run: Run, files: dict[str, Path], env: dict[str, str], problem: str
) -> None:
    status, _, err = run("--from", files["gain"], "--apply", **env)
    assert status == 2
    assert f"configuration error: {problem}" in err


def test_thresholds_of_the_environment_are_the_shipped_ones_when_nothing_is_applied(
    run: Run, files: dict[str, Path]
) -> None:
    status, out, _ = run("--from", files["gain"], COMPLEXITY_THRESHOLD="0.5")
    assert status == 0
    assert "cloud from 0.5" in out


@pytest.mark.parametrize(
    ("content", "status", "problem"),
    [('{"signals": 5}', 2, "line 1: signals must be an object"), (None, 1, "No such file"), (b"\xff\xfe", 2, "decode")],
)
def test_a_file_that_cannot_be_used_is_named(
    run: Run, tmp_path: Path, content: str | bytes | None, status: int, problem: str
) -> None:
    file = tmp_path / "rows.jsonl"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    got, _, err = run("--from", file)
    assert got == status
    assert problem in err
    assert str(file) in err


@pytest.mark.parametrize(
    "arguments", [("--quality", "95"), ("--saving", "x"), ("--quality", "0.9", "--saving", "0.1"), ("--since", "soon")]
)
def test_a_wrong_argument_ends_with_2(run: Run, arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    assert ended.value.code == 2


def test_without_a_database_or_a_file_there_is_nothing_to_read(run: Run) -> None:
    status, _, err = run()
    assert status == 2
    assert "POSTGRES_USER: must be set, or else DATABASE_URL" in err


def test_a_database_that_is_away_is_an_error_and_no_traceback(run: Run) -> None:
    status, _, err = run(DATABASE_URL=f"postgresql://scorer:hunter22@127.0.0.1:{free_port()}/scorer")
    assert status == 1
    assert "error: Outcomes cannot be kept or read now: the scorer's database does not answer" in err
    assert "hunter22" not in err


def test_a_picture_without_matplotlib_is_refused_before_any_work(files: dict[str, Path], tmp_path: Path) -> None:
    script = "import sys; sys.modules['matplotlib'] = None; from services.scorer.recalibrate.command import main; "
    arguments = ["--from", str(files["little"]), "--png", str(tmp_path / "x.png")]
    words = [sys.executable, "-c", f"{script}sys.exit(main(sys.argv[1:], {{}}))", *arguments]
    ended = subprocess.run(words, cwd=ROOT, env={}, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: --png needs matplotlib; install it: ")


def test_the_module_runs_as_a_program(files: dict[str, Path]) -> None:
    words = [sys.executable, "-m", "services.scorer.recalibrate", "--from", str(files["little"])]
    ended = subprocess.run(words, cwd=ROOT, env={}, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "Missing: 50 more requests" in ended.stderr
