"""The chat flow's local branch from n8n's stock nodes with their usual expressions; and a flow that does nothing."""

from __future__ import annotations

import uuid
from itertools import pairwise
from typing import Any

STOCK_PATH = "v1/stock-chat"
EMPTY_PATH = "v1/empty"
_ENTRY = """={{ JSON.stringify({
  request_id: $('Receive').item.json.headers['x-request-id'], occurred_at: new Date().toISOString(),
  model: $('Route').item.json.model, backend: 'local', status: 'ok', latency_seconds: 0,
  usage: {input_tokens: $('Ask').item.json.prompt_eval_count, output_tokens: $('Ask').item.json.eval_count},
  complexity: $('Route').item.json.complexity}) }}"""
_ROUTE = """={{ JSON.stringify({request_id: $json.headers['x-request-id'], dialect: 'native', cache: 'off',
  model: 'auto', stream: false, needs: {}, privacy: 'any',
  messages: [{role: 'user', content: $json.body.prompt}]}) }}"""
_ASK = """={{ JSON.stringify({model: $json.model_id, stream: false,
  messages: [{role: 'user', content: $('Receive').item.json.body.prompt}]}) }}"""
_ANSWER = """={{ JSON.stringify({response: $json.message.content, model: $('Route').item.json.model, cost: 0,
  routing: {complexity: $('Route').item.json.complexity} }) }}"""


def stock_flow(scorer: str, ledger: str, ollama: str, token: str) -> dict[str, Any]:
    """A workflow that makes the same calls as workflows/chat.json for a prompt that stays local."""
    nodes = [
        _node("Receive", "webhook", 2.1, {"httpMethod": "POST", "path": STOCK_PATH, "responseMode": "responseNode"}),
        _node("Route", "httpRequest", 4.5, _post(f"{scorer}/v1/route", _ROUTE, token)),
        _node("Branch", "switch", 3.4, {"rules": {"values": [_rule("local"), _rule("cloud")]}}),
        _node("Ask", "httpRequest", 4.5, _post(f"{ollama}/api/chat", _ASK, token)),
        _node("Respond", "respondToWebhook", 1.5, {"respondWith": "json", "responseBody": _ANSWER}),
        _node("Log", "httpRequest", 4.5, _post(f"{ledger}/v1/entries", _ENTRY, token)),
    ]
    return _flow("stockChatBench01", "Stock chat", nodes, STOCK_PATH)


def empty_flow() -> dict[str, Any]:
    """A workflow that answers with what it was sent: what n8n itself takes for an execution."""
    nodes = [
        _node("Receive", "webhook", 2.1, {"httpMethod": "POST", "path": EMPTY_PATH, "responseMode": "lastNode"}),
        _node("Nothing", "noOp", 1, {}),
    ]
    return _flow("emptyFlowBench01", "Empty flow", nodes, EMPTY_PATH)


def _flow(identity: str, name: str, nodes: list[dict[str, Any]], path: str) -> dict[str, Any]:
    nodes[0]["webhookId"] = str(uuid.uuid5(uuid.NAMESPACE_URL, path))
    names = [node["name"] for node in nodes]
    wires = {a: {"main": [[{"node": b, "type": "main", "index": 0}]]} for a, b in pairwise(names)}
    settings = {"executionOrder": "v1"}
    return {"id": identity, "name": name, "nodes": nodes, "connections": wires, "settings": settings}


def _node(name: str, kind: str, version: float, parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
        "name": name,
        "type": f"n8n-nodes-base.{kind}",
        "typeVersion": version,
        "position": [0, 0],
        "parameters": parameters,
    }


def _post(url: str, body: str, token: str) -> dict[str, Any]:
    headers = [{"name": "authorization", "value": f"Bearer {token}"}]
    return {
        "method": "POST",
        "url": url,
        "sendHeaders": True,
        "headerParameters": {"parameters": headers},
        "sendBody": True,
        "specifyBody": "json",
        "jsonBody": body,
        "options": {"timeout": 10000},
    }


def _rule(decision: str) -> dict[str, Any]:
    condition = {
        "leftValue": "={{ $json.decision }}",
        "rightValue": decision,
        "operator": {"type": "string", "operation": "equals"},
    }
    options = {"caseSensitive": True, "leftValue": "", "typeValidation": "strict", "version": 3}
    return {"conditions": {"options": options, "conditions": [condition], "combinator": "and"}}
