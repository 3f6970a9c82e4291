"""What is measured: each gateway, its processes, and the requests that it gets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import requests

from compose.local.stack import Stack
from tests.bench.gateway.load import Request
from tests.bench.gateway.stock_flow import EMPTY_PATH, STOCK_PATH
from tests.e2e.running import EASY, HARD

CHAT_FLOW, UPSTREAM, STOCK, LITELLM = "chat flow", "upstream alone", "stock nodes", "LiteLLM"
ANSWER, STREAM, REFUSAL, CACHE_HIT = "answer", "stream of 20", "refusal", "cache hit"
KEPT, CLOUD, MESSAGES, EMPTY = (
    "answer, kept in the cache",
    "answer of Claude",
    "answer, Anthropic dialect",
    "empty flow",
)
MANY = 16
"""Clients of the requests that are measured with one number of clients only."""
PROGRAMS = ("n8n", "scorer", "cost_ledger", "postgres", "valkey")


@dataclass(frozen=True)
class Cell:
    """One kind of request to one subject, from some clients, with an upstream that waits `delay` ms."""

    subject: str
    kind: str
    clients: int
    delay: int
    request: Request = field(compare=False)


@dataclass(frozen=True)
class Subject:
    """A gateway: the process ids of its programs, its own first, and what it can be asked."""

    name: str
    pids: Mapping[str, int]
    requests: Mapping[str, Request]

    @property
    def own(self) -> str:
        """The name of the program that stands between the caller and the rest."""
        return next(iter(self.pids))

    def cells(self, quick: bool) -> Iterator[Cell]:
        """All that is measured of it; `quick` leaves out what changes least."""
        for kind, request in self.requests.items():
            for clients, delay in _spread(quick) if kind == ANSWER else [(MANY, 0)]:
                yield Cell(self.name, kind, clients, delay, request)


def _spread(quick: bool) -> list[tuple[int, int]]:
    return [(1, 0), (16, 0), (64, 0), (1, 50)] if quick else list(product((1, 16, 64), (0, 50)))


def chat_flow(stack: Stack) -> Subject:
    """The stack under test; what it does not do yet is left out."""
    port = stack.plan().ports["GATEWAY_PORT"]
    key = {"authorization": f"Bearer {stack.secrets.first_api_key}"}
    fresh = {**key, "cache-control": "no-store"}
    asked: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": EASY}]}
    kinds = {
        ANSWER: Request(port, "/api/v1/chat", {"prompt": EASY}, fresh),
        KEPT: Request(port, "/api/v1/chat", {"prompt": f"{EASY} {{id}}"}, key),
        CACHE_HIT: Request(port, "/api/v1/chat", {"prompt": f"{EASY} Again."}, key),
        REFUSAL: Request(port, "/api/v1/chat", {"prompt": EASY}, {"authorization": "Bearer hai-wrong"}, expect=401),
        CLOUD: Request(port, "/api/v1/chat", {"prompt": HARD}, fresh),
        STREAM: Request(port, "/api/v1/chat/completions", {**asked, "stream": True}, fresh),
        MESSAGES: Request(port, "/api/v1/messages", {**asked, "max_tokens": 100}, fresh),
        EMPTY: Request(port, f"/api/{EMPTY_PATH}", {}),
    }
    missing = {kind for kind in (STREAM, MESSAGES) if not _is_answered(kinds[kind])}
    return Subject(CHAT_FLOW, program_pids(stack), {k: r for k, r in kinds.items() if k not in missing})


def upstream_alone(port: int, pid: int) -> Subject:
    """The model's server without anything before it."""
    body = {"model": "smollm2:135m", "messages": [{"role": "user", "content": EASY}]}
    kinds = {
        ANSWER: Request(port, "/api/chat", {**body, "stream": False}),
        STREAM: Request(port, "/api/chat", {**body, "stream": True}),
    }
    return Subject(UPSTREAM, {"upstream": pid}, kinds)


def stock_nodes(stack: Stack, port: int, pid: int) -> Subject:
    """The same flow from stock nodes, in an n8n with default settings."""
    headers = {"authorization": f"Bearer {stack.secrets.first_api_key}", "x-request-id": "{id}"}
    kinds = {ANSWER: Request(port, f"/api/{STOCK_PATH}", {"prompt": EASY}, headers)}
    return Subject(STOCK, {**program_pids(stack), "n8n": pid}, kinds)


def litellm(port: int, pid: int, key: str, model: str) -> Subject:
    """LiteLLM's proxy: it passes the prompt on to the one model that it has."""
    headers = {"authorization": f"Bearer {key}"}
    path, body = "/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": EASY}]}
    # Without a database of keys it refuses a wrong one with 400.
    kinds = {
        ANSWER: Request(port, path, body, headers),
        CACHE_HIT: Request(port, path, {**body, "cache": {"use-cache": True}}, headers),
        REFUSAL: Request(port, path, body, {"authorization": "Bearer sk-wrong"}, expect=400),
        STREAM: Request(port, path, {**body, "stream": True}, headers),
    }
    return Subject(LITELLM, {"LiteLLM": pid}, kinds)


def program_pids(stack: Stack) -> dict[str, int]:
    """The process ids of the stack's programs that work for a request."""
    states = stack.supervisor.states()
    return {name: states[name].pid for name in PROGRAMS}


def _is_answered(request: Request) -> bool:
    url = f"http://127.0.0.1:{request.port}{request.path}"
    return requests.post(url, json=request.body, headers=dict(request.headers), timeout=30).status_code == 200
