"""What one run of the stack was decided to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compose.local.layout import Layout
from compose.local.postgres import database_settings
from compose.local.secrets import Secrets
from compose.local.settings import Settings


@dataclass(frozen=True)
class Plan:
    """All that the programs depend on: the user's settings, the chosen ports, the secrets, where models answer.

    `ollama_url` is the model server in use, and `own_model` whether it is the stack's own; `bridge`
    whether the Taskwarrior bridge runs.
    """

    settings: Settings
    ports: Mapping[str, int]
    secrets: Secrets
    ollama_url: str
    own_model: bool
    bridge: bool
    nodes_stamp: str

    @property
    def layout(self) -> Layout:
        return self.settings.layout

    def url(self, port: str) -> str:
        """The base URL of the program behind a port setting, as programs on this machine use it."""
        return f"http://127.0.0.1:{self.ports[port]}"

    @property
    def n8n_url(self) -> str:
        """The base URL of n8n, as programs on this machine use it."""
        host = {"localhost": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
        name = host.get(self.settings.gateway_host, self.settings.gateway_host)
        return f"http://{f'[{name}]' if ':' in name else name}:{self.ports['GATEWAY_PORT']}"

    @property
    def n8n_database_url(self) -> str:
        """n8n's database, for tools and tests; it holds the password."""
        place = database_settings("n8n", self.ports["POSTGRES_PORT"], self.secrets)
        return "postgresql://{user}:{password}@{host}:{port}/{database}".format(**place)

    @property
    def gateway_url(self) -> str:
        """What people on this machine type."""
        return self.n8n_url.replace("127.0.0.1", "localhost").replace("[::1]", "localhost")

    @property
    def costs_url(self) -> str:
        """Where people on this machine see the cost page."""
        return f"http://localhost:{self.ports['LEDGER_PORT']}/"
