"""A Messages-API server on loopback that answers as the test says: what cannot run here is Claude itself."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Script:
    """What the next answers are.

    Unless there is `content`, a request with tools gets a call of the first one with `tool_input`, until
    the tool's result is there, and any other request gets `text`, up to one of its stop sequences.
    """

    status: int = 200
    text: str = "A balanced tree rotates."
    content: list[dict[str, Any]] | None = None
    tool_input: dict[str, Any] = field(default_factory=dict)
    token_count: int = 4321
    usage: dict[str, Any] = field(default_factory=lambda: {"input_tokens": 321, "output_tokens": 1234})

    def document(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.status != 200:
            return {"type": "error", "error": {"type": "api_error", "message": "scripted failure"}}
        content, stop_reason, stop_sequence = self._said(body)
        return {
            "id": "msg_test",
            "type": "message",
            "role": "assistant",
            "model": body.get("model", ""),
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": stop_sequence,
            "usage": self.usage,
        }

    def _said(self, body: dict[str, Any]) -> tuple[list[dict[str, Any]], str, str | None]:
        if self.content is not None:
            return self.content, "end_turn", None
        if body.get("tools") and not _has_result(body["messages"][-1]):
            call = {"type": "tool_use", "id": "toolu_test", "name": body["tools"][0]["name"], "input": self.tool_input}
            return [call], "tool_use", None
        stop = next((one for one in body.get("stop_sequences", []) if one in self.text), None)
        text = self.text if stop is None else self.text[: self.text.index(stop)]
        return [{"type": "text", "text": text}], "end_turn" if stop is None else "stop_sequence", stop


def _has_result(message: dict[str, Any]) -> bool:
    content = message["content"]
    return isinstance(content, list) and any(block["type"] == "tool_result" for block in content)


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
                document = outer.script.document(body)
                if self.path.startswith("/v1/messages/count_tokens") and outer.script.status == 200:
                    document = {"input_tokens": outer.script.token_count}
                payload = json.dumps(document).encode()
                self.send_response(outer.script.status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *args: object) -> None:
                """Keep the test's output quiet."""

        return Handler
