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
    """What the next answers are; `cut`: the connection ends in the middle of a document.

    Unless there is `content`, a request with tools gets a call of the first one with `tool_input`, until
    the tool's result is there, and any other request gets `text`, up to one of its stop sequences.
    """

    status: int = 200
    cut: bool = False
    text: str = "A balanced tree rotates."
    content: list[dict[str, Any]] | None = None
    tool_input: dict[str, Any] = field(default_factory=dict)
    token_count: int = 4321
    usage: dict[str, Any] = field(default_factory=lambda: {"input_tokens": 321, "output_tokens": 1234})
    gap: float = 0.0
    """Seconds before each word of a stream but the first."""
    break_after: int | None = None
    """A stream ends after so many words: with `error` where there is one, else the connection is cut."""
    error: dict[str, Any] | None = None
    hold: Event | None = None
    """A stream goes on after its first word when this is set."""

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

    def events(self, body: dict[str, Any]) -> Iterator[tuple[float, dict[str, Any]]]:
        """The events of a stream of that document, each with the seconds to wait before it."""
        document = self.document(body)
        first = {name: count for name, count in self.usage.items() if name != "output_tokens"} | {"output_tokens": 1}
        start = document | {"content": [], "stop_reason": None, "stop_sequence": None, "usage": first}
        yield 0, {"type": "message_start", "message": start}
        pieces = 0
        for index, block in enumerate(document["content"]):
            empty, deltas = _in_pieces(block)
            yield 0, {"type": "content_block_start", "index": index, "content_block": empty}
            for delta in deltas:
                if pieces == self.break_after:
                    if self.error is not None:
                        yield 0, {"type": "error", "error": self.error}
                    return
                yield self.gap if pieces else 0, {"type": "content_block_delta", "index": index, "delta": delta}
                if pieces == 0:
                    yield 0, {"type": "ping"}
                    if self.hold is not None:
                        assert self.hold.wait(30)
                pieces += 1
            yield 0, {"type": "content_block_stop", "index": index}
        reason = {name: document[name] for name in ("stop_reason", "stop_sequence")}
        usage = {"output_tokens": self.usage["output_tokens"]}
        yield 0, {"type": "message_delta", "delta": reason, "usage": usage}
        yield 0, {"type": "message_stop"}

    def _said(self, body: dict[str, Any]) -> tuple[list[dict[str, Any]], str, str | None]:
        if self.content is not None:
            return self.content, "end_turn", None
        if body.get("tools") and not _has_result(body["messages"][-1]):
            call = {"type": "tool_use", "id": "toolu_test", "name": body["tools"][0]["name"], "input": self.tool_input}
            return [call], "tool_use", None
        stop = next((one for one in body.get("stop_sequences", []) if one in self.text), None)
        text = self.text if stop is None else self.text[: self.text.index(stop)]
        return [{"type": "text", "text": text}], "end_turn" if stop is None else "stop_sequence", stop


def _in_pieces(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A block as it begins, and what comes to it: a text by its words, the input of a tool in two halves."""
    if block["type"] == "text":
        first, *rest = block["text"].split(" ")
        words = [first, *(f" {word}" for word in rest)]
        return block | {"text": ""}, [{"type": "text_delta", "text": word} for word in words]
    if block["type"] == "tool_use":
        written = json.dumps(block["input"])
        halves = [written[: len(written) // 2], written[len(written) // 2 :]]
        return block | {"input": {}}, [{"type": "input_json_delta", "partial_json": half} for half in halves]
    if block["type"] == "thinking":
        deltas = [{"type": "thinking_delta", "thinking": block["thinking"]}]
        signature = {"type": "signature_delta", "signature": block["signature"]}
        return block | {"thinking": "", "signature": ""}, [*deltas, signature]
    return block, []


def _has_result(message: dict[str, Any]) -> bool:
    content = message["content"]
    return isinstance(content, list) and any(block["type"] == "tool_result" for block in content)


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
                document = outer.script.document(body)
                if self.path.startswith("/v1/messages/count_tokens") and outer.script.status == 200:
                    document = {"input_tokens": outer.script.token_count}
                elif body.get("stream") and outer.script.status == 200:
                    self.stream(outer.script, body)
                    return
                payload = json.dumps(document).encode()
                self.send_response(outer.script.status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(payload)))
                self.end_headers()
                self.close_connection = self.close_connection or outer.script.cut
                self.wfile.write(payload[: len(payload) // 2] if outer.script.cut else payload)

            def stream(self, script: Script, body: dict[str, Any]) -> None:
                outer.written = []
                self.close_connection = True
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                try:
                    for seconds, event in script.events(body):
                        time.sleep(seconds)
                        self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
                        if event["type"] == "content_block_delta":
                            outer.written.append(time.monotonic())
                except OSError:
                    outer.given_up.set()

            def log_message(self, *args: object) -> None:
                """Keep the test's output quiet."""

        return Handler
