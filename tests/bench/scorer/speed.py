"""How long scoring takes: one prompt at a time by length, and in batches."""

from __future__ import annotations

import gc
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from services.scorer.score import score_prompt, score_prompts
from services.scorer.training.data import GRADED, graded_rows

ROUNDS = 400
BATCHES = (1, 32, 256)


@dataclass(frozen=True)
class Speed:
    """CPU milliseconds of one prompt (median, 95th percentile), and prompts a CPU second by batch size."""

    p50_ms: float
    p95_ms: float
    longest_p95_ms: float
    per_second: dict[int, float]
    resident_mb: float


def measure_speed(folder: Path = GRADED) -> Speed:
    """Over real prompts of up to 2,000 characters; a few seconds on one core."""
    prompts = [row.prompt for path in sorted(folder.glob("*.jsonl")) for row in graded_rows(path)]
    prompts = [prompt for prompt in prompts if len(prompt) <= 2_000][:: max(1, len(prompts) // 1_000)]
    long = [prompt for prompt in prompts if len(prompt) > 1_000]
    score_prompts(prompts[:50])
    gc.disable()
    try:
        times, long_times = _times(prompts), _times(long)
        rates = {size: _rate(prompts, size) for size in BATCHES}
    finally:
        gc.enable()
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Speed(times[9], times[18], long_times[18], rates, resident)


def speed_table(speed: Speed) -> str:
    """Markdown."""
    rows = [
        ("one prompt, median", f"{speed.p50_ms:.2f} ms"),
        ("one prompt, 95th percentile", f"{speed.p95_ms:.2f} ms"),
        ("one prompt of 1,000 to 2,000 characters, 95th percentile", f"{speed.longest_p95_ms:.2f} ms"),
        *((f"prompts a second in batches of {size}", f"{rate:,.0f}") for size, rate in speed.per_second.items()),
        ("memory of the measuring process", f"{speed.resident_mb:.0f} MB"),
    ]
    return "\n".join(
        ["| what | CPU time on one core |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]
    )


def _times(prompts: Sequence[str]) -> list[float]:
    """The 5% quantiles of the CPU time of one prompt in ms."""
    taken = []
    for index in range(max(ROUNDS, len(prompts))):
        begin = time.process_time_ns()
        score_prompt(prompts[index % len(prompts)])
        taken.append((time.process_time_ns() - begin) / 1e6)
    return quantiles(taken, n=20)


def _rate(prompts: Sequence[str], size: int) -> float:
    count = max(256, size * 4)
    begin = time.process_time()
    for at in range(0, count, size):
        score_prompts([prompts[(at + index) % len(prompts)] for index in range(size)])
    return count / (time.process_time() - begin)
