"""The stack as the end-to-end tests see it: from outside, over HTTP, and into its books."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from json import loads
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import requests

from compose.local.stack import Stack
from tests.e2e.claude_server import ClaudeServer, Script

Value = TypeVar("Value")
EASY = "What is Python?"
HARD = (
    "Implement a balanced binary search tree in Python with insertion, deletion and rebalancing, "
    "prove its complexity and write unit tests."
)


class RunningStack:
    """One stack that is up, its callers' key, and the server that stands for Claude."""

    def __init__(self, stack: Stack, claude: ClaudeServer) -> None:
        self.stack = stack
        self.claude = claude
        self.plan = stack.plan()
        self.api = f"{self.plan.gateway_url}/api/v1"
        self.key = stack.secrets.first_api_key

    def post(self, path: str = "/chat", json: object = None, **kwargs: Any) -> requests.Response:
        """POST with the key; other headers and raw `data` by keyword."""
        headers = {"authorization": f"Bearer {self.key}", **kwargs.pop("headers", {})}
        return requests.post(f"{self.api}{path}", json=json, headers=headers, timeout=120, **kwargs)

    def chat(self, prompt: str, **fields: Any) -> dict[str, Any]:
        """An answered request, with its money as Decimal."""
        response = self.post(json={"prompt": prompt, **fields})
        assert response.status_code == 200, response.text
        document: dict[str, Any] = loads(response.text, parse_float=Decimal)
        return document

    def stats(self) -> dict[str, Any]:
        """What GET /api/v1/stats says."""
        return self.get("/stats")

    def get(self, path: str) -> dict[str, Any]:
        """What a GET with the key says."""
        headers = {"authorization": f"Bearer {self.key}"}
        response = requests.get(f"{self.api}{path}", headers=headers, timeout=30)
        assert response.status_code == 200, response.text
        document: dict[str, Any] = response.json()
        return document

    def ledger(self, path: str) -> dict[str, Any]:
        """What the ledger itself says."""
        document: dict[str, Any] = self._call_ledger("GET", path).json()
        return document

    def entries(self) -> list[dict[str, Any]]:
        """All entries of the books, in booking order."""
        found: list[dict[str, Any]] = []
        cursor = "0"
        while True:
            page = self.ledger(f"/v1/entries?limit=500&after={cursor}")
            if not page["entries"]:
                return found
            found += page["entries"]
            cursor = page["cursor"]

    def entry(self, request_id: str, seconds: float = 10) -> dict[str, Any]:
        """The entry of a request: it is booked just after the answer."""

        def booked() -> dict[str, Any] | None:
            return next((entry for entry in self.entries() if entry["request_id"] == request_id), None)

        return eventually(booked, seconds)

    def failed_executions(self) -> int:
        """Executions that n8n holds for failed or crashed."""
        with psycopg.connect(self.plan.n8n_database_url, connect_timeout=5) as connection:
            query = "SELECT count(*) FROM execution_entity WHERE status IN ('error', 'crashed')"
            row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])

    def forgive_models(self) -> None:
        """No model is left out any more for what it failed at before."""
        for model in self._call("SCORER_PORT", "GET", "/v1/models").json()["models"]:
            self._call("SCORER_PORT", "POST", "/v1/health", {"model": model["name"], "ok": True})

    @property
    def spool(self) -> Path:
        return self.stack.layout.stack / "spool"

    @contextmanager
    def without(self, program: str) -> Iterator[None]:
        """`program` is stopped inside, and up and ready again after."""
        self.stack.supervisor.stop_program(program)
        try:
            yield
        finally:
            self.stack.supervisor.start_program(program)
            self.stack.wait_ready(self.plan, program)

    @contextmanager
    def budget(self, **fields: Any) -> Iterator[dict[str, Any]]:
        """A budget that holds inside, as the ledger shows it."""
        budget = self._call_ledger("PUT", "/v1/budgets", fields).json()
        try:
            yield budget
        finally:
            self._call_ledger("DELETE", f"/v1/budgets/{budget['id']}")

    @contextmanager
    def claude_says(self, **changes: Any) -> Iterator[None]:
        """Claude answers by this script inside."""
        before, self.claude.script = self.claude.script, Script(**changes)
        try:
            yield
        finally:
            self.claude.script = before

    def _call_ledger(self, method: str, path: str, body: object = None) -> requests.Response:
        return self._call("LEDGER_PORT", method, path, body)

    def _call(self, port: str, method: str, path: str, body: object = None) -> requests.Response:
        headers = {"authorization": f"Bearer {self.stack.secrets.service_token}"}
        url = f"http://127.0.0.1:{self.plan.ports[port]}{path}"
        response = requests.request(method, url, json=body, headers=headers, timeout=30)
        response.raise_for_status()
        return response


def eventually(probe: Callable[[], Value | None], seconds: float) -> Value:
    """What `probe` gives as soon as it gives something; fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.2)
