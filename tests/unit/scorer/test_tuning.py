"""The tuning file: what it changes, what is refused, and how it is followed while it changes."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog import Catalogue
from services.runtime import ConfigError
from services.scorer.documents import tuning_document
from services.scorer.live_policy import LivePolicy
from services.scorer.live_tuning import LiveTuning
from services.scorer.policy import DEFAULT_FILE, PolicyOverrides, Thresholds, read_policy
from services.scorer.score import Factor, Score
from services.scorer.tuning import Correction, Tuning, log_odds, parse_tuning, probability, read_tuning, tune

CORRECTION = {
    "intercept": -0.5,
    "slope": 0.8,
    "weights": {"code": 0.7, "length": -0.2},
    "means": {"code": 0.25, "length": 100.0},
    "scales": {"code": 0.5, "length": 40.0},
}
DOCUMENT: dict[str, Any] = {
    "version": 1,
    "made_at": "2026-11-22T03:10:11+00:00",
    "evidence": {"rows": 500},
    "thresholds": {"small": 0.1, "medium": 0.4, "large": 0.4},
    "correction": CORRECTION,
}


def tuning(**changes: Any) -> Tuning:
    return parse_tuning({**DOCUMENT, **changes})


def correct(complexity: float, **signals: float) -> float:
    return tuning().apply(complexity, signals)


def test_complexity_is_corrected_by_the_formula() -> None:
    odds = -0.5 + 0.8 * math.log(0.3 / 0.7) + 0.7 * (1 - 0.25) / 0.5 - 0.2 * (80 - 100) / 40
    assert correct(0.3, code=1.0, length=80.0, other=9.0) == pytest.approx(1 / (1 + math.exp(-odds)))


def test_a_missing_signal_is_0_and_without_any_signal_none_counts() -> None:
    assert correct(0.3, length=80.0) == correct(0.3, length=80.0, code=0.0)
    assert correct(0.3) == pytest.approx(probability(-0.5 + 0.8 * log_odds(0.3)))


def test_a_signal_unlike_all_that_was_seen_counts_for_five_deviations() -> None:
    assert correct(0.3, code=0.25, length=1e9) == correct(0.3, code=0.25, length=300.0)
    assert correct(0.3, code=0.25, length=299.0) > correct(0.3, code=0.25, length=300.0)


@given(
    complexity=st.floats(0, 1),
    signals=st.dictionaries(st.sampled_from(["code", "length", "x"]), st.floats(-1e300, 1e300)),
)
def test_a_corrected_complexity_stays_one(complexity: float, signals: dict[str, float]) -> None:
    wild = Tuning(tuning().made_at, correction=Correction(900.0, 50.0, {"code": -4e3}, {"code": 0.0}, {"code": 1e-9}))
    for one in (tuning(), wild):
        assert 0 <= one.apply(complexity, signals) <= 1


def test_without_a_correction_nothing_moves() -> None:
    assert tuning(correction=None).apply(0.37, {"code": 1.0}) == 0.37


def score(complexity: float, **signals: float) -> Score:
    return Score(complexity, (Factor("start", complexity, "any prompt"),), 8, unsure=False, signals=signals)


def test_a_score_that_moved_says_so_and_one_that_hardly_did_does_not() -> None:
    moved = tune(score(0.3, code=1.0, length=100.0), tuning())
    assert moved.complexity == pytest.approx(correct(0.3, code=1.0, length=100.0), abs=1e-4)
    assert moved.factors[-1].name == "own_traffic"
    assert moved.factors[-1].effect == pytest.approx(moved.complexity - 0.3, abs=1e-4)
    assert "less well than usual" in moved.factors[-1].text
    easier = tune(score(0.3, code=0.0, length=100.0), tuning())
    assert "better than usual" in easier.factors[-1].text
    nearly = Tuning(tuning().made_at, correction=Correction(0.05))
    hardly = tune(score(0.3), nearly)
    assert hardly.complexity > 0.3
    assert hardly.factors == score(0.3).factors
    assert tune(score(0.3), None) == score(0.3)


def test_a_document_is_read_back_as_it_was_written() -> None:
    assert parse_tuning(json.loads(json.dumps(tuning().document()))) == tuning()
    bare = tuning(thresholds={}, correction=None)
    assert bare.document().keys() == {"version", "made_at", "evidence"}
    assert parse_tuning(bare.document()) == bare


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"version": 2}, "version must be 1, not 2"),
        ({"extra": 1}, "unknown field extra"),
        ({"made_at": "yesterday"}, "made_at must be a time with its zone"),
        ({"made_at": "2026-11-22T03:10:11"}, "made_at must be a time with its zone"),
        ({"made_at": 5}, "made_at must be a time with its zone"),
        ({"evidence": []}, "evidence must be an object"),
        ({"thresholds": {"small": 0.1}}, "thresholds must have small, medium and large"),
        ({"thresholds": {"small": 0.5, "medium": 0.4, "large": 0.6}}, "rise from small to large"),
        ({"thresholds": {"small": 0.1, "medium": 0.4, "large": 1.1}}, "lie from 0 to 1"),
        ({"thresholds": {"small": True, "medium": 1, "large": 1}}, "thresholds.small must be a finite number"),
        ({"correction": 5}, "correction must be an object"),
        ({"correction": {"intercept": 0}}, "correction must have intercept, slope"),
        ({"correction": {**CORRECTION, "slope": 0}}, "correction.slope must be above 0"),
        ({"correction": {**CORRECTION, "intercept": math.nan}}, "correction.intercept must be a finite number"),
        ({"correction": {**CORRECTION, "weights": {"code": 1}}}, "about the same signals"),
        ({"correction": {**CORRECTION, "scales": {"code": 0, "length": 1}}}, "correction.scales must be above 0"),
        ({"correction": {**CORRECTION, "means": {"code": "x", "length": 1}}}, "correction.means.code must be"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        tuning(**changes)


@pytest.mark.parametrize("text", ["{", "[]", "5", '{"version": 1', "nonsense", "[" * 100_000])
def test_a_broken_file_is_a_setting_that_is_wrong(tmp_path: Path, text: str) -> None:
    (tmp_path / "tuning.json").write_text(text)
    with pytest.raises(ConfigError, match=r"^SCORER_TUNING_FILE: "):
        read_tuning(tmp_path / "tuning.json")


def test_no_file_is_no_tuning_and_a_folder_is_a_wrong_setting(tmp_path: Path) -> None:
    assert read_tuning(tmp_path / "none.json") is None
    with pytest.raises(ConfigError, match=r"^SCORER_TUNING_FILE: "):
        read_tuning(tmp_path)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tuning.json"


def write(path: Path, document: Any) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    path.write_text(text)
    stamp = path.stat().st_mtime_ns
    os.utime(path, ns=(stamp, stamp + 1_000_000))


def test_a_file_is_followed_from_its_first_appearance_to_its_removal(file: Path, clock: Clock) -> None:
    live = LiveTuning(file, clock)
    assert (live.current(), live.problem()) == (None, None)
    write(file, DOCUMENT)
    clock.now = 1.0
    assert live.current() == tuning()
    file.unlink()
    clock.now = 2.0
    assert (live.current(), live.problem()) == (None, None)


def test_a_broken_file_keeps_the_last_good_tuning(file: Path, clock: Clock) -> None:
    write(file, DOCUMENT)
    live = LiveTuning(file, clock)
    write(file, "{")
    clock.now = 1.0
    assert live.current() == tuning()
    assert str(live.problem()).startswith("The last good tuning stays in force: SCORER_TUNING_FILE: ")
    write(file, {**DOCUMENT, "thresholds": {}})
    clock.now = 2.0
    assert live.current() == tuning(thresholds={})
    assert live.problem() is None


def test_a_file_that_is_broken_at_the_start_is_no_tuning_and_no_end_of_the_scorer(file: Path, clock: Clock) -> None:
    write(file, {**DOCUMENT, "version": 2})
    live = LiveTuning(file, clock)
    assert live.current() is None
    assert "There is no tuning in force" in str(live.problem())
    write(file, DOCUMENT)
    clock.now = 1.0
    assert (live.current(), live.problem()) == (tuning(), None)


def test_thresholds_come_from_the_environment_then_the_tuning_then_the_policy(catalogue: Catalogue) -> None:
    policy = read_policy(DEFAULT_FILE, PolicyOverrides(medium=0.35), catalogue, tuning())
    assert policy.thresholds == Thresholds(0.1, 0.35, 0.4)
    document = policy.as_document()
    assert document["thresholds.small"] == {"value": 0.1, "source": "tuning file of 2026-11-22"}
    assert document["thresholds.medium"]["source"] == "environment COMPLEXITY_THRESHOLD_PHI"
    assert document["thresholds.large"]["source"] == "tuning file of 2026-11-22"
    untuned = read_policy(DEFAULT_FILE, PolicyOverrides(), catalogue, tuning(thresholds={}))
    assert untuned.thresholds == read_policy(DEFAULT_FILE, PolicyOverrides(), catalogue).thresholds
    assert set(untuned.sources.values()) == {"file policy.toml"}


def test_the_policy_follows_the_tuning(catalogue: Catalogue, file: Path, clock: Clock) -> None:
    live = LivePolicy(DEFAULT_FILE, PolicyOverrides(), catalogue, clock, LiveTuning(file, clock))
    shipped = live.current().thresholds
    assert live.current().tuning is None
    write(file, DOCUMENT)
    clock.now = 1.0
    assert live.current().thresholds == Thresholds(0.1, 0.4, 0.4)
    assert live.current().tuning == tuning()
    file.unlink()
    clock.now = 2.0
    assert (live.current().thresholds, live.current().tuning) == (shipped, None)


def test_thresholds_that_do_not_fit_the_environment_are_left_out_and_the_correction_stays(
    catalogue: Catalogue, file: Path, clock: Clock
) -> None:
    write(file, DOCUMENT)
    live = LivePolicy(DEFAULT_FILE, PolicyOverrides(small=0.5), catalogue, clock, LiveTuning(file, clock))
    assert live.current().thresholds.small == 0.5
    assert live.current().thresholds.large > 0.4
    assert live.current().tuning == tuning(thresholds={})
    assert str(live.problem()).startswith("The thresholds of the tuning file are left out: COMPLEXITY_THRESHOLD_TINY")
    file.unlink()
    clock.now = 1.0
    assert live.problem() is None


def test_the_policy_document_shows_what_the_tuning_rests_on() -> None:
    assert tuning_document(None) is None
    assert tuning_document(tuning()) == {
        "made_at": "2026-11-22T03:10:11+00:00",
        "evidence": {"rows": 500},
        "corrects_complexity": True,
    }
