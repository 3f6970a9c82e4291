"""From settings to a plan: which model server is used, which ports the programs get."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from compose.local.health import ollama_answers
from compose.local.nodes import sources_fingerprint
from compose.local.plan import Plan
from compose.local.ports import choose_ports, recall_ports
from compose.local.secrets import Secrets
from compose.local.settings import Settings, is_loopback

_ALWAYS = ("postgres", "valkey", "scorer", "cost_ledger", "n8n")


def make_plan(settings: Settings, secrets: Secrets, running: Collection[str]) -> Plan:
    """How the stack is to run, given the names of its programs that run already.

    The stack's own model server is used when no other Ollama answers at OLLAMA_URL.
    """
    own_model = _is_own(settings, running) or not ollama_answers(settings.ollama_url)
    bridge = (settings.layout.project / "services" / "tw_bridge" / "__main__.py").exists()
    programs = [*_ALWAYS, *(["local_model"] if own_model else []), *(["tw_bridge"] if bridge else [])]
    ports = choose_ports(settings, programs, running)
    return Plan(
        settings=settings,
        ports=ports,
        secrets=secrets,
        ollama_url=f"http://127.0.0.1:{ports['LOCAL_MODEL_PORT']}" if own_model else settings.ollama_url,
        own_model=own_model,
        bridge=bridge,
        nodes_stamp=sources_fingerprint(settings.layout),
    )


def recall_plan(settings: Settings, secrets: Secrets) -> Plan:
    """How the stack was last started: nothing is asked, nothing moves."""
    ports = recall_ports(settings.layout.ports_file)
    own_model = "LOCAL_MODEL_PORT" in ports
    return Plan(
        settings=settings,
        ports=ports,
        secrets=secrets,
        ollama_url=f"http://127.0.0.1:{ports['LOCAL_MODEL_PORT']}" if own_model else settings.ollama_url,
        own_model=own_model,
        bridge="TW_BRIDGE_PORT" in ports,
        nodes_stamp=sources_fingerprint(settings.layout),
    )


def _is_own(settings: Settings, running: Collection[str]) -> bool:
    """Whether what answers at OLLAMA_URL is this stack's own server."""
    port = recall_ports(settings.layout.ports_file).get("LOCAL_MODEL_PORT")
    return "local_model" in running and is_loopback(settings.ollama_url) and urlsplit(settings.ollama_url).port == port
