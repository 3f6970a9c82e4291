import re
from typing import Any

import pytest

from compose.local.ollama_server.errors import BadRequestError
from compose.local.ollama_server.wire import (
    End,
    answer_end,
    answer_loaded,
    answer_part,
    model_name,
    parse_body,
    parse_chat,
    parse_generate,
)
from tests.unit.ollama_server.ollama_fakes import USAGE

USER = {"role": "user", "content": "Hi"}
END = End(USAGE, total=900, load=20)


def chat(**fields: object) -> dict[str, object]:
    return {"model": "m", "messages": [USER], **fields}


def generate(**fields: object) -> dict[str, object]:
    return {"model": "m", "prompt": "Hi", **fields}


def test_a_chat_streams_unless_told_otherwise() -> None:
    assert parse_chat(chat()).stream
    assert not parse_chat(chat(stream=False)).stream
    assert parse_chat(chat(stream=None)).stream


def test_chat_messages_keep_role_and_content_only() -> None:
    ask = parse_chat(chat(messages=[{"role": "system"}, {**USER, "name": "x"}]))
    assert ask.messages == ({"role": "system", "content": ""}, USER)


def test_a_chat_without_messages_only_loads() -> None:
    assert parse_chat(chat(messages=[])).empty
    assert parse_chat({"model": "m"}).empty


def test_a_generate_prompt_becomes_a_conversation_with_its_system_text() -> None:
    ask = parse_generate(generate(system="Be kind."))
    assert ask.messages == ({"role": "system", "content": "Be kind."}, USER)
    assert ask.prompt == ""


def test_a_raw_prompt_and_a_template_go_past_the_chat_template() -> None:
    raw = parse_generate(generate(raw=True))
    filled = parse_generate(generate(system="S", template="{{ .System }}>{{ .Prompt }}<"))
    assert (raw.messages, raw.prompt) == ((), "Hi")
    assert (filled.messages, filled.prompt) == ((), "S>Hi<")


def test_a_generate_without_a_prompt_only_loads() -> None:
    assert parse_generate({"model": "m", "system": "S"}).empty


def test_options_and_format_are_translated() -> None:
    ask = parse_generate(generate(options={"num_predict": 3}, format="json"))
    assert ask.sampling["n_predict"] == 3
    assert ask.schema == {"type": "object"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (chat(messages="Hi"), "messages must be an array"),
        (chat(messages=["Hi"]), "each message must be an object"),
        (chat(messages=[{"role": "boss", "content": "x"}]), "invalid role 'boss'"),
        (chat(messages=[{"role": "user", "content": [{"type": "text"}]}]), "content must be a string"),
        (chat(messages=[{**USER, "images": ["aGk="]}]), "m does not support vision"),
        (chat(messages=[{**USER, "tool_calls": [{}]}]), "m does not support tools"),
        (chat(tools=[{"type": "function"}]), "m does not support tools"),
        (chat(think=True), "m does not support thinking"),
        (chat(logprobs=True), "m does not support logprobs"),
        (chat(stream="no"), "stream must be true or false"),
    ],
)
def test_a_chat_that_cannot_be_answered_says_why(body: dict[str, object], message: str) -> None:
    with pytest.raises(BadRequestError, match=re.escape(message)):
        parse_chat(body)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"prompt": 5}, "prompt must be a string"),
        ({"images": ["aGk="]}, "m does not support vision"),
        ({"suffix": "}"}, "m does not support insert"),
        ({"context": [1, 2]}, "context is not supported here"),
        ({"raw": True, "system": "S"}, "raw mode does not support template, system, or context"),
        ({"raw": "yes"}, "raw must be true or false"),
    ],
)
def test_a_generate_that_cannot_be_answered_says_why(fields: dict[str, object], message: str) -> None:
    with pytest.raises(BadRequestError, match=re.escape(message)):
        parse_generate(generate(**fields))


def test_empty_lists_and_false_ask_for_no_ability() -> None:
    parse_chat(chat(tools=[], think=False, messages=[{**USER, "images": []}]))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "missing request body"),
        (b" \n", "missing request body"),
        (b"{", "invalid JSON"),
        (b"\xff", "invalid JSON"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": "\\ud800"}', "invalid JSON"),
        (b"[" * 100_000, "invalid JSON"),
        (b"[]", "the request body must be a JSON object"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(BadRequestError, match=message):
        parse_body(raw)


def test_the_model_name_is_looked_up_in_the_given_fields() -> None:
    assert model_name({"name": "a", "model": ""}, "model", "name") == "a"
    with pytest.raises(BadRequestError, match="model is required"):
        model_name({"name": "a"}, "model")


def test_a_chat_answer_has_the_fields_of_ollama() -> None:
    ask = parse_chat(chat())
    part: dict[str, Any] = answer_part(ask, "He")
    assert part["message"] == {"role": "assistant", "content": "He"}
    assert part["done"] is False
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", part["created_at"])
    end = answer_end(ask, END)
    assert list(end) == [
        "model",
        "created_at",
        "message",
        "done",
        "done_reason",
        "total_duration",
        "load_duration",
        "prompt_eval_count",
        "prompt_eval_duration",
        "eval_count",
        "eval_duration",
    ]
    assert (end["prompt_eval_count"], end["eval_count"], end["total_duration"]) == (7, 2, 900)


def test_a_generate_answer_carries_its_text_in_response() -> None:
    ask = parse_generate(generate())
    assert answer_part(ask, "He")["response"] == "He"
    assert answer_end(ask, END, "Hello")["response"] == "Hello"
    loaded = answer_loaded(ask)
    assert (loaded["response"], loaded["done"], loaded["done_reason"]) == ("", True, "load")
