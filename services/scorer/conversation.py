"""The messages of a request in any of the chat dialects: their text, their length, their normal form."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from services.runtime.errors import BadRequest
from services.scorer.tokens import estimate_tokens

_TEXT_BLOCKS = frozenset({"text", "input_text", "output_text"})
_IMAGE_BLOCKS = frozenset({"image", "image_url", "input_image"})
_IMAGE_TOKENS = 1_600  # the most that Claude counts for an image of its standard size
_BYTES_PER_TOKEN = 20  # of a PDF: a page of 50 KB or so is read as its text and an image
_MESSAGE_TOKENS = 4  # role and separators


@dataclass
class Conversation:
    """What was said so far.

    `prompt` is the last text of the user; `tokens` an estimate for all messages, the system prompt
    and the tools; `normal` is the same for messages that say the same in different shapes.
    """

    prompt: str = ""
    tokens: int = 0
    images: int = 0
    normal: list[Any] = field(default_factory=list)

    def add(self, role: str, content: Any, where: str) -> str:
        """Take in one message and return its text; BadRequest when `content` has another shape."""
        blocks = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
        parts: list[Any] = []
        for index, block in enumerate(blocks):
            kind = block.get("type") if isinstance(block, dict) else None
            if not isinstance(kind, str):
                raise BadRequest(f"{where}[{index}] must be a content block with a type.", field=where)
            if kind not in _TEXT_BLOCKS:
                parts.append(self._other(kind, block))
            elif isinstance(block.get("text"), str):
                parts.append(block["text"])
            else:
                raise BadRequest(f"{where}[{index}] must have a text.", field=where)
        said = "\n".join(part for part in parts if isinstance(part, str))
        self.tokens += estimate_tokens(said) + _MESSAGE_TOKENS
        self.normal.append([role, parts])
        return said

    def _other(self, kind: str, block: dict[str, Any]) -> dict[str, Any]:
        if kind in _IMAGE_BLOCKS:
            self.images += 1
            self.tokens += _IMAGE_TOKENS
            return _normal(block)
        inner = block.get("content")
        if kind == "tool_result" and isinstance(inner, list):
            self._count_result(inner)
            block = {**block, "content": [_normal(part) if isinstance(part, dict) else part for part in inner]}
        else:
            size = _data_bytes(block)
            text = json.dumps(block, ensure_ascii=False) if size is None else ""
            self.tokens += estimate_tokens(text) if size is None else max(_IMAGE_TOKENS, size // _BYTES_PER_TOKEN)
        return _normal(block)

    def _count_result(self, parts: list[Any]) -> None:
        """A tool's result may have images; its words are nobody's question."""
        for part in parts:
            kind = part.get("type") if isinstance(part, dict) else None
            if kind in _IMAGE_BLOCKS:
                self.images += 1
                self.tokens += _IMAGE_TOKENS
            else:
                text = part.get("text") if isinstance(part, dict) and kind in _TEXT_BLOCKS else None
                self.tokens += estimate_tokens(text if isinstance(text, str) else json.dumps(part, ensure_ascii=False))


def _normal(block: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in block.items() if name != "cache_control"}


def _data_bytes(block: dict[str, Any]) -> int | None:
    """The size of what a document holds as data, where it is told or there; None for words."""
    source = block.get("source")
    if not isinstance(source, dict) or source.get("type") != "base64":
        return None
    told, data = source.get("bytes"), source.get("data")
    if type(told) is int and told >= 0:
        return told
    return len(data) * 3 // 4 if isinstance(data, str) else 0


def read_conversation(given: dict[str, Any]) -> Conversation:
    """Read `prompt` or `messages`, `system` and `tools`; BadRequest names the field that is wrong."""
    said = Conversation()
    if ("prompt" in given) == ("messages" in given):
        raise BadRequest("Give either prompt or messages.", field="messages")
    if "system" in given:
        said.add("system", _content(given["system"], "system"), "system")
    if "prompt" in given:
        if not isinstance(given["prompt"], str) or not given["prompt"]:
            raise BadRequest("prompt must be a string that is not empty.", field="prompt")
        said.prompt = said.add("user", given["prompt"], "prompt")
    else:
        said.prompt = _read_messages(given["messages"], said)
    if given.get("tools"):
        said.tokens += estimate_tokens(json.dumps(given["tools"], ensure_ascii=False))
    return said


def _read_messages(messages: Any, said: Conversation) -> str:
    if not isinstance(messages, list) or not messages:
        raise BadRequest("messages must be a list that is not empty.", field="messages")
    last, last_of_user = "", ""
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise BadRequest(f"{where} must be an object with a role.", field=where)
        text = said.add(message["role"], _content(message.get("content"), f"{where}.content"), f"{where}.content")
        _add_tool_calls(message, said)
        last = text or last
        if message["role"] == "user":
            last_of_user = text or last_of_user
    return last_of_user or last


def _content(content: Any, where: str) -> Any:
    if content is not None and not isinstance(content, str | list):
        raise BadRequest(f"{where} must be a string or a list of content blocks.", field=where)
    return content


def _add_tool_calls(message: dict[str, Any], said: Conversation) -> None:
    """OpenAI's messages carry tool calls and their ids beside the content."""
    beside = {name: value for name, value in message.items() if name not in ("role", "content") and value is not None}
    if beside:
        said.tokens += estimate_tokens(json.dumps(beside, ensure_ascii=False))
        said.normal.append(beside)
