from collections.abc import Iterator

import pytest

from compose.local.stack import Stack
from tests.e2e.claude_server import ClaudeServer
from tests.e2e.running import RunningStack
from tests.ports import free_ports

POLL_SECONDS = 3
PORTS = (
    "GATEWAY_PORT",
    "SCORER_PORT",
    "LEDGER_PORT",
    "TW_BRIDGE_PORT",
    "POSTGRES_PORT",
    "REDIS_PORT",
    "LOCAL_MODEL_PORT",
    "RUNNER_PORT",
)


@pytest.fixture(scope="session")
def claude() -> Iterator[ClaudeServer]:
    server = ClaudeServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory, claude: ClaudeServer) -> dict[str, str]:
    """A stack of its own on free ports; nobody answers at OLLAMA_URL, so that the small model serves."""
    *ports, nobody = free_ports(len(PORTS) + 1)
    folder = tmp_path_factory.mktemp("stack")
    # PostgreSQL runs as another user when the tests run as root, and must reach its folder.
    for parent in (folder, folder.parent, folder.parent.parent):
        parent.chmod(0o755)
    return {
        **dict(zip(PORTS, map(str, ports), strict=True)),
        "STACK_DIR": str(folder),
        "OLLAMA_URL": f"http://127.0.0.1:{nobody}",
        "OLLAMA_POLL_SECONDS": str(POLL_SECONDS),
        "ANTHROPIC_BASE_URL": claude.url,
        "RATE_LIMIT": "off",
        "KEY_CONCURRENCY": "256",
        "LOCAL_QUEUE": "64",
        "ANTHROPIC_API_KEY": "not-a-real-key",
    }


@pytest.fixture(scope="session")
def running(settings: dict[str, str], claude: ClaudeServer) -> Iterator[RunningStack]:
    stack = Stack.open(settings)
    try:
        stack.up()
        yield RunningStack(stack, claude)
    finally:
        stack.down()


@pytest.fixture(autouse=True)
def forgiven(request: pytest.FixtureRequest) -> None:
    """What a model failed at in one test is not held against it in the next."""
    if "running" in request.fixturenames:
        request.getfixturevalue("running").forgive_models()
