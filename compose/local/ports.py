"""Which port each program listens on: as set, as usual, or the next free one."""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from compose.local.errors import StackError
from compose.local.layout import write_private
from compose.local.settings import GATEWAY, PORTS, Port, Settings, is_loopback, read_env_file, write_env_lines

_TRIES = 200


class PortBusy(StackError):
    """A port that must not move is taken."""


def choose_ports(settings: Settings, programs: Collection[str], running: Collection[str]) -> dict[str, int]:
    """The ports of `programs` by the names of their settings.

    A port set by hand and the gateway's port never move: PortBusy when another program holds them.
    The others move to the next free number, which `remember_ports` keeps. `running` programs of
    this stack hold their own ports, so those count as free.
    """
    remembered = recall_ports(settings.layout.ports_file)
    chosen: dict[str, int] = {}
    for port in (port for port in PORTS if port.program in programs):
        fixed = port.name in settings.ports or port == GATEWAY
        # The gateway's number is what clients know: only a setting moves it, never an older run.
        wanted = settings.ports.get(port.name) or (None if fixed else remembered.get(port.name))
        wanted = wanted or _usual(port, settings)
        host = settings.gateway_host if port == GATEWAY else "127.0.0.1"
        own = port.program in running and remembered.get(port.name) == wanted
        others = set(chosen.values()) | {number for name, number in settings.ports.items() if name != port.name}
        if wanted in others or not (own or is_free(host, wanted)):
            if fixed:
                raise PortBusy(_busy(port.name, wanted))
            wanted = next(number for number in _candidates(wanted) if number not in others and is_free(host, number))
        chosen[port.name] = wanted
    return chosen


def recall_ports(path: Path) -> dict[str, int]:
    """The ports of the last run."""
    return {name: int(number) for name, number in read_env_file(path).items() if number.isdecimal()}


def remember_ports(path: Path, ports: Mapping[str, int]) -> None:
    """Keep `ports` for the next run."""
    if recall_ports(path) != ports:
        write_private(path, write_env_lines(ports))


def is_free(host: str, port: int) -> bool:
    """Whether a program could listen on `host`:`port` now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port on 127.0.0.1 that nobody holds at this moment (for tests)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _usual(port: Port, settings: Settings) -> int:
    # The stack's own model server stands in for the Ollama that was expected at OLLAMA_URL.
    if port.program == "local_model" and is_loopback(settings.ollama_url):
        return urlsplit(settings.ollama_url).port or port.usual
    return port.usual


def _candidates(after: int) -> Iterator[int]:
    yield from (number for number in range(after + 1, after + _TRIES) if number < 65536)
    raise StackError(f"no free port from {after} to {after + _TRIES}: end some of the programs that hold them")


def _busy(name: str, number: int) -> str:
    return (
        f"port {number} is in use by another program (see it with: ss -ltnp 'sport = :{number}'). "
        f"End that program, or set {name} to a free port in .env"
    )
