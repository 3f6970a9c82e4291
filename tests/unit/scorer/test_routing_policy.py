"""The policy: file, environment over it, and live reload."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from services.catalog import Catalogue
from services.runtime import ConfigError, Env
from services.scorer.live_policy import LivePolicy
from services.scorer.policy import DEFAULT_FILE, Policy, PolicyOverrides, Thresholds, read_policy


def read(catalogue: Catalogue, env: dict[str, str] | None = None, path: Path = DEFAULT_FILE) -> Policy:
    return read_policy(path, PolicyOverrides.from_env(Env(env or {})), catalogue)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(DEFAULT_FILE.read_text("utf-8"), "utf-8")
    return path


def test_shipped_policy(catalogue: Catalogue) -> None:
    policy = read(catalogue)
    assert policy.thresholds == Thresholds(0.3, 0.6, 0.6)
    assert (policy.cloud_model, policy.cloud_unavailable) == ("claude-sonnet", "refuse")
    assert (policy.use_local_for_simple, policy.max_prompt_characters) == (True, 100_000)
    assert set(policy.sources.values()) == {"file policy.toml"}


def test_empty_file_means_the_defaults(catalogue: Catalogue, file: Path) -> None:
    shipped = read(catalogue)
    file.write_text("")
    policy = read(catalogue, path=file)
    assert policy.thresholds == shipped.thresholds
    assert set(policy.sources.values()) == {"default"}


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"COMPLEXITY_THRESHOLD_TINY": "0.2"}, (0.2, 0.6, 0.6)),
        ({"COMPLEXITY_THRESHOLD_PHI": "0.5"}, (0.3, 0.5, 0.6)),
        ({"COMPLEXITY_THRESHOLD_PHI": "0.8"}, (0.3, 0.8, 0.8)),
        ({"COMPLEXITY_THRESHOLD": "0.5"}, (0.3, 0.5, 0.5)),
        ({"COMPLEXITY_THRESHOLD": "0.2"}, (0.2, 0.2, 0.2)),
        ({"COMPLEXITY_THRESHOLD": "0.9"}, (0.3, 0.6, 0.9)),
        ({"COMPLEXITY_THRESHOLD": "0"}, (0, 0, 0)),
        ({"COMPLEXITY_THRESHOLD_TINY": "0.5", "COMPLEXITY_THRESHOLD_PHI": "0.7"}, (0.5, 0.7, 0.7)),
    ],
)
def test_environment_goes_before_the_file(
    catalogue: Catalogue, env: dict[str, str], expected: tuple[float, float, float]
) -> None:
    assert read(catalogue, env).thresholds == Thresholds(*expected)


def test_document_says_where_each_value_came_from(catalogue: Catalogue, file: Path) -> None:
    file.write_text("cloud_unavailable = 'local'")
    document = read(catalogue, {"COMPLEXITY_THRESHOLD_TINY": "0.1", "CLAUDE_MODEL": "sky-pro"}, file).as_document()
    assert document == {
        "thresholds.small": {"value": 0.1, "source": "environment COMPLEXITY_THRESHOLD_TINY"},
        "thresholds.medium": {"value": 0.6, "source": "default"},
        "thresholds.large": {"value": 0.6, "source": "default"},
        "cloud_model": {"value": "sky-pro", "source": "environment CLAUDE_MODEL"},
        "cheap_cloud_model": {"value": "", "source": "default"},
        "cheap_cloud_below": {"value": 0.0, "source": "default"},
        "unsure": {"value": "cheap_cloud", "source": "default"},
        "cloud_unavailable": {"value": "local", "source": "file policy.toml"},
        "local_queue_full": {"value": "refuse", "source": "default"},
        "use_local_for_simple": {"value": True, "source": "default"},
        "max_prompt_characters": {"value": 100_000, "source": "default"},
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COMPLEXITY_THRESHOLD_TINY", "1.5"),
        ("COMPLEXITY_THRESHOLD_TINY", "0.7"),
        ("COMPLEXITY_THRESHOLD_PHI", "low"),
        ("COMPLEXITY_THRESHOLD_PHI", "0.2"),
        ("COMPLEXITY_THRESHOLD", "nan"),
        ("USE_LOCAL_FOR_SIMPLE", "perhaps"),
        ("CLOUD_UNAVAILABLE", "cry"),
        ("CLAUDE_MODEL", "gpt-9"),
        ("CLAUDE_MODEL", "tiny"),
    ],
)
def test_wrong_variable_is_named(catalogue: Catalogue, name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: ") as caught:
        read(catalogue, {name: value})
    assert caught.value.name == name


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("thresholds = 5", "thresholds must be a table"),
        ("[thresholds]\nsmall = 'x'", "thresholds.small must be a number from 0 to 1"),
        ("[thresholds]\nsmall = true", "thresholds.small must be a number from 0 to 1"),
        ("[thresholds]\nsmall = nan", "thresholds.small must be a number from 0 to 1"),
        ("[thresholds]\nhuge = 0.9", "unknown key thresholds.huge"),
        ("[thresholds]\nsmall = 0.7", "the small threshold 0.7 is above the medium one 0.6"),
        ("cloud = 'x'", "unknown key cloud"),
        ("cloud_unavailable = 'cry'", "cloud_unavailable must be 'refuse' or 'local'"),
        ("cloud_model = 'gpt-9'", "Unknown model 'gpt-9'"),
        ("use_local_for_simple = 1", "use_local_for_simple must be true or false"),
        ("max_prompt_characters = 0", "max_prompt_characters must be a whole number"),
        ("cloud_model = ", "Invalid value"),
    ],
)
def test_wrong_file_is_named_with_the_key(catalogue: Catalogue, file: Path, text: str, problem: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read(catalogue, path=file)
    assert caught.value.name == "POLICY_FILE"
    assert str(file) in str(caught.value)
    assert problem in str(caught.value)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def write(path: Path, text: str) -> None:
    path.write_text(text)
    stamp = path.stat().st_mtime_ns
    os.utime(path, ns=(stamp, stamp + 1_000_000))


def test_edit_is_in_force_after_a_second(catalogue: Catalogue, file: Path) -> None:
    clock = Clock()
    live = LivePolicy(file, PolicyOverrides(), catalogue, clock)
    write(file, "[thresholds]\nsmall = 0.1")
    clock.now = 0.9
    assert live.current().thresholds.small == 0.3
    clock.now = 1.0
    assert live.current().thresholds.small == 0.1
    assert live.problem() is None


def test_broken_or_lost_file_keeps_the_last_good_policy_until_it_is_mended(catalogue: Catalogue, file: Path) -> None:
    clock = Clock()
    live = LivePolicy(file, PolicyOverrides(), catalogue, clock)
    breaks: list[Callable[[], object]] = [lambda: write(file, "cloud_unavailable = 'cry'"), file.unlink]
    for moment, break_it in enumerate(breaks, start=1):
        break_it()
        clock.now = 2.0 * moment
        assert live.current().thresholds.small == 0.3
        problem = live.problem()
        assert problem is not None
        assert problem.startswith("The last good policy stays in force: POLICY_FILE")
    write(file, "[thresholds]\nsmall = 0.2")
    clock.now = 6.0
    assert live.current().thresholds.small == 0.2
    assert live.problem() is None


def test_environment_stays_before_an_edited_file(catalogue: Catalogue, file: Path) -> None:
    clock = Clock()
    live = LivePolicy(file, PolicyOverrides(small=0.25), catalogue, clock)
    write(file, "[thresholds]\nsmall = 0.1\nmedium = 0.5")
    clock.now = 1.0
    assert live.current().thresholds == Thresholds(0.25, 0.5, 0.6)
