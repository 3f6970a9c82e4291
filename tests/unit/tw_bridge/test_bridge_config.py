"""The bridge's settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.runtime import ConfigError, Env
from services.tw_bridge.config import Config

TOKEN = {"SERVICE_TOKEN": "test-token-of-16"}


def read(**values: str) -> Config:
    return Config.from_env(Env(TOKEN | values))


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    config = read()
    assert config.store == Path("/home/somebody/.local/share/hybrid-ai-stack/taskwarrior")
    assert (config.service.port, config.ledger_url) == (8103, "http://127.0.0.1:8102")
    assert (config.sync_seconds, config.enabled) == (30.0, True)


def test_the_store_follows_its_variables() -> None:
    assert read(XDG_DATA_HOME="/data").store == Path("/data/hybrid-ai-stack/taskwarrior")
    assert read(XDG_DATA_HOME="/data", TASKWARRIOR_DATA="/my tasks").store == Path("/my tasks")


def test_a_home_folder_may_be_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert read(TASKWARRIOR_DATA="~/tasks").store == Path("/home/somebody/tasks")


@pytest.mark.parametrize("folder", ["/a#b", "/a$HOME", "/a*", "/a?", "/a\\b", "/a`b`", "/a\nb", "/a\udcff"])
def test_a_folder_that_taskwarrior_would_mistake_is_refused(folder: str) -> None:
    with pytest.raises(ConfigError, match="TASKWARRIOR_DATA"):
        read(TASKWARRIOR_DATA=folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TW_SYNC_SECONDS", "-1"),
        ("TW_SYNC_SECONDS", "soon"),
        ("ENABLE_TASKWARRIOR_LOGGING", "maybe"),
        ("LEDGER_URL", "ledger:8102"),
        ("TW_BRIDGE_PORT", "0"),
    ],
)
def test_a_bad_value_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        read(**{name: value})


def test_zero_seconds_and_off_are_settings() -> None:
    config = read(TW_SYNC_SECONDS="0", ENABLE_TASKWARRIOR_LOGGING="false")
    assert (config.sync_seconds, config.enabled) == (0.0, False)
