"""The official `ollama` SDK must be content with the server."""

import asyncio
import json
from collections.abc import Iterator

import ollama
import pytest
from pydantic import BaseModel

from tests.integration.ollama_server.ollama_processes import RunningServer

MODEL = "smollm2:135m"
SYSTEM = {"role": "system", "content": "You are a helpful assistant."}
PARIS = [SYSTEM, {"role": "user", "content": "What is the capital of France?"}]
FIXED = {"temperature": 0, "seed": 1, "num_predict": 24}


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[ollama.Client]:
    with ollama.Client(host=server.url, timeout=60) as client:
        yield client


def test_list_and_ps_name_the_model_with_its_details(client: ollama.Client) -> None:
    listed, running = client.list().models[0], client.ps().models[0]
    assert listed.model == running.model == MODEL
    assert listed.size == 98_362_432
    assert listed.modified_at is not None
    assert listed.details is not None
    assert (listed.details.family, listed.details.parameter_size) == ("llama", "134.52M")
    assert listed.details.quantization_level == "Q4_1"
    assert listed.digest == running.digest
    assert running.context_length == 4096
    assert running.size is not None
    assert running.size > listed.size
    assert running.expires_at is not None


def test_show_gives_template_license_and_metadata(client: ollama.Client) -> None:
    shown = client.show(MODEL)
    assert shown.capabilities == ["completion"]
    assert shown.modelinfo is not None
    assert shown.modelinfo["llama.context_length"] == 8192
    assert shown.modelinfo["general.parameter_count"] == 134_515_008
    assert shown.license == "apache-2.0"
    assert "<|im_start|>" in str(shown.template)


def test_a_chat_answers_with_real_counts_and_times(client: ollama.Client) -> None:
    answer = client.chat(MODEL, PARIS, options=FIXED)
    assert "Paris" in str(answer.message.content)
    assert answer.message.role == "assistant"
    assert answer.done is True
    assert answer.done_reason in ("stop", "length")
    assert answer.prompt_eval_count == 27
    assert answer.eval_count is not None
    assert 5 <= answer.eval_count <= 24
    assert answer.total_duration is not None
    assert answer.prompt_eval_duration is not None
    assert answer.eval_duration is not None
    assert answer.total_duration >= answer.prompt_eval_duration > 100_000
    assert answer.total_duration >= answer.eval_duration > 100_000


def test_a_repeated_prompt_counts_in_full_though_the_engine_remembers_it(client: ollama.Client) -> None:
    counts = {client.chat(MODEL, PARIS, options=FIXED).prompt_eval_count for _ in range(3)}
    assert counts == {27}


def test_a_streamed_chat_has_the_text_and_counts_of_a_whole_one(client: ollama.Client) -> None:
    whole = client.chat(MODEL, PARIS, options=FIXED)
    parts = list(client.chat(MODEL, PARIS, options=FIXED, stream=True))
    assert "".join(str(part.message.content) for part in parts) == whole.message.content
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert (parts[-1].eval_count, parts[-1].prompt_eval_count) == (whole.eval_count, whole.prompt_eval_count)


def test_generate_takes_system_text_and_stops_at_the_limit(client: ollama.Client) -> None:
    answer = client.generate(MODEL, "Tell me of the sea.", system="You are a poet.", options={"num_predict": 5})
    assert answer.response
    assert (answer.done_reason, answer.eval_count) == ("length", 5)


def test_a_raw_prompt_and_a_template_are_read_as_they_are(client: ollama.Client) -> None:
    options = {"temperature": 0, "num_predict": 3}
    raw = client.generate(MODEL, "The capital of France is", raw=True, options=options)
    filled = client.generate(MODEL, "France", template="The capital of {{ .Prompt }} is", options=options)
    assert raw.response == filled.response
    assert "Paris" in str(raw.response)
    assert raw.prompt_eval_count == 5


def test_an_answer_that_was_begun_is_continued(client: ollama.Client) -> None:
    begun = [*PARIS, {"role": "assistant", "content": "The capital of France is"}]
    assert "Paris" in str(client.chat(MODEL, begun, options=FIXED).message.content)


def test_the_same_seed_gives_the_same_text(client: ollama.Client) -> None:
    options = {"seed": 7, "temperature": 1.0, "num_predict": 16}
    texts = {client.generate(MODEL, "Name an animal.", options=options).response for _ in range(2)}
    assert len(texts) == 1


def test_a_stop_word_ends_the_answer_and_is_not_part_of_it(client: ollama.Client) -> None:
    options = {**FIXED, "stop": ["Paris"]}
    answer = client.chat(MODEL, PARIS, options=options)
    assert answer.done_reason == "stop"
    assert "Paris" not in str(answer.message.content)


def test_format_json_gives_an_object(client: ollama.Client) -> None:
    options = {"temperature": 0, "num_predict": 200}
    answer = client.generate(MODEL, "Describe Paris as JSON with its country.", format="json", options=options)
    assert answer.done_reason == "stop"
    assert isinstance(json.loads(str(answer.response)), dict)


def test_a_schema_is_kept_to(client: ollama.Client) -> None:
    class City(BaseModel):
        city: str
        people: int

    schema = City.model_json_schema()
    answer = client.chat(MODEL, PARIS, format=schema, options={"temperature": 0, "num_predict": 100})
    City.model_validate_json(str(answer.message.content))


def test_an_empty_chat_only_loads(client: ollama.Client) -> None:
    answer = client.chat(MODEL, [], keep_alive="5m")
    assert (answer.done_reason, answer.message.content) == ("load", "")


def test_an_unknown_model_is_a_404(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError) as caught:
        client.chat("llama9", PARIS)
    assert caught.value.status_code == 404
    assert caught.value.error == "model 'llama9' not found"
    with pytest.raises(ollama.ResponseError):
        next(iter(client.generate("smollm2", "Hi", stream=True)))


@pytest.mark.parametrize(
    ("request_fields", "message"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "does not support tools"),
        ({"messages": [{"role": "user", "content": "?", "images": [b"png"]}]}, "does not support vision"),
        ({"think": True}, "does not support thinking"),
        ({"format": {"type": "bogus"}}, "invalid format"),
        ({"format": {"type": "array", "uniqueItems": True}}, "invalid format"),
        ({"format": {"enum": ["x" * 70_000]}}, "longer than 65536 characters"),
        ({"options": {"top_k": "many"}}, 'option "top_k" must be of type integer'),
    ],
)
def test_what_the_model_cannot_do_is_a_400(
    client: ollama.Client, request_fields: dict[str, object], message: str
) -> None:
    with pytest.raises(ollama.ResponseError, match=message) as caught:
        client.chat(**{"model": MODEL, "messages": PARIS, **request_fields})  # type: ignore[call-overload]
    assert caught.value.status_code == 400


def test_a_prompt_longer_than_the_context_is_a_400_with_both_lengths(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError, match=r"exceeds the context length: 50\d\d tokens.* 4096") as caught:
        client.generate(MODEL, "word " * 5000, options={"num_predict": 1})
    assert caught.value.status_code == 400


def test_the_asynchronous_client_is_answered_as_well(server: RunningServer) -> None:
    async def ask() -> list[str]:
        async with ollama.AsyncClient(host=server.url, timeout=60) as client:
            whole, stream = await asyncio.gather(
                client.chat(MODEL, PARIS, options=FIXED),
                client.chat(MODEL, PARIS, options=FIXED, stream=True),
            )
            streamed = [part.message.content or "" async for part in stream]
            return [whole.message.content or "", "".join(streamed)]

    whole, streamed = asyncio.run(ask())
    assert "Paris" in whole
    assert streamed == whole
