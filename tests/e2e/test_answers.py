"""A prompt in at the webhook, routed, answered, and its cost in the ledger."""

from decimal import Decimal

import openai
import pytest
import requests

from tests.e2e.running import EASY, HARD, RunningStack, eventually

pytestmark = pytest.mark.timeout(300)


def test_an_easy_prompt_is_answered_by_the_local_model_for_nothing(running: RunningStack) -> None:
    answer = running.chat(EASY, max_tokens=40)
    assert (answer["backend"], answer["model"], answer["cost"]) == ("local", "smollm2-135m", 0)
    assert answer["response"].strip()
    assert answer["output_tokens"] > 0
    assert answer["routing"]["complexity"] < Decimal("0.3")
    assert answer["routing"]["factors"]
    entry = running.entry(answer["request_id"])
    assert (entry["backend"], Decimal(entry["cost"]), entry["status"]) == ("local", Decimal(0), "ok")
    assert entry["usage"]["output_tokens"] == answer["output_tokens"]


def test_a_hard_prompt_goes_to_claude_and_costs_tokens_times_price(running: RunningStack) -> None:
    usage = {
        "input_tokens": 1234,
        "output_tokens": 567,
        "cache_read_input_tokens": 8900,
        "cache_creation_input_tokens": 300,
        "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
    }
    with running.claude_says(usage=usage):
        answer = running.chat(HARD)
    # Sonnet 5.5, in millionths of a dollar: 1234*2 + 567*10 + 8900*0.1 + 100*2.5 + 200*4 = 10078
    expected = Decimal("0.010078")
    assert (answer["backend"], answer["model"], answer["cost"]) == ("cloud", "claude-sonnet-5-5", expected)
    entry = running.entry(answer["request_id"])
    assert Decimal(entry["cost"]) == expected
    assert entry["usage"]["cache_write_1h_tokens"] == 200
    sent = running.claude.requests[-1]
    assert (sent["path"], sent["body"]["model"]) == ("/v1/messages", "claude-sonnet-5-5")
    assert sent["body"]["messages"] == [{"role": "user", "content": HARD}]


def test_stats_count_local_and_cloud(running: RunningStack) -> None:
    before = running.stats()
    running.chat(f"{EASY} Say it in one word.", max_tokens=5)
    answer = running.chat(f"{HARD} Use type hints.")
    running.entry(answer["request_id"])

    def counted() -> bool:
        after = running.stats()
        gained = [after[name] - before[name] for name in ("total_requests", "local_requests", "cloud_requests")]
        return gained == [2, 1, 1]

    eventually(counted, 10)
    paid = Decimal(running.stats()["total_cost"]) - Decimal(before["total_cost"])
    assert paid == answer["cost"] > 0


def test_the_same_request_again_comes_from_the_cache(running: RunningStack) -> None:
    prompt = f"{HARD} In days of the week."  # of Claude: a small model's answer may be cut, and is not kept then
    first = running.chat(prompt)

    def cached() -> dict[str, object] | None:
        answer = running.chat(prompt)
        return answer if answer["cached"] else None

    again = eventually(cached, 10)
    assert (again["response"], again["cost"], again["backend"]) == (first["response"], 0, "cache")
    assert running.entry(str(again["request_id"]))["backend"] == "cache"
    fresh = running.post(json={"prompt": prompt}, headers={"cache-control": "no-cache"})
    assert fresh.json()["cached"] is False


def test_the_openai_sdk_gets_an_answer(running: RunningStack) -> None:
    with openai.OpenAI(base_url=running.api, api_key=running.key, timeout=120, max_retries=0) as client:
        completion = client.chat.completions.create(
            model="auto",
            max_tokens=30,
            messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is Linux?"}],
        )
        assert completion.choices[0].message.content
        assert completion.usage is not None
        assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens > 0
        with pytest.raises(openai.BadRequestError, match="temperature"):
            client.chat.completions.create(
                model="auto", temperature=9, messages=[{"role": "user", "content": "What is Linux?"}]
            )
    stranger = openai.OpenAI(base_url=running.api, api_key="hai-wrong", max_retries=0)
    with stranger, pytest.raises(openai.AuthenticationError):
        stranger.chat.completions.create(model="auto", messages=[{"role": "user", "content": "Hi"}])


def test_a_private_request_stays_on_the_machine(running: RunningStack) -> None:
    before = len(running.claude.requests)
    answer = running.chat(HARD, privacy="local-only", max_tokens=10)
    assert (answer["backend"], len(running.claude.requests)) == ("local", before)


def test_a_named_model_is_taken(running: RunningStack) -> None:
    answer = running.chat(f"{EASY} Be exact.", model="claude-opus")
    assert (answer["model"], answer["backend"]) == ("claude-opus-5-5", "cloud")


def test_the_editor_is_served_and_nothing_is_open_to_strangers(running: RunningStack) -> None:
    gateway = running.plan.gateway_url
    assert "n8n" in requests.get(gateway, timeout=10).text
    assert requests.get(f"{gateway}/rest/workflows", timeout=10).status_code == 401
    for name in ("SCORER_PORT", "LEDGER_PORT"):
        url = f"http://127.0.0.1:{running.plan.ports[name]}/v1/policy"
        assert requests.get(url, timeout=10).status_code == 401
