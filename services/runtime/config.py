"""Settings from environment variables: typed, bounded, and named in the error when they are wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

Number = TypeVar("Number", int, float, Decimal)

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class ConfigError(Exception):
    """A setting is missing or wrong; the message names the environment variable."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.name = name


class Env:
    """Reads one typed setting at a time from a mapping such as `os.environ`.

    A variable that is unset or blank counts as missing: it takes the default, or raises
    `ConfigError` where there is none. Values of secrets never appear in an error.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def optional(self, name: str) -> str | None:
        """The trimmed text of `name`, or None when it is unset or blank."""
        return self._values.get(name, "").strip() or None

    def text(self, name: str, default: str | None = None) -> str:
        """The text of `name`, else `default`; ConfigError when there is neither."""
        value = self.optional(name) or default
        if value is None:
            raise ConfigError(name, "must be set")
        return value

    def secret(self, name: str, *, min_length: int = 16) -> str:
        """A secret of at least `min_length` characters."""
        value = self.text(name)
        if len(value) < min_length:
            raise ConfigError(name, f"must have at least {min_length} characters")
        return value

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        """One of `choices`, compared without regard to case."""
        value = self.text(name, default)
        for choice in choices:
            if choice.lower() == value.lower():
                return choice
        raise ConfigError(name, f"must be one of {', '.join(choices)}, not {value!r}")

    def flag(self, name: str, default: bool) -> bool:
        """true/false, yes/no, on/off or 1/0."""
        value = self.optional(name)
        if value is None:
            return default
        if value.lower() in _TRUE:
            return True
        if value.lower() in _FALSE:
            return False
        raise ConfigError(name, f"must be true or false, not {value!r}")

    def integer(self, name: str, default: int | None = None, *, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        return self._number(name, default, low, high, int)

    def real(self, name: str, default: float | None = None, *, low: float, high: float) -> float:
        """A finite number from `low` to `high`."""
        return self._number(name, default, low, high, float)

    def usd(self, name: str, default: Decimal | None = None, *, high: Decimal = Decimal(10**9)) -> Decimal:
        """An amount of money in USD, not negative."""
        return self._number(name, default, Decimal(0), high, Decimal)

    def url(self, name: str, default: str | None = None) -> str:
        """An http(s) URL, without a trailing slash."""
        value = self.text(name, default)
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(name, f"must be an http:// or https:// URL, not {value!r}")
        return value.rstrip("/")

    def path(self, name: str, default: Path) -> Path:
        """A file that exists."""
        path = Path(self.optional(name) or default)
        if not path.is_file():
            raise ConfigError(name, f"no such file: {path}")
        return path

    def _number(self, name: str, default: Number | None, low: Number, high: Number, parse: type[Number]) -> Number:
        text = self.optional(name)
        if text is None:
            if default is None:
                raise ConfigError(name, "must be set")
            return default
        try:
            value = parse(text)
            inside = low <= value <= high  # a NaN compares false, or raises in Decimal
        except (ValueError, InvalidOperation):
            inside = False
        if not inside:
            kind = "a whole number" if parse is int else "a number"
            raise ConfigError(name, f"must be {kind} from {low} to {high}, not {text!r}")
        return value


@dataclass(frozen=True)
class ServiceConfig:
    """What every service is told: where it listens, who may call it, how much it logs."""

    host: str
    port: int
    service_token: str
    log_level: str
    threads: int

    @classmethod
    def from_env(cls, env: Env, *, port_name: str, port: int) -> ServiceConfig:
        """Read SERVICE_HOST, `port_name`, SERVICE_TOKEN, LOG_LEVEL and SERVICE_THREADS."""
        return cls(
            host=env.text("SERVICE_HOST", "127.0.0.1"),
            port=env.integer(port_name, port, low=1, high=65535),
            service_token=env.secret("SERVICE_TOKEN"),
            log_level=env.choice("LOG_LEVEL", _LOG_LEVELS, "INFO"),
            threads=env.integer("SERVICE_THREADS", 8, low=1, high=256),
        )
