"""The finished stack seen from outside: a prompt through the gateway, the models, the first API key."""

from __future__ import annotations

import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import requests

from compose.local.errors import StackError
from compose.local.plan import Plan

FIRST_PROMPT = "What is Python?"
_SECONDS = 10.0
_ANSWER_SECONDS = 180.0
_ANSWER_TOKENS = 120
_MODEL_WAIT_SECONDS = 15.0
_HOOK_WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    """What came back for a prompt. `cost` in USD, `seconds` as the client saw them."""

    text: str
    model: str
    backend: str
    complexity: float | None
    reasoning: str
    cost: Decimal
    seconds: float


def register_first_key(plan: Plan) -> None:
    """Tell the ledger of the first API key, by its hash; nothing happens when the ledger knows it."""
    wanted = plan.secrets.first_api_key_hash
    known = _service(plan, "LEDGER_PORT", "GET", "/v1/keys/active")["keys"]
    if not any(key["key_hash"] == wanted for key in known):
        _service(plan, "LEDGER_PORT", "POST", "/v1/keys", {"name": "first", "key_hash": wanted})


def available_models(plan: Plan) -> list[dict[str, Any]]:
    """The models that could answer now, as the scorer sees them."""
    models = _service(plan, "SCORER_PORT", "GET", "/v1/models")["models"]
    return [model for model in models if model["available"]]


def wait_for_local_model(plan: Plan) -> bool:
    """Wait until the scorer has noticed a local model; False when there is none after a while."""
    end = time.monotonic() + _MODEL_WAIT_SECONDS
    while not any(model["backend"] == "ollama" for model in available_models(plan)):
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def wait_for_webhook(plan: Plan) -> None:
    """Wait until n8n has registered the chat address: it reports ready about a second before."""
    end = time.monotonic() + _HOOK_WAIT_SECONDS
    while True:
        try:
            # Without a key this is refused, and no execution starts.
            status = requests.post(f"{plan.n8n_url}/api/v1/chat", json={}, timeout=_SECONDS).status_code
        except requests.RequestException:
            status = 0
        if status not in (0, 404):
            return
        if time.monotonic() > end:
            raise StackError(
                "n8n is up, but nothing answers at /api/v1/chat: publish the flow Chat in the editor, or remove "
                f"{plan.layout.applied_file} and run ./deploy-all.sh again to import all flows anew"
            )
        time.sleep(0.1)


def ask(plan: Plan, prompt: str = FIRST_PROMPT) -> Answer:
    """The answer to `prompt` through the gateway with the first API key; StackError when there is none."""
    begin = time.monotonic()
    try:
        response = requests.post(
            f"{plan.n8n_url}/api/v1/chat",
            # The same short answer every time, and from a model, not from the cache.
            json={"prompt": prompt, "max_tokens": _ANSWER_TOKENS, "temperature": 0},
            headers={"Authorization": f"Bearer {plan.secrets.first_api_key}", "Cache-Control": "no-cache"},
            timeout=_ANSWER_SECONDS,
        )
        body = response.json()
        if response.status_code != 200:
            raise StackError(f"the first prompt was refused ({response.status_code}): {_message(body)}")
        routing = body.get("routing") or {}
        return Answer(
            text=str(body["response"]).strip(),
            model=str(body["model"]),
            backend=str(body["backend"]),
            complexity=routing.get("complexity"),
            reasoning=str(routing.get("reasoning") or ""),
            cost=Decimal(str(body["cost"])),
            seconds=time.monotonic() - begin,
        )
    except requests.RequestException as error:
        raise StackError(f"the first prompt got no answer: {error}") from error
    except (ValueError, KeyError, ArithmeticError, AttributeError) as error:
        raise StackError(f"the first prompt got an answer that cannot be read ({error!r})") from error


def _message(body: Any) -> str:
    error = body.get("error") if isinstance(body, dict) else None
    return str(error.get("message") if isinstance(error, dict) else body)[:500]


def _service(plan: Plan, port: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    headers = {"Authorization": f"Bearer {plan.secrets.service_token}"}
    try:
        response = requests.request(method, plan.url(port) + path, json=body, headers=headers, timeout=_SECONDS)
        response.raise_for_status()
        return response.json()
    except (requests.RequestException, ValueError) as error:
        raise StackError(f"{method} {path} failed: {error}") from error
