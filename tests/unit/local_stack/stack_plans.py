"""Settings, secrets and plans that no machine has, for tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

from compose.local.plan import Plan
from compose.local.secrets import Secrets
from compose.local.settings import PORTS, Settings

OpenSettings = Callable[..., Settings]
"""Takes settings by keyword."""

SECRETS = Secrets(**{field.name: f"made-up-{field.name}" for field in fields(Secrets)})
PORT_NUMBERS = {port.name: port.usual + 10_000 for port in PORTS}


def plan_of(settings: Settings, *, own_model: bool = True, bridge: bool = True) -> Plan:
    """A plan with every program on a port of its own."""
    return Plan(
        settings=settings,
        ports=PORT_NUMBERS,
        secrets=SECRETS,
        ollama_url="http://127.0.0.1:21434" if own_model else settings.ollama_url,
        own_model=own_model,
        bridge=bridge,
        nodes_stamp="abc",
    )
