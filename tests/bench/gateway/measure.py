"""Blocks of load in turns, and the medians of what they took."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.gateway.load import Load, send_load
from tests.bench.gateway.subjects import Cell
from tests.bench.processes import cpu_seconds

_SETTLE_SECONDS = 0.7


@dataclass(frozen=True)
class Block:
    """One block of requests, with the CPU of each program in ms a request."""

    load: Load
    cpu: Mapping[str, float]


@dataclass(frozen=True)
class Figures:
    """Medians over the blocks of a cell; `errors` are added up. Times in ms, CPU in ms a request."""

    blocks: int
    requests: int
    p50: float
    p99: float
    first: float
    events: float
    per_second: float
    cpu: Mapping[str, float]
    errors: Mapping[str, int]

    @property
    def cpu_sum(self) -> float:
        return sum(self.cpu.values())


def measure_block(node: Path, cell: Cell, pids: Mapping[str, int], seconds: float) -> Block:
    """A block of `seconds`, and what its requests cost each program, also after they were answered."""
    before = cpu_seconds(pids)
    load = send_load(node, cell.request, clients=cell.clients, seconds=seconds)
    time.sleep(_SETTLE_SECONDS)  # what a flow does after its answer counts too
    after = cpu_seconds(pids)
    return Block(load, {name: (after[name] - before[name]) / load.requests * 1000 for name in pids})


def figures(blocks: Sequence[Block]) -> Figures:
    """The medians of some blocks of one cell."""

    def middle(read: Callable[[Block], float]) -> float:
        return median(read(block) for block in blocks)

    errors: Counter[str] = Counter()
    for block in blocks:
        errors.update(block.load.errors)
    return Figures(
        blocks=len(blocks),
        requests=sum(block.load.requests for block in blocks),
        p50=middle(lambda block: block.load.p50_ms),
        p99=middle(lambda block: block.load.p99_ms),
        first=middle(lambda block: block.load.first_ms),
        events=middle(lambda block: block.load.events),
        per_second=middle(lambda block: block.load.per_second),
        cpu={name: median(block.cpu[name] for block in blocks) for name in blocks[0].cpu},
        errors=dict(errors),
    )
