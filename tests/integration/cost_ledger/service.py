"""A ledger as its users meet it: a process of its own, spoken to over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.ports import free_port

ROOT = Path(__file__).parents[3]
TOKEN = "a-token-for-tests"


class Client:
    """One keep-alive connection to a ledger."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def call(self, method: str, path: str, body: Any = None, *, token: str | None = TOKEN) -> tuple[int, Any]:
        """(status, JSON document or text). A `bytes` body is sent as it is."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        data = body if isinstance(body, bytes) or body is None else json.dumps(body)
        self.connection.request(method, path, data, headers)
        response = self.connection.getresponse()
        text = response.read().decode()
        is_json = response.headers.get_content_type() == "application/json"
        return response.status, json.loads(text) if is_json else text

    def get(self, path: str) -> Any:
        """The document of a GET that must succeed."""
        status, document = self.call("GET", path)
        assert status == 200, document
        return document

    def book(self, *entries: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The results of booking entries, which must succeed."""
        status, document = self.call("POST", "/v1/entries", {"entries": entries})
        assert status in (200, 201), document
        results: list[dict[str, Any]] = document["results"]
        return results


class Service:
    """A running `python -m services.cost_ledger`."""

    def __init__(
        self, process: subprocess.Popen[Any], port: int, database_url: str, env: Mapping[str, str] | None = None
    ) -> None:
        self.process = process
        self.port = port
        self.database_url = database_url
        self._env = env
        self._clients: list[Client] = []

    def kill_and_start_again(self) -> None:
        """Kill the process as a crash does, and start another one on the same port; it may not answer yet."""
        assert self._env is not None
        self.process.kill()
        self.process.wait()
        self.process = start_ledger(self._env)

    def client(self) -> Client:
        """A new connection, which is closed when the service ends."""
        self._clients.append(Client(self.port))
        return self._clients[-1]

    def close_clients(self) -> None:
        """Close the connections of all clients."""
        for client in self._clients:
            client.connection.close()
        self._clients.clear()

    def wait_ready(self, status: int = 200, seconds: float = 10) -> None:
        """Return once /readyz answers with `status`."""
        wait_until(lambda: self._readiness() == status, seconds)

    def wait_alive(self) -> None:
        """Return once it answers at all."""
        wait_until(lambda: self._readiness() is not None, 15)

    def _readiness(self) -> int | None:
        assert self.process.poll() is None, f"the service ended with {self.process.returncode}"
        client = Client(self.port)
        try:
            return client.call("GET", "/readyz")[0]
        except OSError:
            return None
        finally:
            client.connection.close()


def entry(request_id: str, **fields: Any) -> dict[str, Any]:
    """A valid entry, with some fields replaced: 1,000 tokens in and 500 out on Sonnet cost 0.007 USD."""
    return {
        "request_id": request_id,
        "occurred_at": "2026-11-20T10:00:00Z",
        "model": "claude-sonnet-5-5",
        "backend": "cloud",
        "status": "ok",
        "usage": {"input_tokens": 1000, "output_tokens": 500},
    } | fields


def environment(**settings: str) -> dict[str, str]:
    """The environment of a ledger: `settings`, a token, and nothing of the test run's own settings."""
    inherited = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    return inherited | {"SERVICE_TOKEN": TOKEN} | settings


def start_ledger(env: Mapping[str, str]) -> subprocess.Popen[Any]:
    """A new ledger's process."""
    return subprocess.Popen([sys.executable, "-m", "services.cost_ledger"], env=env, cwd=ROOT)


@contextmanager
def running_ledger(database_url: str, *, alive: bool = False, **settings: str) -> Iterator[Service]:
    """A ledger while inside; ready, or with `alive` only answering."""
    port = free_port()
    env = environment(DATABASE_URL=database_url, LEDGER_PORT=str(port), **settings)
    service = Service(start_ledger(env), port, database_url, env)
    try:
        if alive:
            service.wait_alive()
        else:
            service.wait_ready()
        yield service
    finally:
        service.close_clients()
        service.process.terminate()
        try:
            service.process.wait(10)
        except subprocess.TimeoutExpired:
            service.process.kill()
            service.process.wait()


def wait_until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Return once `condition()` is true; an AssertionError when it stays false."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.03)
