"""How well the scorer orders prompts, beside prompt length, the earlier keyword heuristic and chance."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from services.scorer.policy import Thresholds
from services.scorer.score import score_prompts
from services.scorer.training.data import Row, held_out_cases, measured_rows
from services.scorer.training.metrics import apgr, bootstrap, cpt

Scores = list[float]

_HARD = ("analyze", "design", "implement", "refactor", "optimize")
_EASY = ("what is", "list", "summarize", "define")


def keyword_score(prompt: str) -> float:
    """The heuristic of the earlier stack: length, substrings, clamped to [0, 1]."""
    text = prompt.lower()
    base = 0.1 if len(prompt) < 100 else 0.3 if len(prompt) < 500 else 0.5
    base += 0.1 * sum(word in text for word in _HARD) - 0.1 * sum(word in text for word in _EASY)
    if "```" in text or "function" in text or "class" in text:
        base += 0.3
    return min(max(base, 0.0), 1.0)


def model_scores(prompts: Iterable[str]) -> Scores:
    """The complexities of the shipped model."""
    prompts = list(prompts)
    return [score.complexity for at in range(0, len(prompts), 256) for score in score_prompts(prompts[at : at + 256])]


def random_scores(prompts: Iterable[str]) -> Scores:
    """Chance, the same at every run."""
    draw = random.Random(0)  # noqa: S311
    return [draw.random() for _ in prompts]


SCORERS: dict[str, Callable[[Iterable[str]], Scores]] = {
    "this scorer": model_scores,
    "prompt length": lambda prompts: [float(len(prompt)) for prompt in prompts],
    "earlier keywords": lambda prompts: [keyword_score(prompt) for prompt in prompts],
    "random": random_scores,
}


@dataclass(frozen=True)
class Quality:
    """APGR with its 95% interval, and the shares of strong calls (percent) for half and 80% of the gap."""

    apgr: float
    low: float
    high: float
    cpt50: float
    cpt80: float


def measure_quality(folder: Path) -> dict[str, dict[str, Quality]]:
    """By scorer, by group of the development prompts: "pooled", then each family."""
    rows = list(measured_rows(folder / "dev.jsonl.gz", "benchmarks"))
    groups = {"pooled": rows} | {
        family: [row for row in rows if row.family == family] for family in sorted({row.family for row in rows})
    }
    return {name: {group: _quality(own, scores) for group, own in groups.items()} for name, scores in SCORERS.items()}


def _quality(rows: list[Row], scores: Callable[[Iterable[str]], Scores]) -> Quality:
    gain = np.array([row.gain for row in rows], dtype=float)
    score = np.array(scores(row.prompt for row in rows))
    low, high = bootstrap(apgr, gain, score)
    return Quality(apgr(gain, score), low, high, cpt(gain, score, 50), cpt(gain, score, 80))


def quality_table(found: dict[str, dict[str, Quality]]) -> str:
    """Markdown: a row a scorer and group."""
    lines = ["| scorer | prompts | APGR (95% interval) | CPT50 | CPT80 |", "|---|---|---|---|---|"]
    for name, groups in found.items():
        for group, q in groups.items():
            lines.append(
                f"| {name} | {group} | {q.apgr:.3f} ({q.low:.3f} to {q.high:.3f}) | {q.cpt50:.0f}% | {q.cpt80:.0f}% |"
            )
        families = [q.apgr for group, q in groups.items() if group != "pooled"]
        lines.append(f"| {name} | mean of the families | {np.mean(families):.3f} | | |")
    return "\n".join(lines)


def tier_table() -> str:
    """Markdown: how often the held-out prompts go to a tier that a person accepts, by language."""
    cases = held_out_cases("tiers")
    tiers = [Thresholds().tier(score.complexity) for score in score_prompts([case.prompt for case in cases])]
    lines = ["| language | prompts | accepted tier | local or cloud right |", "|---|---|---|---|"]
    for language in [*sorted({case.language for case in cases}), "all"]:
        own = [(c, t) for c, t in zip(cases, tiers, strict=True) if language in (c.language, "all")]
        right = sum(tier in case.expected for case, tier in own)
        sides = sum(any((tier == "cloud") == (wish == "cloud") for wish in case.expected) for case, tier in own)
        lines.append(f"| {language} | {len(own)} | {right / len(own):.0%} | {sides / len(own):.0%} |")
    return "\n".join(lines)
