"""A ledger, a store and a bridge for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.integration.tw_bridge.service import (
    BridgeProcess,
    Ledger,
    StartBridge,
    Store,
    bridge_environment,
    running_bridge,
)


@pytest.fixture(scope="session")
def taskwarrior() -> str:
    """The path of the real program."""
    program = shutil.which("task")
    if program is None:
        pytest.fail("Taskwarrior is not installed. On Debian and Ubuntu: apt-get install taskwarrior", pytrace=False)
    return program


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    server = Ledger()
    yield server
    server.close()


@pytest.fixture
def store(taskwarrior: str, tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def start(ledger: Ledger, tmp_path: Path) -> StartBridge:
    """`with start(NAME="value") as bridge`: a bridge with other settings."""

    def running(**settings: str) -> AbstractContextManager[BridgeProcess]:
        return running_bridge(bridge_environment(ledger, tmp_path / "store") | settings)

    return running


@pytest.fixture
def bridge(start: StartBridge) -> Iterator[BridgeProcess]:
    """A bridge that syncs on demand only."""
    with start() as process:
        yield process
