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
    wanted = {port: _wanted(port, settings, remembered) for port in PORTS if port.program in programs}
    taken = set(settings.ports.values())
    chosen: dict[str, int] = {}
    for port, number in wanted.items():
        fixed = port.name in settings.ports or port == GATEWAY
        host = settings.gateway_host if port == GATEWAY else "127.0.0.1"
        own = port.program in running and remembered.get(port.name) == number
        clash = number in taken and port.name not in settings.ports
        if clash or not (own or is_free(host, number)):
            if fixed:
                raise PortBusy(_busy(port.name, number))
            others = taken.union(wanted.values())
            number = next(free for free in _candidates(number) if free not in others and is_free(host, free))
        chosen[port.name] = number
        taken.add(number)
    return chosen


def _wanted(port: Port, settings: Settings, remembered: Mapping[str, int]) -> int:
    if port.name in settings.ports:
        return settings.ports[port.name]
    # The gateway's number is what clients know: only a setting moves it, never an older run.
    earlier = None if port == GATEWAY else remembered.get(port.name)
    return earlier or usual_port(port, settings)


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


def usual_port(port: Port, settings: Settings) -> int:
    """Where the program listens unless something else is decided."""
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
