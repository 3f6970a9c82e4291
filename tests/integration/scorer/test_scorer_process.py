"""Start, settings, Ollama coming and going, live policy, and end of the process."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest


def wait_for(true: Any, seconds: float = 6.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def test_sigterm_ends_it_at_once(start: Any, scorer_env: dict[str, str]) -> None:
    with start(**scorer_env) as (scorer, process):
        scorer.route()
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        assert time.monotonic() - begin < 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COMPLEXITY_THRESHOLD_PHI", "low"),
        ("POLICY_FILE", "/no/such/file"),
        ("SERVICE_TOKEN", "short"),
    ],
)
def test_wrong_setting_stops_the_start_and_is_named(start: Any, name: str, value: str) -> None:
    with start(**{name: value}) as (_, process):
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 2
    assert errors.decode().startswith(f"configuration error: {name}: ")
    assert "Traceback" not in errors.decode()


def test_settings_change_the_routing(start: Any, scorer_env: dict[str, str]) -> None:
    with start(**scorer_env, USE_LOCAL_FOR_SIMPLE="false", CLAUDE_MODEL="claude-opus") as (scorer, _):
        got = scorer.route("What is Python?")
        assert (got["decision"], got["model"]) == ("cloud", "claude-opus-5-5")
    with start(**scorer_env, COMPLEXITY_THRESHOLD="0.01") as (scorer, _):
        assert scorer.route("What is Python?")["decision"] == "cloud"
        source = scorer.get("/v1/policy").json()["policy"]["thresholds.large"]
        assert source == {"value": 0.01, "source": "environment COMPLEXITY_THRESHOLD"}


def test_without_a_cloud_key_hard_prompts_are_refused_or_stay_local(start: Any, scorer_env: dict[str, str]) -> None:
    keyless = scorer_env | {"ANTHROPIC_API_KEY": ""}
    with start(**keyless) as (scorer, _):
        got = scorer.route("Implement Raft consensus in Rust.")
        assert (got["decision"], got["error"]["code"]) == ("refused", "cloud_not_configured")
        assert "ANTHROPIC_API_KEY" in got["error"]["message"]
        assert scorer.route("Explain how photosynthesis works")["model"] == "smollm2-135m"
    with start(**keyless, CLOUD_UNAVAILABLE="local") as (scorer, _):
        assert scorer.route("Implement Raft consensus in Rust.")["model"] == "smollm2-135m"


def test_ollama_is_asked_in_the_background_and_may_go_and_come(
    start: Any, scorer_env: dict[str, str], ollama: Any
) -> None:
    with start(**scorer_env) as (scorer, _):
        _go_and_come(scorer, ollama)


def _go_and_come(scorer: Any, ollama: Any) -> None:
    def model() -> Any:
        return scorer.route("What is Python?", cache="off")["model"]

    assert model() == "smollm2-135m"
    ollama.tags = ["tinyllama"]
    wait_for(lambda: model() == "tinyllama")
    ollama.status = 500
    wait_for(lambda: model() == "claude-haiku-5-5")
    assert scorer.get("/readyz").json()["warnings"]["ollama"] == "Ollama answers with status 500"
    ollama.status, ollama.body = 200, b"<html>"
    wait_for(lambda: "not Ollama" in scorer.get("/readyz").json()["warnings"]["ollama"])
    ollama.body, ollama.tags = None, ["smollm2:135m"]
    wait_for(lambda: model() == "smollm2-135m")


def test_requests_cause_no_call_to_ollama(start: Any, ollama: Any, scorer_env: dict[str, str]) -> None:
    with start(**scorer_env, OLLAMA_POLL_SECONDS="60") as (scorer, _):
        calls = ollama.calls
        for _ in range(5):
            scorer.route()
        assert ollama.calls == calls


def test_ollama_that_hangs_does_not_keep_the_scorer_from_starting(
    start: Any, ollama: Any, scorer_env: dict[str, str]
) -> None:
    ollama.delay = 4.0
    begin = time.monotonic()
    with start(**scorer_env) as (scorer, _):
        assert time.monotonic() - begin < 4.0
        assert scorer.route("What is Python?")["model"] == "claude-haiku-5-5"
        wait_for(lambda: "within 2 seconds" in scorer.get("/readyz").json()["warnings"]["ollama"])
        ollama.delay = 0.0


def test_nothing_around_it_is_needed_to_start(start: Any) -> None:
    with start(OLLAMA_URL="http://127.0.0.1:9", REDIS_PORT="9", REDIS_HOST="127.0.0.1") as (scorer, _):
        got = scorer.route("What is Python?")
        assert (got["decision"], got["error"]["status"]) == ("refused", 503)
        ready = scorer.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["warnings"].keys() == {"ollama", "redis"}


def test_policy_file_is_reloaded_and_a_broken_edit_is_only_a_warning(
    start: Any, scorer_env: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("[thresholds]\nsmall = 0.3\n")

    def edit(text: str) -> None:
        file.write_text(text)
        os.utime(file, (time.time(), time.time() + 1))

    with start(**scorer_env, POLICY_FILE=str(file)) as (scorer, _):
        assert scorer.route("What is Python?", cache="off")["decision"] == "local"
        edit("[thresholds]\nsmall = 0.0\nmedium = 0.0\nlarge = 0.0\n")
        wait_for(lambda: scorer.route("What is Python?", cache="off")["decision"] == "cloud")
        edit("[thresholds]\nsmall = 2\n")
        wait_for(lambda: scorer.get("/readyz").json()["status"] == "degraded")
        assert "thresholds.small" in scorer.get("/readyz").json()["warnings"]["policy"]
        assert scorer.route("What is Python?", cache="off")["decision"] == "cloud"


def test_cloud_key_is_shown_nowhere(start: Any, scorer_env: dict[str, str]) -> None:
    with start(**scorer_env, LOG_LEVEL="DEBUG") as (scorer, process):
        shown = [scorer.get(path).text for path in ("/v1/models", "/v1/policy", "/metrics", "/readyz")]
        shown.append(str(scorer.route()))
        process.terminate()
        shown.append(process.communicate(timeout=10)[1].decode())
    assert scorer_env["ANTHROPIC_API_KEY"] not in "".join(shown)
