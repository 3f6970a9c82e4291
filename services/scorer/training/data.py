"""The training rows: measured outcomes of weak and strong models, and prompts graded for this project.

Rows that equal or overlap an evaluation prompt are dropped, and rows whose benchmark states no licence.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

GRADED: Final = Path(__file__).with_name("prompts")
HELD_OUT: Final = Path(__file__).with_name("held_out")
UNLICENSED: Final = frozenset({"openbook_qa", "trivia_qa"})
"""Tasks of which no licence of the prompts is known."""

# The gain (strong minus weak quality, -1 to 1) on the scale of the graded prompts (the probability that the weak
# answer is worse): the line by which the second follows from the first over the pairs of models of the data.
_LINE: Final = (0.12, 0.75)
_FIRST_WORDS: Final = 40
_SHINGLE: Final = 10  # words
_OVERLAP: Final = 0.2
_BOILERPLATE: Final = 5  # rows; wording that more rows share is their benchmark's instruction, not their content
# How the grades of the prompts are stretched: who grades by judgement keeps away from the ends.
_STRETCH: Final = (1.35, 0.47, 0.5)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Row:
    """A prompt with what is known of it: `target` is the probability that the weak answer is worse.

    `gain` is the strong minus the weak quality where models were measured, None for graded prompts.
    """

    prompt: str
    source: str
    family: str
    target: float
    gain: float | None = None
    task: str = ""


@dataclass(frozen=True)
class Case:
    """A prompt that is never trained on, with the tiers that a person would accept for it."""

    prompt: str
    language: str
    expected: tuple[str, ...]


@dataclass(frozen=True)
class Sources:
    """Where the rows come from, with the SHA-256 of each file."""

    rows: tuple[Row, ...]
    hashes: dict[str, str]
    dropped: dict[str, int]


def load_training(folder: Path, evaluation: Iterable[str], graded: Path = GRADED) -> Sources:
    """All rows to train on, without those that occur in `evaluation`.

    `folder` has `train.jsonl.gz` and `gold.jsonl.gz`. OSError when one is missing, ValueError for a bad row.
    """
    files = {"benchmarks": folder / "train.jsonl.gz", "exam": folder / "gold.jsonl.gz"}
    rows = [row for source, path in files.items() for row in measured_rows(path, source)]
    licensed = [row for row in rows if row.task not in UNLICENSED]
    paths = sorted(graded.glob("*.jsonl"))
    everyday = [row for path in paths for row in graded_rows(path)]
    clean = list(without_overlap([*licensed, *everyday], evaluation))
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (*files.values(), *paths)}
    dropped = {
        "no licence stated": len(rows) - len(licensed),
        "in the evaluation": len(licensed) + len(everyday) - len(clean),
    }
    return Sources(tuple(clean), hashes, dropped)


def measured_rows(path: Path, source: str) -> Iterator[Row]:
    """The rows of a file of outcomes."""
    for record in _records(path):
        gain = float(record["strong"]) - float(record["weak"])
        target = _LINE[0] + _LINE[1] * gain
        yield Row(record["prompt"], source, record["family"], target, gain, record["task"])


def graded_rows(path: Path) -> Iterator[Row]:
    """The rows of a file of prompts with a `difficulty` in [0, 1]."""
    for record in _records(path):
        grade = float(record["difficulty"])
        if not 0 <= grade <= 1:
            raise ValueError(f"{path.name}: a difficulty of {grade}")
        slope, middle, centre = _STRETCH
        target = min(max(centre + slope * (grade - middle), 0.02), 0.98)
        yield Row(record["prompt"], "everyday", record["language"], target, task=record["kind"])


def held_out_cases(name: str = "*") -> list[Case]:
    """The cases of all files beside this module, or of one of them."""
    records = [record for path in sorted(HELD_OUT.glob(f"{name}.jsonl")) for record in _records(path)]
    return [Case(record["prompt"], record["language"], tuple(record["expected"])) for record in records]


def without_overlap(rows: Sequence[Row], evaluation: Iterable[str]) -> Iterator[Row]:
    """The rows whose first 40 words begin no evaluation prompt and that share under 20% of their 10-grams with them.

    Wording that is common to many rows (the instruction of a benchmark) does not count.
    """
    split = [_words(row.prompt) for row in rows]
    begins_of = [tuple(words[:_FIRST_WORDS]) for words in split]
    common_begins = _common(Counter(begins_of))
    common = _common(Counter(shingle for words in split for shingle in _shingles(words)))
    begins, shingles = set(), set()
    for prompt in evaluation:
        words = _words(prompt)
        begins.add(tuple(words[:_FIRST_WORDS]))
        shingles.update(_shingles(words))
    for row, words, begin in zip(rows, split, begins_of, strict=True):
        own = _shingles(words) - common
        shared = len(own & shingles) / len(own) if own else 0.0
        if (begin not in begins or begin in common_begins) and shared < _OVERLAP:
            yield row


def _common(counts: Counter[tuple[str, ...]]) -> set[tuple[str, ...]]:
    return {words for words, count in counts.items() if count > _BOILERPLATE}


def fold_of(prompt: str, folds: int) -> int:
    """The fold of a prompt, by its first 40 words, so that near-duplicates stay together."""
    begin = " ".join(_words(prompt)[:_FIRST_WORDS])
    return int.from_bytes(hashlib.sha256(begin.encode("utf-8", "replace")).digest()[:4], "big") % folds


def _words(prompt: str) -> list[str]:
    return _WORD.findall(prompt.lower())


def _shingles(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[at : at + _SHINGLE]) for at in range(len(words) - _SHINGLE + 1)}


def _records(path: Path) -> Iterator[dict[str, Any]]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    # Other line ends than \n stand within prompts.
    yield from (json.loads(line) for line in text.split("\n") if line)
