import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from compose.local.settings import Settings
from tests.unit.local_stack.stack_plans import OpenSettings


@pytest.fixture(autouse=True)
def broken_pipes_are_errors_again() -> Iterator[None]:
    """The stack's commands end quietly at a broken pipe; later tests in this process must not."""
    before = signal.getsignal(signal.SIGPIPE)
    yield
    signal.signal(signal.SIGPIPE, before)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project folder, so that no .env of the person who runs the tests is read."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def open_settings(project: Path) -> OpenSettings:
    return lambda **environment: Settings.read(environment, project)
