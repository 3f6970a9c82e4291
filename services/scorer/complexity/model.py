"""The learned model: experts for kinds of prompts, a gate that mixes them, and a measure of novelty.

Each expert is linear over hashed n-grams, plus regression trees and bounded slopes over the signals; the gate is
linear over the same n-grams. A calibration turns their mixture into a probability. `services.scorer.training` makes the
weights beside this module, and `manifest.json` says from what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.scorer.complexity.ngrams import NGrams, Wording
from services.scorer.complexity.signals import read_signals, signal_row
from services.scorer.complexity.slopes import Slopes
from services.scorer.complexity.text import Text
from services.scorer.complexity.trees import Trees

WEIGHTS: Final = Path(__file__).with_name("weights.npz")
EXPERTS: Final = ("benchmarks", "exam", "everyday")

Floats = NDArray[np.float64]

_LEAST_SAY = 0.02  # of the say of the likeliest expert
_LONGEST_TOLD = 40  # characters of a word


@dataclass(frozen=True)
class Reading:
    """What is read off one prompt before any weight is applied."""

    text: Text
    wording: Wording
    signals: dict[str, float]

    @classmethod
    def of(cls, prompt: str) -> Reading:
        """Read a prompt; linear in its length, which is capped."""
        return cls.of_all([prompt])[0]

    @classmethod
    def of_all(cls, prompts: Sequence[str]) -> list[Reading]:
        """Read many prompts, quicker than one by one."""
        texts = [Text.of(prompt) for prompt in prompts]
        wordings = Wording.of_all(texts)
        return [cls(text, wording, read_signals(text)) for text, wording in zip(texts, wordings, strict=True)]


@dataclass(frozen=True)
class Judgement:
    """What the model says of one prompt.

    `complexity` is the probability that the local model's answer is worse; `novelty` the share of the
    words that training never saw; `start`, `wording` and `effects` (one a signal) sum to `raw`, the
    mixture before calibration; `gates` are the weights of the experts.
    """

    complexity: float
    raw: float
    novelty: float
    start: float
    wording: float
    effects: Floats
    gates: Floats


@dataclass(frozen=True)
class Model:
    """The weights. `heads` has a column for each expert and then for each gate, a row for each bucket.

    `blends` has a row for each expert: a constant, and how much its head, its trees and its slopes count.
    """

    heads: NDArray[np.float32]
    intercepts: Floats
    blends: Floats
    gate_weights: Floats
    gate_intercepts: Floats
    trees: tuple[Trees, ...]
    slopes: tuple[Slopes, ...]
    calibration: Floats
    seen: NDArray[np.uint8]
    novelty_limit: float

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> Model:
        """Read the weights; OSError or ValueError when the file is missing or no such file."""
        with np.load(path) as arrays:
            return cls(
                heads=arrays["heads"].astype(np.float32),
                trees=tuple(Trees.from_arrays(arrays, name) for name in EXPERTS),
                slopes=tuple(Slopes.from_arrays(arrays, name) for name in EXPERTS),
                novelty_limit=float(arrays["novelty_limit"]),
                **{name: arrays[name] for name in _PLAIN},
            )

    def save(self, path: Path) -> None:
        """Write the weights, half precision for the n-grams."""
        arrays: dict[str, Any] = {name: getattr(self, name) for name in _PLAIN}
        for name, trees, slopes in zip(EXPERTS, self.trees, self.slopes, strict=True):
            arrays |= trees.arrays(name) | slopes.arrays(name)
        np.savez_compressed(path, heads=self.heads.astype(np.float16), novelty_limit=self.novelty_limit, **arrays)

    def judge(self, readings: Sequence[Reading]) -> list[Judgement]:
        """The judgement of each reading; the trees are walked for all of them at once."""
        if not readings:
            return []
        rows = np.stack([signal_row(reading.signals) for reading in readings])
        linear = self.linear([reading.wording.ngrams for reading in readings])
        gates = self.gates(linear[:, len(EXPERTS) :])
        starts, effects = self._of_signals(rows, gates)
        starts += gates @ (self.blends[:, 0] + self.blends[:, 1] * self._plain_intercepts)
        of_heads = linear[:, : len(EXPERTS)] - self._plain_intercepts
        wordings = (gates * self.blends[:, 1] * of_heads).sum(axis=1)
        raw = starts + wordings + effects.sum(axis=1)
        complexities = np.interp(raw, *self.calibration)
        return [
            Judgement(
                complexity=float(complexities[i]),
                raw=float(raw[i]),
                novelty=self.novelty(reading.wording.hashes),
                start=float(starts[i]),
                wording=float(wordings[i]),
                effects=effects[i],
                gates=gates[i],
            )
            for i, reading in enumerate(readings)
        ]

    def _of_signals(self, rows: Floats, gates: Floats) -> tuple[Floats, Floats]:
        """Of each row what the trees and slopes of its experts start from, and what each signal adds."""
        starts, effects = np.zeros(len(rows)), np.zeros_like(rows)
        kinds: tuple[tuple[Trees | Slopes, ...], ...] = (self.trees, self.slopes)
        for kind, parts in enumerate(kinds):
            for expert, part in enumerate(parts):
                says = gates[:, expert] * self.blends[expert, 2 + kind]
                asked = np.flatnonzero(says)
                if len(asked):
                    starts[asked] += says[asked] * part.start
                    effects[asked] += says[asked, None] * part.contributions(rows[asked])
        return starts, effects

    def linear(self, ngrams: Sequence[NGrams]) -> Floats:
        """The outputs of the linear heads, a row a text: of the experts, then of the gates."""
        counts = np.array([len(one.buckets) for one in ngrams])
        # `take` gathers rows several times quicker than an index.
        parts = self.heads.take(np.concatenate([one.buckets for one in ngrams]), axis=0)
        parts *= np.concatenate([one.weights for one in ngrams])[:, None]
        result = np.tile(self.intercepts, (len(ngrams), 1))
        some = counts > 0
        if some.any():
            result[some] += np.add.reduceat(parts, (np.cumsum(counts) - counts)[some], axis=0)
        return result

    def gates(self, outputs: Floats) -> Floats:
        """The weights of the experts from the outputs of the gate heads: a softmax; shape (n, experts)."""
        logits = outputs @ self.gate_weights + self.gate_intercepts
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        # An expert with next to no say is not asked: its trees would be most of the work.
        powers[powers < _LEAST_SAY] = 0.0
        result: Floats = powers / powers.sum(axis=1, keepdims=True)
        return result

    def novelty(self, words: NDArray[np.int64]) -> float:
        """The share of the words that are not among those of the training data; 0 when there is no word."""
        if not len(words):
            return 0.0
        bits = self.seen[words >> 3] >> (words & 7).astype(np.uint8) & 1
        return 1.0 - float(bits.mean())

    def telling_words(self, reading: Reading, judgement: Judgement, most: int = 4) -> tuple[str, ...]:
        """The words of the prompt that moved its wording's effect furthest in the direction it went."""
        starts, ends = reading.text.words
        if not len(starts):
            return ()
        mix = judgement.gates * self.blends[:, 1]
        effects = self.heads[reading.wording.word_buckets][:, : len(EXPERTS)] @ mix
        order = np.argsort(-effects if judgement.wording > 0 else effects, kind="stable")
        spelled = (bytes(reading.text.codes[starts[i] : ends[i]]).decode("utf-32-le", "replace") for i in order)
        telling = dict.fromkeys(word for word in spelled if word.isalpha() and len(word) <= _LONGEST_TOLD)
        return tuple(telling)[:most]

    @property
    def _plain_intercepts(self) -> Floats:
        return self.intercepts[: len(EXPERTS)]


_PLAIN: Final = ("intercepts", "blends", "gate_weights", "gate_intercepts", "calibration", "seen")


@cache
def load_model() -> Model:
    """The model that is shipped, read once."""
    return Model.load()
