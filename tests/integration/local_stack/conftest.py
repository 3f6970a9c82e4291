from collections.abc import Iterator
from pathlib import Path

import pytest

from compose.local.layout import PROJECT
from compose.local.plan import Plan
from compose.local.processes import end_processes
from compose.local.secrets import ensure_secrets
from compose.local.settings import PORTS, Settings
from tests.ports import free_ports


@pytest.fixture
def stack_folder(tmp_path: Path) -> Path:
    """A folder that PostgreSQL's user can reach when the tests run as root."""
    for parent in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(0o755)
    return tmp_path / "stack"


@pytest.fixture
def plan(stack_folder: Path) -> Iterator[Plan]:
    """A plan on free ports, with its folders and secrets; its processes are ended afterwards."""
    numbers = dict(zip((port.name for port in PORTS), free_ports(len(PORTS)), strict=True))
    environment = {name: str(number) for name, number in numbers.items()}
    settings = Settings.read({**environment, "STACK_DIR": str(stack_folder)}, PROJECT)
    settings.layout.prepare()
    secrets = ensure_secrets(settings.layout.secrets_file, data=settings.layout.postgres)
    yield Plan(
        settings=settings,
        ports=numbers,
        secrets=secrets,
        ollama_url="http://127.0.0.1:1",
        own_model=False,
        bridge=False,
        nodes_stamp="",
    )
    end_processes(settings.layout)
