"""The official SDKs, pointed at the stack by nothing but their base address, get what their own APIs give."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from tests.e2e.running import EASY, RunningStack
from tests.e2e.sdks import TOOL_NAME, TOOL_SCHEMA, AnthropicSdk, OpenAiSdk, Sdk

pytestmark = pytest.mark.timeout(300)

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
COLOUR = {
    "type": "object",
    "properties": {"colour": {"type": "string", "enum": ["blue", "green"]}},
    "required": ["colour"],
    "additionalProperties": False,
}
SDKS: dict[str, type[Sdk]] = {"openai": OpenAiSdk, "anthropic": AnthropicSdk}


@pytest.fixture(params=SDKS)
def sdk(running: RunningStack, request: pytest.FixtureRequest) -> Iterator[Sdk]:
    client = SDKS[request.param](running.plan.gateway_url, running.key)
    yield client
    client.close()


@pytest.fixture
def claude_sdk(running: RunningStack) -> Iterator[AnthropicSdk]:
    client = AnthropicSdk(running.plan.gateway_url, running.key)
    yield client
    client.close()


def test_a_plain_prompt_is_answered_by_the_local_model(running: RunningStack, sdk: Sdk) -> None:
    before = len(running.claude.requests)
    said = sdk.ask(EASY, max_tokens=20)
    assert said.text.strip()
    assert said.input_tokens > 0
    assert 0 < said.output_tokens <= 20
    assert said.ended in (sdk.ended["stop"], sdk.ended["length"])
    assert len(running.claude.requests) == before
    assert running.entry(said.request_id)["backend"] == "local"


def test_an_answer_that_is_cut_says_so(sdk: Sdk) -> None:
    assert sdk.ask("Count from one to fifty.", model="smollm2-135m", max_tokens=3).ended == sdk.ended["length"]


def test_turns_and_system_text_reach_claude_in_order(running: RunningStack, sdk: Sdk) -> None:
    with running.claude_says(text="Bob.", usage={"input_tokens": 30, "output_tokens": 2}):
        said = sdk.ask("I am Bob.", "Hi Bob.", "Who am I?", system="Be brief.", model="claude-sonnet")
    assert (said.text, said.ended, said.input_tokens, said.output_tokens) == ("Bob.", sdk.ended["stop"], 30, 2)
    sent = running.claude.requests[-1]["body"]
    assert [(m["role"], m["content"]) for m in sent["messages"]] == [
        ("user", "I am Bob."),
        ("assistant", "Hi Bob."),
        ("user", "Who am I?"),
    ]
    assert (sent["system"], sent["max_tokens"], sent["model"]) == ("Be brief.", 40, "claude-sonnet-5-5")


def test_turns_reach_a_local_model(sdk: Sdk) -> None:
    assert sdk.ask("Say yes.", "Yes.", "Say it again.", system="Be brief.", model="smollm2-135m").text


def test_a_local_model_is_held_to_the_schema(sdk: Sdk) -> None:
    said = sdk.ask_for_json("What colour is the sky? Answer in JSON.", COLOUR, model="smollm2-135m")
    assert json.loads(said.text)["colour"] in ("blue", "green")


def test_claude_is_told_the_schema(running: RunningStack, sdk: Sdk) -> None:
    with running.claude_says(text='{"colour": "blue"}'):
        said = sdk.ask_for_json("What colour is the sky?", COLOUR, model="claude-sonnet")
    assert json.loads(said.text) == {"colour": "blue"}
    sent = running.claude.requests[-1]["body"]
    assert sent["output_config"] == {"format": {"type": "json_schema", "schema": COLOUR}}


def test_a_tool_is_called_and_its_result_answered(running: RunningStack, sdk: Sdk) -> None:
    # The small local model knows no tools: even a plain question goes to one that does.
    with running.claude_says(text="It rains.", tool_input={"city": "Oslo"}):
        called = sdk.ask_with_tool("How is the weather in Oslo?")
        assert (called.ended, called.call) == (sdk.ended["tool"], ("toolu_test", TOOL_NAME, {"city": "Oslo"}))
        said = sdk.ask_with_tool("How is the weather in Oslo?", called, "Rain")
    assert (said.text, said.ended) == ("It rains.", sdk.ended["stop"])
    sent = running.claude.requests[-1]["body"]
    assert sent["tools"][0]["input_schema"] == TOOL_SCHEMA
    use, result = sent["messages"][-2]["content"][-1], sent["messages"][-1]["content"][0]
    assert (use["type"], use["id"], use["input"]) == ("tool_use", "toolu_test", {"city": "Oslo"})
    assert (result["type"], result["tool_use_id"], result["content"]) == ("tool_result", "toolu_test", "Rain")


USAGE = {
    "input_tokens": 1234,
    "output_tokens": 567,
    "cache_read_input_tokens": 8900,
    "cache_creation_input_tokens": 300,
    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
}


def test_a_streamed_answer_is_the_same_answer(running: RunningStack, sdk: Sdk) -> None:
    with running.claude_says(text="Eins zwei — 漢字 🙂", usage=USAGE):
        plain, streamed = (sdk.ask(EASY, model="claude-sonnet", stream=stream) for stream in (False, True))
    assert running.claude.requests[-1]["body"]["stream"] is True
    assert streamed.text == "Eins zwei — 漢字 🙂"
    counts = [(said.text, said.ended, said.input_tokens, said.output_tokens) for said in (plain, streamed)]
    assert counts[0] == counts[1]
    entries = [running.entry(said.request_id) for said in (plain, streamed)]
    assert entries[0]["usage"] == entries[1]["usage"]
    assert entries[0]["cost"] == entries[1]["cost"]


def test_a_streamed_tool_call_is_put_together_and_its_result_answered(running: RunningStack, sdk: Sdk) -> None:
    with running.claude_says(text="It rains.", tool_input={"city": "Oslo", "hours": [1, 2]}):
        called = sdk.ask_with_tool("How is the weather in Oslo?", stream=True)
        assert called.ended == sdk.ended["tool"]
        assert called.call == ("toolu_test", TOOL_NAME, {"city": "Oslo", "hours": [1, 2]})
        said = sdk.ask_with_tool("How is the weather in Oslo?", called, "Rain", stream=True)
    assert (said.text, said.ended) == ("It rains.", sdk.ended["stop"])
    result = running.claude.requests[-1]["body"]["messages"][-1]["content"][0]
    assert (result["tool_use_id"], result["content"]) == ("toolu_test", "Rain")


def test_a_local_model_streams_an_answer_that_fits_the_schema(running: RunningStack, sdk: Sdk) -> None:
    said = sdk.ask_for_json("What colour is the sky? In JSON.", COLOUR, model="smollm2-135m", stream=True)
    assert json.loads(said.text)["colour"] in ("blue", "green")
    entry = running.entry(said.request_id)
    assert (entry["usage"]["input_tokens"], entry["usage"]["output_tokens"]) == (said.input_tokens, said.output_tokens)


def test_a_caller_who_leaves_a_stream_ends_the_call_to_claude(running: RunningStack, sdk: Sdk) -> None:
    running.claude.given_up.clear()
    with running.claude_says(text=" ".join(["word"] * 400), gap=0.05):
        request_id = sdk.leave_after_a_word("Go away.", model="claude-sonnet")
        assert running.claude.given_up.wait(5)
        entry = running.entry(request_id)
    assert (entry["status"], entry["error_code"]) == ("error", "client_gone")
    assert len(running.claude.written) < 60


@pytest.mark.parametrize(("status", "error"), [(429, "RateLimitError"), (500, "InternalServerError")])
def test_a_failure_before_the_first_token_of_a_stream_has_its_status(
    running: RunningStack, sdk: Sdk, status: int, error: str
) -> None:
    with running.claude_says(status=status), pytest.raises(getattr(sdk.errors, error), match="scripted failure"):
        sdk.ask(EASY, model="claude-sonnet", stream=True)


def test_a_failure_after_the_first_token_is_an_error_of_the_sdk(running: RunningStack, sdk: Sdk) -> None:
    overloaded = {"type": "overloaded_error", "message": "scripted overload"}
    with (
        running.claude_says(break_after=2, error=overloaded),
        pytest.raises(sdk.errors.APIError, match="scripted overload"),
    ):
        sdk.ask(EASY, model="claude-sonnet", stream=True)


def test_claude_streams_its_thinking_to_its_own_sdk(running: RunningStack, claude_sdk: AnthropicSdk) -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    with running.claude_says(content=[thought, {"type": "text", "text": "Yes."}]):
        said = claude_sdk.ask(EASY, thinking={"type": "adaptive"}, stream=True)
    first, second = said.message["content"]
    assert {name: first[name] for name in thought} == thought
    assert (second["type"], second["text"]) == ("text", "Yes.")


def test_an_image_goes_to_a_model_that_sees(running: RunningStack, sdk: Sdk) -> None:
    with running.claude_says(text="A dot."):
        assert sdk.ask_about_image("What is this?", PNG).text == "A dot."
    image = running.claude.requests[-1]["body"]["messages"][0]["content"][1]
    assert image["type"] == "image"
    assert base64.b64decode(image["source"]["data"]) == PNG


def test_a_stop_sequence_ends_the_answer(running: RunningStack, sdk: Sdk) -> None:
    with running.claude_says(text="one two END three"):
        assert sdk.ask_with_stop("Count.", "END", model="claude-sonnet").text == "one two "
    assert running.claude.requests[-1]["body"]["stop_sequences"] == ["END"]


def test_bad_input_is_the_bad_request_of_the_sdk(sdk: Sdk) -> None:
    with pytest.raises(sdk.errors.BadRequestError, match="temperature"):
        sdk.ask(EASY, extra_body={"temperature": 9})


def test_a_wrong_key_is_the_authentication_error_of_the_sdk(running: RunningStack, sdk: Sdk) -> None:
    stranger = type(sdk)(running.plan.gateway_url, "hai-wrong")
    with pytest.raises(sdk.errors.AuthenticationError):
        stranger.ask(EASY)
    stranger.close()


@pytest.mark.parametrize(("model", "why"), [("gpt-0", "gpt-0"), ("claude-sonnet-4-20250514", "retired")])
def test_an_unknown_or_retired_model_is_not_found(sdk: Sdk, model: str, why: str) -> None:
    with pytest.raises(sdk.errors.NotFoundError, match=why):
        sdk.ask(EASY, model=model)


def test_a_prompt_without_end_is_too_large(sdk: Sdk) -> None:
    with pytest.raises(sdk.errors.APIStatusError) as caught:
        sdk.ask("x" * 100_001)
    assert caught.value.status_code == 413


@pytest.mark.parametrize(("status", "error"), [(429, "RateLimitError"), (500, "InternalServerError")])
def test_a_failure_of_claude_is_told_as_such(running: RunningStack, sdk: Sdk, status: int, error: str) -> None:
    with running.claude_says(status=status), pytest.raises(getattr(sdk.errors, error), match="scripted failure"):
        sdk.ask(EASY, model="claude-sonnet")


def test_a_spent_budget_is_402(running: RunningStack, sdk: Sdk) -> None:
    with (
        running.budget(scope="global", period="daily", mode="hard", limit="0.0001", when_spent="refuse"),
        pytest.raises(sdk.errors.APIStatusError) as caught,
    ):
        sdk.ask(EASY, model="claude-sonnet")
    assert caught.value.status_code == 402


def test_the_models_are_listed(sdk: Sdk) -> None:
    models = sdk.models()
    assert models[0] == "auto"
    assert {"smollm2-135m", "claude-sonnet-5-5"} <= {*models}
    assert "claude-sonnet-4" not in models


def test_the_models_are_listed_for_the_stacks_own_callers(running: RunningStack) -> None:
    models = {model["name"]: model for model in running.get("/models")["models"]}
    local, cloud = models["smollm2-135m"], models["claude-sonnet-5-5"]
    assert (local["backend"], local["available"], local["max_complexity"]) == ("local", True, 0.3)
    assert (cloud["backend"], cloud["price"]["output"]) == ("cloud", "10")
    assert models["claude-sonnet-4"]["available"] is False


def test_tokens_are_counted_by_claude_for_its_models_and_estimated_for_others(
    running: RunningStack, claude_sdk: AnthropicSdk
) -> None:
    before = (len(running.entries()), running.failed_executions())
    count = claude_sdk.client.messages.count_tokens
    messages = [{"role": "user", "content": EASY}]
    with running.claude_says(token_count=777):
        assert count(model="claude-sonnet", messages=messages, system="Be brief.").input_tokens == 777  # type: ignore[arg-type]
        assert 0 < count(model="auto", messages=messages).input_tokens < 50  # type: ignore[arg-type]
        assert 0 < count(model="smollm2-135m", messages=messages).input_tokens < 50  # type: ignore[arg-type]
    sent = running.claude.requests[-1]
    assert sent["path"] == "/v1/messages/count_tokens"
    assert sent["body"] == {"model": "claude-sonnet-5-5", "messages": messages, "system": "Be brief."}
    with pytest.raises(claude_sdk.errors.NotFoundError):
        count(model="gpt-0", messages=messages)  # type: ignore[arg-type]
    assert (len(running.entries()), running.failed_executions()) == before


def test_claude_gets_every_field_of_its_own_api(running: RunningStack, claude_sdk: AnthropicSdk) -> None:
    fields = {
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "thinking": {"type": "adaptive"},
        "metadata": {"user_id": "ann"},
        "service_tier": "auto",
        "extra_body": {"field_of_tomorrow": {"a": 1}},
        "extra_headers": {"anthropic-beta": "feature-2026-01-01"},
    }
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    with running.claude_says(content=[thought, {"type": "text", "text": "Yes."}]):
        said = claude_sdk.ask(EASY, **fields)  # type: ignore[arg-type]
    assert [block["type"] for block in said.message["content"]] == ["thinking", "text"]
    sent = running.claude.requests[-1]
    assert {name: sent["body"][name] for name in ("system", "thinking", "metadata", "service_tier")} == {
        name: fields[name] for name in ("system", "thinking", "metadata", "service_tier")
    }
    assert sent["body"]["field_of_tomorrow"] == {"a": 1}
    assert sent["headers"]["anthropic-beta"] == "feature-2026-01-01"
    assert running.entry(said.request_id)["user"] == "ann"


def test_what_only_claude_can_do_is_refused_where_it_must_stay_here(claude_sdk: AnthropicSdk) -> None:
    with pytest.raises(claude_sdk.errors.BadRequestError, match="thinking"):
        claude_sdk.ask(EASY, thinking={"type": "adaptive"}, extra_headers={"x-hybrid-ai-privacy": "local-only"})
