"""Ollama's requests and answers as values; nothing here knows of HTTP or of the engine."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from .card import rfc3339
from .errors import BadRequestError
from .options import answer_schema, sampling
from .template import fill_template

Kind = Literal["chat", "generate"]
ROLES = frozenset({"system", "user", "assistant", "tool"})
# What a request may ask of a model that this server cannot give, by field; Ollama's words for it.
BEYOND = {
    "images": "vision",
    "tools": "tools",
    "tool_calls": "tools",
    "suffix": "insert",
    "think": "thinking",
    "logprobs": "logprobs",
}


@dataclass(frozen=True)
class Usage:
    """The end of a completion: real counts in tokens, engine times in nanoseconds."""

    prompt_tokens: int
    output_tokens: int
    prompt_nanoseconds: int
    output_nanoseconds: int
    done_reason: str


@dataclass(frozen=True)
class End:
    """The end of an answer: its counts, and the nanoseconds it took in all and waited for the model."""

    usage: Usage
    total: int
    load: int


@dataclass(frozen=True)
class Ask:
    """A valid request: either `messages` for the chat template or a ready `prompt`; neither means: load."""

    kind: Kind
    model: str
    stream: bool
    messages: tuple[Mapping[str, str], ...]
    prompt: str
    sampling: Mapping[str, object]
    schema: Mapping[str, object] | None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to answer; Ollama loads the model then."""
        return not self.messages and not self.prompt


def parse_body(raw: bytes) -> dict[str, object]:
    """The JSON object in a request body; raises BadRequestError."""
    if not raw.strip():
        raise BadRequestError("missing request body")
    try:
        body = json.loads(raw, parse_constant=_no_constant)
        json.dumps(body, ensure_ascii=False).encode()  # a lone surrogate is no text
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"invalid JSON: {error}") from None
    if not isinstance(body, dict):
        raise BadRequestError("the request body must be a JSON object")
    return body


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def model_name(body: Mapping[str, object], *fields: str) -> str:
    """The first name given in the fields; raises BadRequestError when there is none."""
    for field in fields:
        if name := _text(body, field):
            return name
    raise BadRequestError("model is required")


def parse_chat(body: Mapping[str, object]) -> Ask:
    """The request of POST /api/chat; raises BadRequestError."""
    messages = body.get("messages") or []
    if not isinstance(messages, list):
        raise BadRequestError("messages must be an array")
    turns = tuple(_message(message) for message in messages)
    for message in messages:
        _refuse_abilities(body, message)
    return _ask("chat", body, turns, "")


def parse_generate(body: Mapping[str, object]) -> Ask:
    """The request of POST /api/generate; raises BadRequestError."""
    prompt, system, template = (_text(body, field) for field in ("prompt", "system", "template"))
    if body.get("context"):
        raise BadRequestError("context is not supported here; send the conversation to /api/chat")
    raw = _flag(body, "raw", default=False)
    if raw and (system or template):
        raise BadRequestError("raw mode does not support template, system, or context")
    if not prompt or raw:
        return _ask("generate", body, (), prompt)
    if template:
        return _ask("generate", body, (), fill_template(template, system, prompt))
    turns = (("system", system), ("user", prompt))
    return _ask("generate", body, tuple({"role": role, "content": text} for role, text in turns if text), "")


def _ask(kind: Kind, body: Mapping[str, object], messages: tuple[Mapping[str, str], ...], prompt: str) -> Ask:
    _refuse_abilities(body, body)
    return Ask(
        kind=kind,
        model=model_name(body, "model"),
        stream=_flag(body, "stream", default=True),
        messages=messages,
        prompt=prompt,
        sampling=sampling(body.get("options")),
        schema=answer_schema(body.get("format")),
    )


def _refuse_abilities(body: Mapping[str, object], part: Mapping[str, object]) -> None:
    for field, ability in BEYOND.items():
        if part.get(field):
            raise BadRequestError(f"{body.get('model')} does not support {ability}")


def _message(message: object) -> dict[str, str]:
    if not isinstance(message, Mapping):
        raise BadRequestError("each message must be an object with role and content")
    role = _text(message, "role")
    if role not in ROLES:
        raise BadRequestError(f"invalid role {role!r}; expected one of {', '.join(sorted(ROLES))}")
    return {"role": role, "content": _text(message, "content")}


def _text(body: Mapping[str, object], field: str) -> str:
    value = body.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadRequestError(f"{field} must be a string")
    return value


def _flag(body: Mapping[str, object], field: str, *, default: bool) -> bool:
    value = body.get(field)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise BadRequestError(f"{field} must be true or false")
    return value


def answer_part(ask: Ask, text: str) -> dict[str, object]:
    """One line of a stream, with the text that was just made."""
    return {**_head(ask), **_content(ask, text), "done": False}


def answer_end(ask: Ask, end: End, text: str = "") -> dict[str, object]:
    """The last line of a stream, or with its text the whole answer."""
    usage = end.usage
    return {
        **_head(ask),
        **_content(ask, text),
        "done": True,
        "done_reason": usage.done_reason,
        "total_duration": end.total,
        "load_duration": end.load,
        "prompt_eval_count": usage.prompt_tokens,
        "prompt_eval_duration": usage.prompt_nanoseconds,
        "eval_count": usage.output_tokens,
        "eval_duration": usage.output_nanoseconds,
    }


def answer_loaded(ask: Ask) -> dict[str, object]:
    """The answer to a request without a prompt: the model is loaded, and stays so."""
    return {**_head(ask), **_content(ask, ""), "done": True, "done_reason": "load"}


def _head(ask: Ask) -> dict[str, object]:
    return {"model": ask.model, "created_at": rfc3339(datetime.now(UTC))}


def _content(ask: Ask, text: str) -> dict[str, object]:
    if ask.kind == "chat":
        return {"message": {"role": "assistant", "content": text}}
    return {"response": text}
