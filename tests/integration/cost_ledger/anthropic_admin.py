"""A stand-in for Anthropic's Admin API: its usage report over real HTTP, a page at a time."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PATH = "/v1/organizations/usage_report/messages"
KEY = "sk-ant-admin01-for-tests"
Day = Mapping[str, tuple[int, int, int, int, int]]


class AdminApi:
    """Answers with `usage` (by day: by model: input, output, cache read, 5m and 1h writes).

    `statuses` are answered first, one a request; `answer`, when set, instead of all else; nothing is
    before `open` is set.
    """

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.usage: dict[str, Day] = {}
        self.days_a_page = 31
        self.statuses: list[int] = []
        self.answer: bytes | None = None
        self.requests: list[dict[str, list[str]]] = []
        self.headers: list[dict[str, str]] = []
        self.open = threading.Event()
        self.open.set()

    def respond(self, target: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        self.open.wait(20)
        parts = urlsplit(target)
        self.requests.append(parse_qs(parts.query))
        self.headers.append({name.lower(): value for name, value in headers.items()})
        if self.statuses:
            return _error(self.statuses.pop(0))
        if parts.path != PATH:
            return _error(404)
        if self.headers[-1].get("x-api-key") != KEY or "authorization" in self.headers[-1]:
            return _error(401)
        return 200, self.answer if self.answer is not None else json.dumps(self._page(self.requests[-1])).encode()

    def _page(self, query: Mapping[str, list[str]]) -> dict[str, Any]:
        day, end = (datetime.fromisoformat(query[name][0]) for name in ("starting_at", "ending_at"))
        assert (query["bucket_width"], query["group_by[]"], query["limit"]) == (["1d"], ["model"], ["31"])
        buckets = []
        while day < end:
            buckets.append(self._bucket(day))
            day += timedelta(days=1)
        begin = int(query.get("page", ["page_0"])[0].removeprefix("page_"))
        stop = begin + self.days_a_page
        more = stop < len(buckets)
        return {"data": buckets[begin:stop], "has_more": more, "next_page": f"page_{stop}" if more else None}

    def _bucket(self, day: datetime) -> dict[str, Any]:
        usage = self.usage.get(day.date().isoformat(), {})
        return {
            "starting_at": f"{day:%Y-%m-%dT%H:%M:%SZ}",
            "ending_at": f"{day + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
            "results": [_result(model, *tokens) for model, tokens in usage.items()],
        }


def _result(model: str, uncached: int, output: int, read: int, written_5m: int, written_1h: int) -> dict[str, Any]:
    return {
        "api_key_id": None,
        "cache_creation": {"ephemeral_1h_input_tokens": written_1h, "ephemeral_5m_input_tokens": written_5m},
        "cache_read_input_tokens": read,
        "context_window": None,
        "model": model or None,
        "output_tokens": output,
        "server_tool_use": {"web_search_requests": 0},
        "service_tier": None,
        "uncached_input_tokens": uncached,
        "workspace_id": None,
    }


def _error(status: int) -> tuple[int, bytes]:
    document = {"type": "error", "error": {"type": "some_error", "message": f"refused {KEY}"}}
    return status, json.dumps(document).encode()


@contextmanager
def running_admin_api() -> Iterator[AdminApi]:
    """The stand-in while inside, on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = api.respond(self.path, dict(self.headers.items()))
            with suppress(ConnectionError):  # the client may be gone
                self._send(status, body)

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("retry-after-ms", "1")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Nothing: the tests' output is for the tests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        api = AdminApi(server)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
