"""The settings of the embedded run: `.env` of the project, overridden by the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from compose.local.errors import StackError
from compose.local.layout import PROJECT, Layout
from services.runtime import ConfigError, Env

DEFAULT_OLLAMA_URL = "http://127.0.0.1:11434"
DEFAULT_ANTHROPIC_URL = "https://api.anthropic.com"
DEFAULT_OWNER_EMAIL = "owner@hybrid-ai.local"
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True)
class Port:
    """A port of the stack: the setting that names it, the usual number, and the program that listens on it."""

    name: str
    usual: int
    program: str


GATEWAY = Port("GATEWAY_PORT", 8080, "n8n")
PORTS = (
    GATEWAY,
    Port("SCORER_PORT", 8101, "scorer"),
    Port("LEDGER_PORT", 8102, "cost_ledger"),
    Port("TW_BRIDGE_PORT", 8103, "tw_bridge"),
    Port("POSTGRES_PORT", 5432, "postgres"),
    Port("REDIS_PORT", 6379, "valkey"),
    Port("LOCAL_MODEL_PORT", 11434, "local_model"),
    Port("RUNNER_PORT", 5679, "n8n"),
)


@dataclass(frozen=True)
class Settings:
    """What the user decided. `ports` holds only those that were set by hand.

    `values` is everything that was set, for the settings that belong to single programs.
    """

    layout: Layout
    gateway_host: str
    ports: Mapping[str, int]
    ollama_url: str
    anthropic_url: str
    anthropic_api_key: str = field(repr=False)
    owner_email: str
    start_timeout: float
    values: Mapping[str, str] = field(repr=False)

    @classmethod
    def read(cls, environment: Mapping[str, str], project: Path = PROJECT) -> Settings:
        """The settings in `project`/.env and `environment`, which goes before it.

        ConfigError names the variable with a bad value; StackError an unreadable .env.
        """
        values = {**read_env_file(project / ".env"), **{k: v for k, v in environment.items() if v.strip()}}
        env = Env(values)
        return cls(
            layout=Layout(
                project,
                stack=_folder(env, "STACK_DIR", project, project / ".stack"),
                n8n=_folder(env, "N8N_DIR", project, project / ".stack" / "n8n"),
            ),
            gateway_host=env.text("GATEWAY_HOST", "127.0.0.1"),
            ports=_ports(env),
            ollama_url=env.url("OLLAMA_URL", DEFAULT_OLLAMA_URL),
            anthropic_url=env.url("ANTHROPIC_BASE_URL", DEFAULT_ANTHROPIC_URL),
            anthropic_api_key=env.optional("ANTHROPIC_API_KEY") or "",
            owner_email=_email(env),
            start_timeout=env.real("START_TIMEOUT", 180.0, low=5, high=3600),
            values=values,
        )

    @property
    def gateway_is_local(self) -> bool:
        """Whether only this machine can reach the gateway."""
        return self.gateway_host in LOOPBACK_HOSTS


def read_env_file(path: Path) -> dict[str, str]:
    """The NAME=value lines of `path`, quotes removed; nothing when there is no such file.

    A `#` begins a comment at the start of a line, or after a blank in a value without quotes.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise StackError(f"cannot read {path}: {error}") from error
    values = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise StackError(f"{path}, line {number}: not a NAME=value line")
        values[match[1]] = _unquote(match[2])
    return values


def write_env_lines(values: Mapping[str, str | int]) -> str:
    """The text of a file that `read_env_file` reads back."""
    return "".join(f"{name}={value}\n" for name, value in values.items())


def is_loopback(url: str) -> bool:
    """Whether `url` points at this machine."""
    return (urlsplit(url).hostname or "") in LOOPBACK_HOSTS


def _unquote(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return re.split(r"(?:^|\s)#", text, maxsplit=1)[0].strip()


def _folder(env: Env, name: str, project: Path, default: Path) -> Path:
    text = env.optional(name)
    return (project / Path(text).expanduser()).resolve() if text else default


def _ports(env: Env) -> dict[str, int]:
    chosen = {}
    for port in PORTS:
        if env.optional(port.name) is not None:
            chosen[port.name] = env.integer(port.name, low=1, high=65535)
    for name, number in chosen.items():
        twin = next((other for other in chosen if other != name and chosen[other] == number), None)
        if twin is not None:
            raise ConfigError(name, f"is {number}, and so is {twin}: they must differ")
    return chosen


def _email(env: Env) -> str:
    email = env.text("N8N_OWNER_EMAIL", DEFAULT_OWNER_EMAIL)
    if not _EMAIL.fullmatch(email):
        raise ConfigError("N8N_OWNER_EMAIL", f"must be an e-mail address, not {email!r}")
    return email
