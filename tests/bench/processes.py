"""CPU time and memory of programs with their children, from /proc."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class _Process:
    parent: int
    seconds: float
    resident: int


def cpu_seconds(roots: Mapping[str, int]) -> dict[str, float]:
    """CPU time so far of each process in `roots` with all its children, those that have ended included."""
    all_of_them = _processes()
    return {name: sum(one.seconds for one in _tree(root, all_of_them)) for name, root in roots.items()}


def resident_bytes(roots: Mapping[str, int]) -> dict[str, int]:
    """Memory in use of each process in `roots` with its children; pages that they share count for each of them."""
    all_of_them = _processes()
    return {name: sum(one.resident for one in _tree(root, all_of_them)) for name, root in roots.items()}


def _processes() -> dict[int, _Process]:
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:
            continue  # it ended just now; its parent has its time
        # Its own time in user and system mode, and that of its children that it has waited for.
        seconds = sum(map(int, fields[11:15])) / _TICKS
        found[int(folder.name)] = _Process(int(fields[1]), seconds, int(fields[21]) * _PAGE)
    return found


def _tree(root: int, processes: Mapping[int, _Process]) -> list[_Process]:
    pids, before = {root}, 0
    while len(pids) > before:
        before = len(pids)
        pids |= {pid for pid, process in processes.items() if process.parent in pids}
    return [processes[pid] for pid in pids if pid in processes]
