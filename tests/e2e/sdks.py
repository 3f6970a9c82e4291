"""The official SDKs behind one face: what a test says to the stack in either of them, and what came back."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import anthropic
import openai

TOOL_NAME = "get_weather"
TOOL_TEXT = "The weather in a city."
TOOL_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
# An answer from the cache would tell nothing of the dialect that asked.
FRESH = {"cache-control": "no-store"}


@dataclass(frozen=True)
class Said:
    """An answer. `ended` is the SDK's own word; `call` the id, name and input of the tool that is called.

    Every way to ask takes `stream=True`: then the SDK puts the answer together from a stream.
    """

    text: str
    ended: str
    input_tokens: int
    output_tokens: int
    request_id: str
    message: Any
    call: tuple[str, str, dict[str, Any]] | None = None


class OpenAiSdk:
    """The `openai` SDK with a key. `errors` has its exceptions; `ended` its words for why an answer ended."""

    errors = openai
    ended = MappingProxyType({"stop": "stop", "length": "length", "tool": "tool_calls"})

    def __init__(self, gateway: str, key: str) -> None:
        self._client = openai.OpenAI(
            base_url=f"{gateway}/api/v1", api_key=key, timeout=120, max_retries=0, default_headers=FRESH
        )

    def ask(self, *turns: str, system: str | None = None, model: str = "auto", **more: Any) -> Said:
        head = [{"role": "system", "content": system}] if system else []
        return self._create([*head, *_alternating(turns)], model=model, **more)

    def ask_with_stop(self, prompt: str, stop: str, **more: Any) -> Said:
        return self.ask(prompt, stop=[stop], **more)

    def ask_for_json(self, prompt: str, schema: dict[str, Any], **more: Any) -> Said:
        form = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
        return self.ask(prompt, response_format=form, **more)

    def ask_about_image(self, prompt: str, png: bytes) -> Said:
        url = f"data:image/png;base64,{base64.b64encode(png).decode()}"
        parts = [{"type": "text", "text": prompt}, {"type": "image_url", "image_url": {"url": url}}]
        return self._create([{"role": "user", "content": parts}])

    def ask_with_tool(
        self, prompt: str, before: Said | None = None, result: str | None = None, *, stream: bool = False
    ) -> Said:
        messages: list[Any] = [{"role": "user", "content": prompt}]
        if before and before.call:
            messages += [before.message, {"role": "tool", "tool_call_id": before.call[0], "content": result}]
        function = {"name": TOOL_NAME, "description": TOOL_TEXT, "parameters": TOOL_SCHEMA}
        # The SDK puts the calls of strict tools together only.
        strict = {"strict": True} if stream else {}
        return self._create(messages, stream=stream, tools=[{"type": "function", "function": function | strict}])

    def leave_after_a_word(self, prompt: str, **more: Any) -> str:
        """Read the first word of a stream and go away; the request's id."""
        messages = _alternating((prompt,))
        with self._client.chat.completions.create(messages=messages, stream=True, **more) as stream:
            chunk = next(chunk for chunk in stream if chunk.choices and chunk.choices[0].delta.content)
        return str(chunk.id.removeprefix("chatcmpl-"))

    def models(self) -> list[str]:
        return [model.id for model in self._client.models.list()]

    def close(self) -> None:
        self._client.close()

    def _create(self, messages: list[Any], *, stream: bool = False, **more: Any) -> Said:
        fields: dict[str, Any] = {"model": "auto", "max_tokens": 40, "messages": messages} | more
        done: Any
        if stream:
            fields["stream_options"] = {"include_usage": True}
            with self._client.chat.completions.stream(**fields) as events:
                done = events.get_final_completion()
        else:
            done = self._client.chat.completions.create(**fields)
            assert done._request_id == done.id.removeprefix("chatcmpl-")
        choice, usage = done.choices[0], done.usage
        assert usage is not None
        calls: list[Any] = list(choice.message.tool_calls or [])
        call = (calls[0].id, calls[0].function.name, json.loads(calls[0].function.arguments)) if calls else None
        return Said(
            text=choice.message.content or "",
            ended=choice.finish_reason,
            input_tokens=usage.prompt_tokens,
            output_tokens=usage.completion_tokens,
            request_id=done.id.removeprefix("chatcmpl-"),
            message=choice.message,
            call=call,
        )


class AnthropicSdk:
    """The `anthropic` SDK with a key, in the same shape."""

    errors = anthropic
    ended = MappingProxyType({"stop": "end_turn", "length": "max_tokens", "tool": "tool_use"})

    def __init__(self, gateway: str, key: str) -> None:
        self.client = anthropic.Anthropic(
            base_url=f"{gateway}/api", api_key=key, timeout=120, max_retries=0, default_headers=FRESH
        )

    def ask(self, *turns: str, system: str | None = None, model: str = "auto", **more: Any) -> Said:
        if system:
            more["system"] = system
        return self._create(_alternating(turns), model=model, **more)

    def ask_with_stop(self, prompt: str, stop: str, **more: Any) -> Said:
        said = self.ask(prompt, stop_sequences=[stop], **more)
        assert (said.message["stop_reason"], said.message["stop_sequence"]) == ("stop_sequence", stop)
        return said

    def ask_for_json(self, prompt: str, schema: dict[str, Any], **more: Any) -> Said:
        return self.ask(prompt, output_config={"format": {"type": "json_schema", "schema": schema}}, **more)

    def ask_about_image(self, prompt: str, png: bytes) -> Said:
        source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(png).decode()}
        return self._create(
            [{"role": "user", "content": [{"type": "text", "text": prompt}, {"type": "image", "source": source}]}]
        )

    def ask_with_tool(
        self, prompt: str, before: Said | None = None, result: str | None = None, *, stream: bool = False
    ) -> Said:
        messages: list[Any] = [{"role": "user", "content": prompt}]
        if before and before.call:
            block = {"type": "tool_result", "tool_use_id": before.call[0], "content": result}
            messages += [
                {"role": "assistant", "content": before.message["content"]},
                {"role": "user", "content": [block]},
            ]
        tool = {"name": TOOL_NAME, "description": TOOL_TEXT, "input_schema": TOOL_SCHEMA}
        return self._create(messages, stream=stream, tools=[tool])

    def leave_after_a_word(self, prompt: str, **more: Any) -> str:
        """Read the first word of a stream and go away; the request's id."""
        with self.client.messages.stream(messages=_alternating((prompt,)), max_tokens=40, **more) as stream:
            next(stream.text_stream)
            return stream.current_message_snapshot.id.removeprefix("msg_")

    def models(self) -> list[str]:
        return [model.id for model in self.client.models.list()]

    def close(self) -> None:
        self.client.close()

    def _create(self, messages: list[Any], *, stream: bool = False, **more: Any) -> Said:
        fields: dict[str, Any] = {"model": "auto", "max_tokens": 40, "messages": messages} | more
        done: Any
        if stream:
            with self.client.messages.stream(**fields) as events:
                done = events.get_final_message()
        else:
            done = self.client.messages.create(**fields)
            assert done._request_id == done.id.removeprefix("msg_")
        calls: list[Any] = [block for block in done.content if block.type == "tool_use"]
        call = (calls[0].id, calls[0].name, dict(calls[0].input)) if calls else None
        return Said(
            text="".join(block.text for block in done.content if block.type == "text"),
            ended=str(done.stop_reason),
            input_tokens=done.usage.input_tokens,
            output_tokens=done.usage.output_tokens,
            request_id=done.id.removeprefix("msg_"),
            message=done.model_dump(),
            call=call,
        )


def _alternating(turns: tuple[str, ...]) -> list[Any]:
    return [{"role": ("user", "assistant")[index % 2], "content": text} for index, text in enumerate(turns)]


Sdk = OpenAiSdk | AnthropicSdk
