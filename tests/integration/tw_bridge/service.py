"""The bridge as a process of its own, with a real Taskwarrior and a ledger's pages over real HTTP."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from tests.ports import free_port

ROOT = Path(__file__).parents[3]
TOKEN = "integration-test-token"
START_SECONDS = 20.0

Entry = dict[str, Any]


_USAGE = {"output_tokens": 7, "cache_read_tokens": 1000, "cache_write_5m_tokens": 0, "cache_write_1h_tokens": 0}
_COMMON = {
    "booked_at": "2026-11-22T23:59:59.000000Z",
    "status": "ok",
    "priced": True,
    "prices": None,
    "source": "test",
    "baseline_model": "claude-sonnet-5-5",
    "baseline_cost": "0.02",
    "latency_seconds": 1.25,
    "tier": None,
    "complexity": 0.82,
    "reasoning": "asks for a proof",
    "key_id": None,
    "user": None,
    "tags": [],
    "dialect": "chat",
    "error_code": None,
}


def make_entry(number: int, **more: Any) -> Entry:
    """An entry as GET /v1/entries gives it; every third one is local, cloud, cached."""
    backend = ("local", "cloud", "cache")[number % 3]
    return {
        "request_id": f"request-{number}",
        "occurred_at": f"2026-11-22T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.500000Z",
        "model": "claude-sonnet-5-5" if backend == "cloud" else "smollm2-135m",
        "backend": backend,
        "usage": {"input_tokens": number, **_USAGE},
        "cost": "0.012345678" if backend == "cloud" else "0.00",
        **_COMMON,
        **more,
    }


class Ledger:
    """GET /v1/entries over HTTP. `on_page` is called with each page's number before it is sent."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.status = 200
        self.body: bytes | None = None
        self.pages = 0
        self.on_page: Callable[[int], None] = lambda page: None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = outer.answer(self.path, self.headers.get("Authorization", ""))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with suppress(OSError):  # the bridge was killed meanwhile
                    self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        self._handler = Handler
        self._serve(0)

    def answer(self, path: str, authorization: str) -> tuple[int, bytes]:
        parts = urlsplit(path)
        query = parse_qs(parts.query, strict_parsing=True)
        assert parts.path == "/v1/entries"
        if authorization != f"Bearer {TOKEN}":
            return 401, b"{}"
        if self.status != 200 or self.body is not None:
            return self.status, self.body or b"{}"
        after, limit = int(query.get("after", ["0"])[0]), int(query["limit"][0])
        if after > len(self.entries):
            return 409, b'{"error": {"code": "cursor_ahead"}}'
        self.pages += 1
        self.on_page(self.pages)
        page = self.entries[after : after + limit]
        return 200, json.dumps({"entries": page, "cursor": str(after + len(page))}).encode()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def open_again(self) -> None:
        """Listen on the same port as before `close`."""
        self._serve(self.port)

    def _serve(self, port: int) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()


class Store:
    """The user's view of the store: `task rc:STORE/taskrc ...` in a terminal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.taskrc = path / "taskrc"

    def task(self, *arguments: str) -> str:
        command = ["task", f"rc:{self.taskrc}", "rc.verbose=nothing", *arguments]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.path), "LC_ALL": "C.UTF-8", "TZ": "UTC0"}
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL, timeout=60, check=True
        )
        return done.stdout.strip()

    def count(self, *filters: str) -> int:
        return int(self.task(*filters, "count"))

    def tasks(self, *filters: str) -> list[dict[str, Any]]:
        tasks: list[dict[str, Any]] = json.loads(self.task(*filters, "export"))
        return tasks


class BridgeProcess:
    """A running `python -m services.tw_bridge`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # A session of its own, so that a test can kill it together with its `task`.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services.tw_bridge"],
            cwd=ROOT,
            env={**environment, "TW_BRIDGE_PORT": str(self.port)},
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        wait_until(lambda: self.process.poll() is not None or listens(self.port), START_SECONDS)

    def sync(self, timeout: float = 60) -> requests.Response:
        return requests.post(f"{self.url}/v1/sync", headers=self.token, timeout=timeout)

    def synced(self) -> int:
        """The number of tasks that a sync has added."""
        response = self.sync()
        assert response.status_code == 200, response.text
        return int(response.json()["imported"])

    def status(self) -> dict[str, Any]:
        document: dict[str, Any] = requests.get(f"{self.url}/v1/status", headers=self.token, timeout=10).json()
        return document

    def ready(self) -> requests.Response:
        return requests.get(f"{self.url}/readyz", timeout=10)

    def end(self) -> str:
        """Stop it with SIGTERM, if it runs; its log."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.communicate(timeout=20)[1].decode()

    @property
    def token(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {TOKEN}"}


StartBridge = Callable[..., AbstractContextManager[BridgeProcess]]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Return as soon as `true()`; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.002)


def assert_each_once(store: Store, count: int) -> None:
    """The store has the tasks of the requests 0 to `count` - 1, and no others."""
    ids = sorted(int(task["request_id"].removeprefix("request-")) for task in store.tasks("project:vps_ai.router"))
    assert ids == list(range(count))
    for task in store.tasks("request_id.is:request-3"):
        assert task["description"] == "smollm2-135m 0.00 USD complexity 0.82: asks for a proof"


@contextmanager
def running_bridge(environment: Mapping[str, str]) -> Iterator[BridgeProcess]:
    """A bridge with these settings; ended with SIGTERM."""
    bridge = BridgeProcess(environment)
    try:
        yield bridge
    finally:
        bridge.end()


def bridge_environment(ledger: Ledger, store: Path) -> dict[str, str]:
    """The settings of a bridge that syncs on demand only."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(store.with_name("home")),
        "SERVICE_TOKEN": TOKEN,
        "LEDGER_URL": f"http://127.0.0.1:{ledger.port}",
        "TASKWARRIOR_DATA": str(store),
        "TW_SYNC_SECONDS": "0",
    }
