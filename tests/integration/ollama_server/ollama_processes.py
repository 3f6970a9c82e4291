"""Starts and ends the real server as a process."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.ports import free_port

REPOSITORY = Path(__file__).resolve().parents[3]
START_SECONDS = 60


@dataclass
class RunningServer:
    """A server process, where it listens and where its log is."""

    process: subprocess.Popen[bytes]
    url: str
    log_file: Path

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def stop(self) -> float:
        """End it with SIGTERM; the seconds that it took."""
        started = time.monotonic()
        self.process.terminate()
        self.process.wait(10)
        return time.monotonic() - started


Start = Callable[..., RunningServer]


def launch(folder: Path, *flags: str, **environment: str) -> RunningServer:
    """Start the server on a free port without waiting for it."""
    port = free_port()
    log_file = folder / f"server-{port}.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "compose.local.ollama_server", "--port", str(port), *flags],
            cwd=REPOSITORY,
            env={**os.environ, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    return RunningServer(process, f"http://127.0.0.1:{port}", log_file)


def await_ready(server: RunningServer) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            if requests.get(f"{server.url}/api/version", timeout=1).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    server.process.kill()
    server.process.wait()
    pytest.fail(f"the server did not start:\n{server.log}")
