"""Fingerprints: what a program was started with, and what was already put into the databases."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from compose.local.errors import StackError
from compose.local.layout import write_private

_IGNORED = frozenset({"__pycache__", "node_modules", "dist"})


def fingerprint(value: Any) -> str:
    """A short hash of anything that JSON can hold; equal values give equal hashes."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def tree_fingerprint(paths: Iterable[Path]) -> str:
    """A hash over the names and contents of the files at or below `paths`; missing ones count as absent."""
    digest = hashlib.sha256()
    for top in paths:
        for path in sorted(_files(top)):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(top.parent)}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()[:32]


def _files(top: Path) -> Iterator[Path]:
    if top.is_file():
        yield top
    for folder, names, files in os.walk(top):
        names[:] = [name for name in names if name not in _IGNORED]
        yield from (Path(folder, name) for name in files if not name.endswith(".pyc"))


class Applied:
    """What was imported into the databases, by name, each with the fingerprint of what was imported."""

    def __init__(self, path: Path) -> None:
        """Read `path`, or begin empty when there is none."""
        self._path = path
        try:
            self._stamps: dict[str, str] = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            self._stamps = {}
        except (OSError, ValueError) as error:
            raise StackError(f"cannot read {path} ({error}): remove it, and all is imported again") from error

    def has(self, name: str, stamp: str) -> bool:
        """Whether `name` was imported in just this form."""
        return self._stamps.get(name) == stamp

    def knows(self, name: str) -> bool:
        """Whether `name` was ever imported."""
        return name in self._stamps

    def record(self, name: str, stamp: str) -> None:
        """Remember at once that `name` is in, so that an interrupted run goes on from here."""
        self._stamps[name] = stamp
        write_private(self._path, json.dumps(self._stamps, indent=2, sort_keys=True) + "\n")
