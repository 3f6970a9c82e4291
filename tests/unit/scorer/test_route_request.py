"""Reading a route request from JSON."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.runtime.errors import BadRequest
from services.scorer.request import RouteRequest, read_request

USER = {"role": "user", "content": "What is Python?"}


def key(**body: Any) -> str | None:
    return read_request({"prompt": "What is Python?"} | body if "messages" not in body else body).cache_key("auto")


def test_defaults() -> None:
    request = read_request({"prompt": "hi", "max_tokens": None, "system": None})
    assert request == RouteRequest(prompt="hi", input_tokens=request.input_tokens, generation=request.generation)


def test_last_text_of_the_user_is_scored_and_everything_is_counted() -> None:
    messages = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "answer " * 100},
        {"role": "user", "content": [{"type": "text", "text": "second"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "name": "look", "input": {"x": 1}}]},
        {"role": "user", "content": [{"type": "tool_result", "content": "result " * 100}]},
    ]
    request = read_request({"messages": messages, "system": [{"type": "text", "text": "be kind " * 100}]})
    assert request.prompt == "second"
    assert request.input_tokens > 500


def test_without_words_of_the_user_the_last_text_is_scored() -> None:
    assert read_request({"messages": [{"role": "system", "content": "Prove it."}]}).prompt == "Prove it."


def test_tools_count_as_input_and_as_a_need() -> None:
    tools = [{"name": "look", "description": "looks something up " * 50}]
    request = read_request({"messages": [USER], "tools": tools})
    assert request.needs == {"tools"}
    assert request.input_tokens > read_request({"messages": [USER]}).input_tokens + 150


def test_images_are_a_need_and_their_data_is_not_counted_as_text() -> None:
    image = {"type": "image", "source": {"type": "base64", "data": "A" * 100_000}}
    request = read_request({"messages": [{"role": "user", "content": [{"type": "text", "text": "What?"}, image]}]})
    assert request.needs == {"images"}
    assert 1_600 <= request.input_tokens < 2_000


def test_a_tool_result_with_an_image_needs_a_model_that_sees() -> None:
    image = {"type": "image", "source": {"type": "base64", "data": "A" * 100_000}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "a chart"}, image]}
    request = read_request({"messages": [USER, {"role": "user", "content": [result]}]})
    assert request.prompt == USER["content"]
    assert request.needs == {"images"}
    assert 1_600 <= request.input_tokens < 2_000


@pytest.mark.parametrize("data", [{"data": "A" * 800_000}, {"sha256": "0" * 64, "bytes": 600_000}])
def test_a_document_counts_by_its_size_and_not_as_text(data: dict[str, Any]) -> None:
    document = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", **data}}
    request = read_request({"messages": [{"role": "user", "content": [document, {"type": "text", "text": "Sum up."}]}]})
    assert (request.prompt, request.input_tokens // 1_000) == ("Sum up.", 30)


def test_what_only_the_cloud_can_do_is_read_and_is_no_other_request() -> None:
    request = read_request({"prompt": "What is Python?", "cloud_only": ["thinking"]})
    assert request.cloud_only == ("thinking",)
    assert key(cloud_only=["thinking"]) == key(cloud_only=[]) == key()
    assert key(extras={"thinking": {"type": "adaptive"}}) != key()
    with pytest.raises(BadRequest, match="cloud_only"):
        read_request({"prompt": "hi", "cloud_only": "thinking"})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "messages"),
        ({"prompt": "x", "messages": [USER]}, "messages"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [USER, 5]}, "messages[1]"),
        ({"messages": [{"content": "x"}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [5]}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": []}]}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 5}]}]}, "messages[0].content"),
        ({"prompt": "x", "system": 5}, "system"),
        ({"prompt": "x", "model": ""}, "model"),
        ({"prompt": "x", "max_tokens": 0}, "max_tokens"),
        ({"prompt": "x", "max_tokens": True}, "max_tokens"),
        ({"prompt": "x", "max_tokens": 1.5}, "max_tokens"),
        ({"prompt": "x", "stream": "yes"}, "stream"),
        ({"prompt": "x", "needs": ["tools"]}, "needs"),
        ({"prompt": "x", "needs": {"magic": True}}, "needs.magic"),
        ({"prompt": "x", "needs": {"tools": 1}}, "needs.tools"),
        ({"prompt": "x", "privacy": "secret"}, "privacy"),
        ({"prompt": "x", "privacy": ["any"]}, "privacy"),
        ({"prompt": "x", "cache": True}, "cache"),
        ({"prompt": "x", "thresholds": {"small": 2}}, "thresholds.small"),
        ({"prompt": "x", "thresholds": {"huge": 0.5}}, "thresholds.huge"),
        ({"prompt": "x", "thresholds": {"small": True}}, "thresholds.small"),
        ({"prompt": "x", "request_id": 5}, "request_id"),
        ({"prompt": "x", "allowed_models": "tiny"}, "allowed_models"),
        ({"prompt": "x", "allowed_models": ["tiny", 5]}, "allowed_models"),
    ],
)
def test_wrong_field_is_named(body: dict[str, Any], field: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read_request(body)
    assert caught.value.details["field"] == field
    assert caught.value.status == 400


def test_deeply_nested_block_is_a_bad_request() -> None:
    deep: Any = {"type": "x"}
    for _ in range(5_000):
        deep = {"type": "x", "in": deep}
    with pytest.raises(BadRequest):
        read_request({"messages": [{"role": "user", "content": [deep]}]})


@pytest.mark.parametrize(
    "same",
    [
        {"request_id": "r2", "key_id": "k2", "dialect": "openai", "stream": True, "thresholds": {"small": 0.5}},
        {"cache": "refresh"},
        {"messages": [USER]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "What is Python?"}]}]},
        {"needs": {"tools": False}, "privacy": "any", "system": None, "allowed_models": None},
    ],
)
def test_what_does_not_change_the_answer_does_not_change_the_key(same: dict[str, Any]) -> None:
    assert key(**same) == key()


@pytest.mark.parametrize(
    "other",
    [
        {"prompt": "What is python?"},
        {"system": "Be brief."},
        {"max_tokens": 10},
        {"needs": {"json": True}},
        {"temperature": 0.5},
        {"tools": [{"name": "look"}]},
        {"allowed_models": ["tiny"]},
        {"messages": [{"role": "assistant", "content": "What is Python?"}]},
        {"messages": [{"role": "user", "content": "Hi"}, USER]},
        {"messages": [USER | {"tool_call_id": "7"}]},
    ],
)
def test_what_changes_the_answer_changes_the_key(other: dict[str, Any]) -> None:
    assert key(**other) not in (None, key())


def test_order_of_text_and_images_changes_the_key() -> None:
    text, image = {"type": "text", "text": "What?"}, {"type": "image", "source": "x"}
    one, two = ([text, image], [image, text])
    assert key(messages=[{"role": "user", "content": one}]) != key(messages=[{"role": "user", "content": two}])


def test_key_depends_on_the_requested_model() -> None:
    request = read_request({"prompt": "hi"})
    assert request.cache_key("auto") != request.cache_key("tiny")


@pytest.mark.parametrize(
    "body", [{"cache": "off"}, {"privacy": "local-only"}, {"needs": {"tools": True}}, {"needs": {"images": True}}]
)
def test_request_whose_answer_must_not_be_shared_has_no_key(body: dict[str, Any]) -> None:
    assert key(**body) is None


NAMES = st.sampled_from(
    ["prompt", "messages", "system", "model", "role", "content", "type", "text", "needs", "tools", "thresholds",
     "small", "privacy", "cache", "max_tokens", "stream", "x"]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
WORDS = st.sampled_from(["user", "text", "image", "auto", "local-only", "off"])
JSON = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(NAMES, JSON, max_size=6))
@settings(max_examples=400)
def test_any_object_is_a_request_or_a_bad_request(body: dict[str, Any]) -> None:
    try:
        request = read_request(body)
    except BadRequest:
        return
    assert request.input_tokens > 0
    assert request.cache_key("auto") == read_request(body).cache_key("auto")


def test_lone_surrogates_have_a_key() -> None:
    assert key(prompt="\ud800")
