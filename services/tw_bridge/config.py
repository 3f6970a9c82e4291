"""The bridge's settings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from services.runtime import ConfigError, Env, ServiceConfig

_DEFAULT_FOLDER = Path("hybrid-ai-stack", "taskwarrior")

_MANGLED = re.compile(r"[#$*?\\`]")
"""What Taskwarrior would read as a comment, a variable, a pattern or an escape in `data.location`."""


@dataclass(frozen=True)
class Config:
    """Where the bridge listens, which ledger it follows, and the folder of its Taskwarrior store.

    `sync_seconds` lie between two looks at the ledger; with 0 it looks only when it is asked to.
    `enabled` false: it serves, and records nothing.
    """

    service: ServiceConfig
    store: Path
    ledger_url: str = "http://127.0.0.1:8102"
    sync_seconds: float = 30.0
    enabled: bool = True

    @classmethod
    def from_env(cls, env: Env) -> Config:
        """Read the service's settings, TASKWARRIOR_DATA, LEDGER_URL, TW_SYNC_SECONDS, ENABLE_TASKWARRIOR_LOGGING."""
        return cls(
            service=ServiceConfig.from_env(env, port_name="TW_BRIDGE_PORT", port=8103),
            store=_store_folder(env),
            ledger_url=env.url("LEDGER_URL", cls.ledger_url),
            sync_seconds=env.real("TW_SYNC_SECONDS", cls.sync_seconds, low=0, high=86_400),
            enabled=env.flag("ENABLE_TASKWARRIOR_LOGGING", default=True),
        )


def _store_folder(env: Env) -> Path:
    """TASKWARRIOR_DATA, else a folder under the user's data: XDG_DATA_HOME, or ~/.local/share."""
    try:
        data = Path(env.text("XDG_DATA_HOME", "~/.local/share"))
        folder = Path(env.text("TASKWARRIOR_DATA", str(data / _DEFAULT_FOLDER))).expanduser().absolute()
    except RuntimeError:
        raise ConfigError("TASKWARRIOR_DATA", "must be set: this user has no home folder") from None
    if _MANGLED.search(str(folder)) or not str(folder).isprintable():
        raise ConfigError(
            "TASKWARRIOR_DATA",
            f"Taskwarrior cannot use a folder with any of # $ * ? \\ ` in its name, not {str(folder)!r}",
        )
    return folder
