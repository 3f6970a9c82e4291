"""A simulated user on real rows: what recalibration saves someone whose traffic is 70% easy and 30% hard.

Run: `python -m tests.bench.scorer.own_traffic DATA_FOLDER [--large 0.25] [--markdown FILE]`. The folder holds
train.jsonl.gz and dev.jsonl.gz with a prompt, its task and the quality of weak and strong models a row. Only rows that
the shipped scorer was not trained on are used: it knows the others by heart, as it never knows a user's. Each seed is
another order of the requests; the last 30% are held back. Takes about a minute.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from services.catalog import Usage, load_catalogue
from services.scorer.policy import DEFAULT_FILE, Policy, PolicyOverrides, read_policy
from services.scorer.recalibrate.goal import Goal
from services.scorer.recalibrate.proposal import Proposal, TooLittle, propose
from services.scorer.recalibrate.sample import sample_of
from services.scorer.recalibrate.traffic import Request
from services.scorer.score import score_prompt
from services.scorer.training.data import UNLICENSED

EASY = ("commonsense_qa", "arc_challenge", "openbook_qa")
HARD = ("math-l5", "crux")
EASY_SHARE = 0.7
SEEDS = 5
ANSWER_TOKENS = 500
NOW = datetime(2026, 11, 1, tzinfo=UTC)


Results = dict[tuple[bool, int], Proposal | TooLittle]
"""By whether local answers are known only as a scorer records them, and by seed."""


@dataclass(frozen=True)
class Row:
    """A prompt with the quality of weak and strong models, and the scorer's word on it."""

    request: Request
    task: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report; 1 when a seed saves less than the wanted share at the same quality."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scorer.own_traffic")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--easy", default=",".join(EASY), help="tasks, separated by commas")
    parser.add_argument("--hard", default=",".join(HARD))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--wanted", type=float, default=0.15, help="of the shipped cost, to be saved by each seed")
    parser.add_argument("--local", default="", help="this model alone is the local one: its names, separated by commas")
    parser.add_argument("--large", type=float, help="the threshold of the cloud, instead of the shipped one")
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args(arguments)
    policy = read_policy(DEFAULT_FILE, PolicyOverrides(large=options.large), load_catalogue())
    local = [name for name in options.local.split(",") if name]
    rows = unseen_rows(options.folder, policy, local)
    easy, hard = options.easy.split(","), options.hard.split(",")
    results: Results = {}
    for recorded in (False, True):
        for seed in range(options.seeds):
            traffic = traffic_of(rows, easy, hard, seed)
            results[recorded, seed] = recalibrated(traffic, policy, recorded=recorded)
    text = report(results, easy, hard, policy)
    print(text)
    if options.markdown is not None:
        options.markdown.write_text(text + "\n", "utf-8")
    judged = [result for (recorded, _), result in results.items() if not recorded]
    enough = [isinstance(one, Proposal) and one.comparison.saving.value >= options.wanted for one in judged]
    return 0 if all(enough) else 1


def unseen_rows(folder: Path, policy: Policy, local: Sequence[str]) -> list[Row]:
    """The rows that the scorer was not trained on, scored; with `local`, those that this model answered."""
    documents = [*_documents(folder / "dev.jsonl.gz")]
    documents += [row for row in _documents(folder / "train.jsonl.gz") if row["task"] in UNLICENSED]
    rows = []
    for document in documents:
        qualities = [document["outcomes"][name] for name in local if name in document["outcomes"]]
        if qualities or not local:
            rows.append(_row({**document, "weak": qualities[0]} if qualities else document, policy))
    return rows


def traffic_of(rows: Sequence[Row], easy: Sequence[str], hard: Sequence[str], seed: int) -> list[Request]:
    """The user's requests: as many as there are rows for in the wanted shares, in a random order."""
    draw = random.Random(seed)  # noqa: S311 (nothing secret)
    families = [[row for row in rows if row.task in tasks] for tasks in (easy, hard)]
    size = min(len(families[0]) / EASY_SHARE, len(families[1]) / (1 - EASY_SHARE))
    counts = (round(size * EASY_SHARE), round(size * (1 - EASY_SHARE)))
    chosen = [row for rows, count in zip(families, counts, strict=True) for row in draw.sample(rows, count)]
    draw.shuffle(chosen)
    return [replace(row.request, at=NOW + timedelta(minutes=place)) for place, row in enumerate(chosen)]


def recalibrated(traffic: Sequence[Request], policy: Policy, *, recorded: bool) -> Proposal | TooLittle:
    """The proposal for a user; `recorded`: local answers are known only where the shipped thresholds sent requests."""
    if recorded:
        limit = policy.thresholds.large
        traffic = [replace(one, weak=None, local=False) if one.complexity >= limit else one for one in traffic]
    try:
        return propose(sample_of(traffic), policy.thresholds, Goal(), by_time=True)
    except TooLittle as too_little:
        return too_little


def report(results: Results, easy: Sequence[str], hard: Sequence[str], policy: Policy) -> str:
    """A table in Markdown."""
    lines = [
        f"{EASY_SHARE:.0%} {', '.join(easy)}; {1 - EASY_SHARE:.0%} {', '.join(hard)}. Shipped: cloud from "
        f"{policy.thresholds.large:g}. Quality and cost are % of the cloud's, on requests held back (95% interval).",
        "",
        "| known local answers | seed | requests | quality | cost | saved at the shipped quality | change |",
        "|---|---|---|---|---|---|---|",
    ]
    for (recorded, seed), result in results.items():
        known = "where shipped thresholds send requests" if recorded else "all"
        cells = [
            known,
            str(seed),
            *(["", "", "", "", str(result)] if isinstance(result, TooLittle) else _cells(result)),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _cells(result: Proposal) -> list[str]:
    found = result.comparison
    moves = [
        f"{100 * row['shipped'].value:.1f} -> {100 * row['proposed'].value:.1f}" for row in (found.quality, found.cost)
    ]
    saved = f"{found.saving.value:.0%} ({found.saving.low:.0%} to {found.saving.high:.0%})"
    if math.isnan(found.saving.value):
        saved = "nothing is spent"
    change = "none" if not result.changes else "proposed" if result.not_worse else "refused"
    return [f"{result.fitted} + {found.requests}", *moves, saved, change]


def _documents(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _row(document: dict[str, Any], policy: Policy) -> Row:
    score = score_prompt(document["prompt"])
    charge = load_catalogue().charge(policy.cloud_model, Usage(score.tokens, ANSWER_TOKENS), NOW)
    request = Request(
        id=document["id"],
        complexity=score.complexity,
        signals=score.signals,
        weak=document["weak"],
        strong=document["strong"],
        cost=charge.cost if charge else None,
    )
    return Row(request, document["task"])


if __name__ == "__main__":
    sys.exit(main())
