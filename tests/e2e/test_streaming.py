"""Answers that reach the caller while the model still writes, and books that are exact all the same."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from itertools import pairwise
from json import loads
from threading import Event
from typing import Any

import openai
import pytest
import requests

from tests.e2e.running import EASY, HARD, RunningStack, eventually

pytestmark = pytest.mark.timeout(300)

USAGE = {
    "input_tokens": 1234,
    "output_tokens": 567,
    "cache_read_input_tokens": 8900,
    "cache_creation_input_tokens": 300,
    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
}
# Sonnet 5.5, in millionths of a dollar: 1234*2 + 567*10 + 8900*0.1 + 100*2.5 + 200*4 = 10078
COST = Decimal("0.010078")
# The same without the answer: 1234*2 + 8900*0.1 + 100*2.5 + 200*4 = 4408
INPUT_COST = Decimal("0.004408")
OUTPUT_PRICE = Decimal("0.00001")


def events(response: requests.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each event of a native stream as soon as it is there; money as Decimal."""
    name = ""
    for line in response.iter_lines(chunk_size=1, decode_unicode=True):
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, loads(value, parse_float=Decimal)


def ask(running: RunningStack, prompt: str, **fields: Any) -> requests.Response:
    response = running.post(json={"prompt": prompt, "stream": True, **fields}, stream=True)
    response.encoding = "utf-8"
    return response


@pytest.fixture
def sdk(running: RunningStack) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=running.api, api_key=running.key, timeout=60, max_retries=0) as client:
        yield client


def user(prompt: str) -> Any:
    return [{"role": "user", "content": prompt}]


def test_the_first_token_comes_while_claude_still_writes(running: RunningStack) -> None:
    rest = Event()
    with running.claude_says(usage=USAGE, text="Eins zwei drei — äöü 漢字 🙂", hold=rest):
        response = ask(running, f"{HARD} Stream the first token.")
        assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        stream = events(response)
        # Claude writes no second word before this one is here.
        assert next(stream) == ("token", {"text": "Eins"})
        rest.set()
        *tokens, (last, document) = stream
    assert "".join(token["text"] for _, token in tokens) == " zwei drei — äöü 漢字 🙂"
    assert (last, document["response"], document["backend"]) == ("done", "Eins zwei drei — äöü 漢字 🙂", "cloud")
    assert (document["cost"], document["models_tried"]) == (COST, [])
    entry = running.entry(document["request_id"])
    assert document["request_id"] == response.headers["x-request-id"]
    assert (entry["status"], Decimal(entry["cost"]), entry["usage"]["output_tokens"]) == ("ok", COST, 567)


def test_tokens_come_at_the_pace_they_are_written(running: RunningStack) -> None:
    with running.claude_says(text=" ".join(["word"] * 20), gap=0.05):
        begun = time.monotonic()
        seen = [time.monotonic() for name, _ in events(ask(running, f"{HARD} At its pace.")) if name == "token"]
    written = running.claude.written
    assert len(seen) == len(written) == 20
    delays = sorted(there - here for here, there in zip(written, seen, strict=True))
    gaps = [later - earlier for earlier, later in pairwise(seen)]
    first = seen[0] - begun
    print(f"first token after {first:.3f} s, delay {delays[10]:.4f} s, gaps {min(gaps):.3f} to {max(gaps):.3f} s")
    # The answer took a second: half of the words came long before its end.
    assert seen[10] < written[-1]
    assert delays[10] < 0.1


@pytest.mark.parametrize("with_usage", [True, False])
def test_the_openai_sdk_reads_the_stream(running: RunningStack, sdk: openai.OpenAI, with_usage: bool) -> None:
    options: Any = {"stream_options": {"include_usage": True}} if with_usage else {}
    with running.claude_says(usage=USAGE):
        chunks = list(
            sdk.chat.completions.create(
                model="auto", messages=user(f"{HARD} With usage: {with_usage}."), stream=True, **options
            )
        )
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert choices[0].delta.role == "assistant"
    assert "".join(choice.delta.content or "" for choice in choices) == "A balanced tree rotates."
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["stop"]
    assert len({chunk.id for chunk in chunks}) == len({chunk.created for chunk in chunks}) == 1
    assert {chunk.model for chunk in chunks} == {"claude-sonnet-5-5"}
    usages = [chunk.usage for chunk in chunks if chunk.usage]
    assert [(one.prompt_tokens, one.completion_tokens) for one in usages] == ([(10434, 567)] if with_usage else [])
    # The books do not depend on what the caller wants to know.
    entry = running.entry(chunks[0].id.removeprefix("chatcmpl-"))
    assert (Decimal(entry["cost"]), entry["dialect"], entry["status"]) == (COST, "openai", "ok")


def test_the_small_local_model_streams(running: RunningStack, sdk: openai.OpenAI) -> None:
    stream = sdk.chat.completions.create(
        model="auto",
        messages=user(f"{EASY} Stream it."),
        max_tokens=30,
        stream=True,
        stream_options={"include_usage": True},
    )
    seen = [(time.monotonic(), chunk) for chunk in stream]
    chunks = [chunk for _, chunk in seen]
    times = [when for when, chunk in seen if chunk.choices and chunk.choices[0].delta.content]
    assert len(times) > 5
    assert times[-1] > times[0]
    assert chunks[-2].choices[0].finish_reason == "length"
    usage = chunks[-1].usage
    assert usage is not None
    assert {chunk.model for chunk in chunks} == {"smollm2-135m"}
    entry = running.entry(chunks[0].id.removeprefix("chatcmpl-"))
    assert (entry["backend"], Decimal(entry["cost"]), entry["status"]) == ("local", Decimal(0), "ok")
    assert entry["usage"]["output_tokens"] == usage.completion_tokens == 30
    assert entry["usage"]["input_tokens"] == usage.prompt_tokens > 0


def test_a_cached_answer_is_a_short_stream(running: RunningStack) -> None:
    prompt = f"{HARD} In months of the year."

    def cached() -> list[tuple[str, dict[str, Any]]] | None:
        got = list(events(ask(running, prompt)))
        return got if got[-1][1]["cached"] else None

    first = list(events(ask(running, prompt)))[-1][1]
    (name, token), (last, document) = eventually(cached, 10)
    assert (name, last, document["cost"]) == ("token", "done", 0)
    assert token["text"] == document["response"] == first["response"]


def used(entry: dict[str, Any], text: str) -> None:
    """The entry has the exact input, and for the answer what its text is worth."""
    tokens = -(-len(text.encode()) // 4)
    assert (entry["status"], entry["model"], entry["backend"]) == ("error", "claude-sonnet-5-5", "cloud")
    assert (entry["usage"]["input_tokens"], entry["usage"]["output_tokens"]) == (1234, tokens)
    assert Decimal(entry["cost"]) == INPUT_COST + tokens * OUTPUT_PRICE


@pytest.mark.parametrize(
    ("error", "code"),
    [(None, "stream_cut"), ({"type": "overloaded_error", "message": "Overloaded"}, "model_overloaded")],
)
def test_a_stream_that_breaks_off_ends_with_an_error_and_is_booked(
    running: RunningStack, sdk: openai.OpenAI, error: Any, code: str
) -> None:
    with running.claude_says(usage=USAGE, break_after=3, error=error):
        asked = len(running.claude.requests)
        response = ask(running, f"{HARD} Until {code}.")
        *tokens, (last, document) = events(response)
        assert "".join(token["text"] for _, token in tokens) == "A balanced tree"
        assert (last, document["error"]["code"]) == ("error", code)
        with pytest.raises(openai.APIError, match="claude-sonnet-5-5"):
            list(sdk.chat.completions.create(model="auto", messages=user(f"{HARD} To {code}."), stream=True))
        assert len(running.claude.requests) == asked + 2
    entry = running.entry(response.headers["x-request-id"])
    used(entry, "A balanced tree")
    assert entry["error_code"] == code


def test_a_failure_before_the_first_token_falls_back_or_has_its_status(running: RunningStack) -> None:
    with running.claude_says(usage=USAGE, break_after=0):
        response = ask(running, f"{HARD} In Zig.", max_tokens=10)
        *tokens, (last, document) = events(response)
    assert (last, document["backend"], document["models_tried"]) == (
        "done",
        "local",
        [{"model": "claude-sonnet-5-5", "code": "stream_cut"}],
    )
    assert "".join(token["text"] for _, token in tokens) == document["response"]
    entry = running.entry(document["request_id"])
    assert (entry["status"], entry["backend"]) == ("ok", "local")
    broken = running.entry(f"{document['request_id']}/1")
    assert (broken["status"], broken["error_code"], Decimal(broken["cost"])) == (
        "error",
        "stream_cut",
        INPUT_COST + OUTPUT_PRICE,
    )
    refused = ask(running, HARD, max_tokens=10, temperature=9)
    assert (refused.status_code, refused.headers["content-type"]) == (400, "application/json; charset=utf-8")
    with running.without("scorer"):
        away = ask(running, HARD)
    assert (away.status_code, away.json()["error"]["code"]) == (503, "routing_failed")


def test_a_caller_that_goes_away_ends_the_call_to_claude_and_pays_for_what_was_used(
    running: RunningStack, sdk: openai.OpenAI
) -> None:
    running.claude.given_up.clear()
    before = running.failed_executions()
    with running.claude_says(usage=USAGE, text=" ".join(["word"] * 400), gap=0.05):
        asked = len(running.claude.requests)
        stream = sdk.chat.completions.create(model="auto", messages=user(f"{HARD} Go away."), stream=True)
        with closing(stream):
            for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    break
        assert running.claude.given_up.wait(5)
        entry = running.entry(chunk.id.removeprefix("chatcmpl-"))
        assert len(running.claude.requests) == asked + 1
    assert len(running.claude.written) < 60
    assert entry["error_code"] == "client_gone"
    words = entry["usage"]["output_tokens"] * 4
    assert 4 <= words <= 5 * len(running.claude.written) + 4
    assert Decimal(entry["cost"]) == INPUT_COST + entry["usage"]["output_tokens"] * OUTPUT_PRICE
    assert (entry["status"], entry["usage"]["input_tokens"]) == ("error", 1234)
    assert running.failed_executions() == before


def test_a_caller_that_goes_away_without_a_stream_is_noticed_too(running: RunningStack) -> None:
    known = {entry["request_id"] for entry in running.entries()}
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.post(
            f"{running.api}/chat",
            json={"prompt": "Write a long story about the sea.", "privacy": "local-only", "max_tokens": 1000},
            headers={"authorization": f"Bearer {running.key}"},
            timeout=(5, 0.7),
        )

    def gone() -> dict[str, Any] | None:
        return next((entry for entry in running.entries() if entry["request_id"] not in known), None)

    entry = eventually(gone, 5)
    assert (entry["status"], entry["error_code"], Decimal(entry["cost"])) == ("error", "client_gone", Decimal(0))
