"""A Messages-API server on loopback that answers as the test says: what cannot run here is Claude itself."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Script:
    """What the next answers are; `cut`: the connection ends in the middle of them."""

    status: int = 200
    cut: bool = False
    text: str = "A balanced tree rotates."
    usage: dict[str, Any] = field(default_factory=lambda: {"input_tokens": 321, "output_tokens": 1234})

    def document(self, model: str) -> dict[str, Any]:
        if self.status != 200:
            return {"type": "error", "error": {"type": "api_error", "message": "scripted failure"}}
        return {
            "id": "msg_test",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [{"type": "text", "text": self.text}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": self.usage,
        }


class ClaudeServer:
    """Real HTTP on a free port; `script` may be changed at any time, `requests` holds what came."""

    def __init__(self) -> None:
        self.script = Script()
        self.requests: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.requests.append({"path": self.path, "headers": dict(self.headers.items()), "body": body})
                payload = json.dumps(outer.script.document(body.get("model", ""))).encode()
                self.send_response(outer.script.status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(payload)))
                self.end_headers()
                self.close_connection = self.close_connection or outer.script.cut
                self.wfile.write(payload[: len(payload) // 2] if outer.script.cut else payload)

            def log_message(self, *args: object) -> None:
                """Keep the test's output quiet."""

        return Handler
