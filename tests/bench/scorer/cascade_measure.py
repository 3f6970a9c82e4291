"""Measuring what asking several local models buys, on recorded answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from services.scorer.checks.agreement import Agreement
from services.scorer.training.metrics import apgr, bootstrap, cpt
from tests.bench.scorer.cascade_data import Family, agreements

Floats = NDArray[np.float64]

WANTED_FAMILY, WANTED_APGR, WANTED_ANSWERS = "crux", 0.62, 3
SUBSETS = {
    "four of 2 to 4B": (
        "gemma-2-2b-it", "Phi-3-mini-4k-instruct", "Phi-3.5-mini-instruct", "Qwen2.5-3B-Instruct"
    ),
    "four of 7 to 8B": (
        "Meta-Llama-3-8B-Instruct", "Meta-Llama-3.1-8B-Instruct", "Qwen2-7B-Instruct", "Qwen2.5-7B-Instruct"
    ),
    "two of 2 to 3B": ("gemma-2-2b-it", "Qwen2.5-3B-Instruct"),
    "two of 7 to 8B": ("Meta-Llama-3.1-8B-Instruct", "Qwen2.5-7B-Instruct"),
    "three makers, 7 to 8B and 4B": (
        "Meta-Llama-3.1-8B-Instruct", "Qwen2.5-7B-Instruct", "Phi-3.5-mini-instruct"
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """A value with its 95% interval over prompts drawn with replacement."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class Order:
    """How prompts are ordered for escalation by the answers of one set of local models.

    `doubt` is the order, `local` the quality of the answer that most of them give: what a cascade answers
    with where it does not escalate. `accepted`: more than half of them say the same, the limit of /v1/verify.
    """

    models: tuple[str, ...]
    doubt: Floats
    local: Floats
    accepted: NDArray[np.bool_]


@dataclass(frozen=True)
class Line:
    """One way to order prompts; where sets of models were asked, the mean over `sets` of them.

    `all_models`: the APGR where the weak side is the mean of all local models. `answered`: where it is
    the answer that most of the asked models give. `over_*`: how much better than the prompt's length.
    """

    name: str
    sets: int
    all_models: Figure
    over_all: Figure | None = None
    answered: Figure | None = None
    over_answered: Figure | None = None
    right: float | None = None
    calls_for_half: float | None = None


@dataclass(frozen=True)
class Rule:
    """The cascade as /v1/verify decides it: escalate unless more than half agree."""

    answers: int
    escalated: float
    cascade: float
    local: float
    random: float


@dataclass(frozen=True)
class Result:
    """All that is measured in a family."""

    family: Family
    lines: tuple[Line, ...]
    subsets: tuple[Line, ...]
    dev: tuple[Line, ...]
    rules: tuple[Rule, ...]
    witnesses: tuple[tuple[int, int, float], ...]


def measure(family: Family, rounds: int) -> Result:
    """Every order of the prompts of a family, with intervals of `rounds` resamples."""
    by_size = orders_by_size(family)
    judge = _Judge(family, rounds)
    known = [(name, models) for name, models in SUBSETS.items() if set(models) <= set(family.local_models)]
    return Result(
        family,
        judge.table(by_size),
        tuple(judge.line(name, [order_by(family, models)]) for name, models in known),
        _table_of_dev(family, rounds),
        tuple(_rule(size, orders, judge.strong) for size, orders in by_size.items()),
        _witnesses(family),
    )


def orders_by_size(family: Family) -> dict[int, list[Order]]:
    """The orders by every set of local models, by the number of models."""
    sizes = range(2, len(family.local_models) + 1)
    return {size: [order_by(family, models) for models in combinations(family.local_models, size)] for size in sizes}


def _table_of_dev(family: Family, rounds: int) -> tuple[Line, ...]:
    """The table on the rows that nothing was chosen by; empty when there are none."""
    dev = family.of_split("dev")
    return _Judge(dev, rounds).table(orders_by_size(dev)) if dev.prompts else ()


def targets(results: Sequence[Result]) -> list[tuple[str, bool]]:
    """What is wanted of what is answered, with three or more local answers, and whether it is reached."""
    wanted = []
    for result in results:
        asked = [line for line in result.lines if line.answered and line.over_answered]
        enough = asked[WANTED_ANSWERS - 2 :] or asked[-1:]
        if result.family.name == WANTED_FAMILY:
            least = min(line.answered.value for line in enough if line.answered)
            name = f"APGR on {WANTED_FAMILY} at least {WANTED_APGR}: {least:.3f} at worst"
            wanted.append((name, least >= WANTED_APGR))
        margin = min(line.over_answered.value for line in enough if line.over_answered)
        wanted.append((f"better than length on {result.family.name}: by {margin:.3f} at worst", margin > 0))
    return wanted


def order_by(family: Family, models: tuple[str, ...]) -> Order:
    """The order of a family's prompts by the doubt of these models' answers."""
    agreed = agreements(family, models)
    places = [family.local_models.index(model) for model in models]
    quality = [_majority_quality(one, row[places]) for one, row in zip(agreed, family.local, strict=True)]
    accepted = [2 * len(one.groups[0]) > one.answers if one.groups else False for one in agreed]
    return Order(models, np.array([one.doubt for one in agreed]), np.array(quality), np.array(accepted))


def _majority_quality(agreed: Agreement, correct: Floats) -> float:
    """The quality of what most say; of several such answers the mean, as when one is drawn."""
    most = [group for group in agreed.groups if len(group) == len(agreed.groups[0])]
    return _mean(correct[list(group)].mean() for group in most) if most else 0.0


class _Judge:
    """The figures of a family's orders, all on the same resamples."""

    def __init__(self, family: Family, rounds: int) -> None:
        self.weak: Floats = family.local.mean(axis=1)
        self.strong = family.strong
        self._gain = self.strong - self.weak
        self.lengths = np.array([float(len(prompt)) for prompt in family.prompts])
        self._rounds = rounds

    def table(self, by_size: dict[int, list[Order]]) -> tuple[Line, ...]:
        """A line for every number of local answers, then the orders that ask none."""
        lines = [self.line(f"agreement of {size}", orders) for size, orders in by_size.items()]
        length = self.fixed("length of the prompt", self.lengths)
        random = self.fixed("random order", np.zeros_like(self.lengths))
        return (*lines, length, random, self.fixed("the local models' true quality", -self.weak))

    def line(self, name: str, orders: Sequence[Order]) -> Line:
        """The mean over sets of models."""
        alike = [(self._gain, order.doubt) for order in orders]
        own = [(self.strong - order.local, order.doubt) for order in orders]
        return Line(
            name,
            len(orders),
            all_models=self._figure(lambda rows: _mean(apgr(gain[rows], doubt[rows]) for gain, doubt in alike)),
            over_all=self._figure(lambda rows: self._over_length(alike, rows)),
            answered=self._figure(lambda rows: _mean(apgr(gain[rows], doubt[rows]) for gain, doubt in own)),
            over_answered=self._figure(lambda rows: self._over_length(own, rows)),
            right=_mean(order.local.mean() for order in orders),
            calls_for_half=_mean(cpt(gain, doubt, 50) for gain, doubt in own),
        )

    def fixed(self, name: str, score: Floats) -> Line:
        """An order that asks no local model."""
        figure = self._figure(lambda rows: apgr(self._gain[rows], score[rows]))
        return Line(name, 1, figure, calls_for_half=cpt(self._gain, score, 50))

    def _over_length(self, orders: Sequence[tuple[Floats, Floats]], rows: NDArray[np.intp]) -> float:
        length = self.lengths[rows]
        return _mean(apgr(gain[rows], doubt[rows]) - apgr(gain[rows], length) for gain, doubt in orders)

    def _figure(self, value: Callable[[NDArray[np.intp]], float]) -> Figure:
        rows = np.arange(len(self.weak))

        def of_drawn(drawn: Floats, _: Floats) -> float:
            return value(drawn.astype(np.intp))

        return Figure(value(rows), *bootstrap(of_drawn, rows, rows, rounds=self._rounds))


def _rule(size: int, orders: Sequence[Order], strong: Floats) -> Rule:
    """The mean over sets of models; `random` escalates as many prompts, whichever."""
    shares = [1 - order.accepted.mean() for order in orders]
    cascades = [np.where(order.accepted, order.local, strong).mean() for order in orders]
    blind = [s * strong.mean() + (1 - s) * order.local.mean() for s, order in zip(shares, orders, strict=True)]
    local = _mean(order.local.mean() for order in orders)
    return Rule(size, _mean(shares), _mean(cascades), local, _mean(blind))


def _witnesses(family: Family) -> tuple[tuple[int, int, float], ...]:
    """For every number of models that say what an answer says: how many answers there are, how many are right."""
    said: dict[int, list[float]] = {}
    for agreed, row in zip(agreements(family, family.local_models), family.local, strict=True):
        for index, correct in enumerate(row):
            said.setdefault(agreed.with_answer(index), []).append(float(correct))
    return tuple((count, len(said[count]), _mean(said[count])) for count in sorted(said))


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
