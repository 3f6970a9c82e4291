"""A Messages-API server on loopback that answers as the test says: what cannot run here is Claude itself."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any


@dataclass
class Script:
    """What the next answers are."""

    status: int = 200
    text: str = "A balanced tree rotates."
    usage: dict[str, Any] = field(default_factory=lambda: {"input_tokens": 321, "output_tokens": 1234})
    gap: float = 0.0
    """Seconds before each word of a stream but the first."""
    break_after: int | None = None
    """A stream ends after so many words: with `error` where there is one, else the connection is cut."""
    error: dict[str, Any] | None = None
    hold: Event | None = None
    """A stream goes on after its first word when this is set."""

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

    def events(self, model: str) -> Iterator[tuple[float, dict[str, Any]]]:
        """The events of a stream, each with the seconds to wait before it."""
        first = {name: count for name, count in self.usage.items() if name != "output_tokens"} | {"output_tokens": 1}
        message = self.document(model) | {"content": [], "stop_reason": None, "usage": first}
        yield 0, {"type": "message_start", "message": message}
        yield 0, {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        for number, word in enumerate(self.text.split(" ")):
            if number == self.break_after:
                if self.error is not None:
                    yield 0, {"type": "error", "error": self.error}
                return
            text = word if number == 0 else f" {word}"
            delta = {"type": "text_delta", "text": text}
            yield self.gap if number else 0, {"type": "content_block_delta", "index": 0, "delta": delta}
            if number == 0:
                yield 0, {"type": "ping"}
                if self.hold is not None:
                    assert self.hold.wait(30)
        yield 0, {"type": "content_block_stop", "index": 0}
        usage = {"output_tokens": self.usage["output_tokens"]}
        yield 0, {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage}
        yield 0, {"type": "message_stop"}


class ClaudeServer:
    """Real HTTP on a free port; `script` may be changed at any time, `requests` holds what came."""

    def __init__(self) -> None:
        self.script = Script()
        self.requests: list[dict[str, Any]] = []
        self.given_up = Event()
        """Set when a client ends a stream that is not at its end."""
        self.written: list[float] = []
        """When each word of the last stream was written, by `time.monotonic()`."""
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
                if body.get("stream") and outer.script.status == 200:
                    self.stream(outer.script, body["model"])
                    return
                payload = json.dumps(outer.script.document(body.get("model", ""))).encode()
                self.send_response(outer.script.status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def stream(self, script: Script, model: str) -> None:
                outer.written = []
                self.close_connection = True
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                try:
                    for seconds, event in script.events(model):
                        time.sleep(seconds)
                        self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
                        if event["type"] == "content_block_delta":
                            outer.written.append(time.monotonic())
                except OSError:
                    outer.given_up.set()

            def log_message(self, *args: object) -> None:
                """Keep the test's output quiet."""

        return Handler
