"""The cascade's figures as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.bench.scorer.cascade_measure import WANTED_FAMILY, Figure, Line, Result, Rule, targets

_INTRODUCTION = """# Escalating where local models disagree

APGR: the average share of the gap between always local and always frontier that is recovered, over all shares of
escalated prompts; 0.5 for a random order (RouteLLM, 2024). Intervals: 95%, prompts drawn with replacement.

- *Mean of all*: the weak side is the mean quality of all local models, as in the data's `weak`, and the strong side
  the mean of the frontier models. It asks how well disagreement finds the prompts that any local model fails at.
- *What is answered*: the weak side is the answer that most of the asked models give (of equals, one at random),
  which is what a cascade sends when it does not escalate.
- *Over length*: how much better than ordering by the prompt's length in characters, on the same resamples.
- Lines of several sets are means over all sets of that many models; nothing was fitted. The rule that breaks ties
  (the size of the runner-up) was chosen on the rows of the split "train".
- The answers are one greedy answer of each of several models. Several samples of one model share its mistakes, and
  agree more often than that on what is wrong: this data cannot say by how much.
"""


def report(results: Sequence[Result], seconds: float) -> str:
    """The whole report; `seconds` is what one local answer takes."""
    parts = [_INTRODUCTION, _targets(results)]
    parts += [part for result in results for part in _family(result)]
    sizes = [rule.answers for rule in results[0].rules] if results else []
    return "\n".join([*parts, time_table(sizes, seconds)])


def time_table(sizes: Iterable[int], seconds: float) -> str:
    """What the further answers cost: one after the other on one machine, and at once where there is room."""
    rows = [
        (str(size), f"{size * seconds:.1f} s", f"{(size - 1) * seconds:.1f} s", f"{3600 / (size * seconds):.0f}")
        for size in [1, *sizes]
    ]
    head = ("local answers", "time to decide", "more than one answer", "prompts an hour")
    return "\n".join(
        [
            "## What it costs in time\n",
            f"One local answer takes {seconds:g} s, the answers come one after the other on one machine, and every",
            "model stays loaded. With room for all at once the time to decide is that of the slowest.\n",
            _table(head, rows),
        ]
    )


def _targets(results: Sequence[Result]) -> str:
    lines = [f"- {'reached' if reached else '**missed**'}: {name}" for name, reached in targets(results)]
    lines += [_ceiling(result) for result in results if result.family.name == WANTED_FAMILY]
    return "\n".join(["## What was wanted of what is answered, with three answers or more\n", *lines, ""])


def _ceiling(result: Result) -> str:
    """How near the first version comes to the best that judging local answers could do in it."""
    asked = max(line.all_models.value for line in result.lines if line.answered)
    return (
        f"- In the version *mean of all*, agreement reaches {asked:.3f} on {result.family.name} at best. The order by "
        f"the local models' true quality, which nobody knows beforehand, has {result.lines[-1].all_models.value:.3f}."
    )


def _family(result: Result) -> Iterable[str]:
    family = result.family
    weak, strong = family.local.mean(), family.strong.mean()
    yield f"## {family.name}: {len(family.prompts)} prompts, local models {weak:.3f} right, frontier {strong:.3f}\n"
    yield _lines(result.lines)
    if result.subsets:
        yield "### Chosen sets, by size and maker, not by their results\n"
        yield _lines(result.subsets)
    if result.dev:
        yield "### Only the rows of the split dev\n"
        yield _lines(result.dev)
    yield "### The limit of /v1/verify: escalate unless more than half say the same\n"
    yield _rules(result.rules)
    yield f"### How often an answer is right that so many of {len(family.local_models)} models give\n"
    yield _witnesses(result)


def _lines(lines: Sequence[Line]) -> str:
    head = ("order by", "sets", "APGR, mean of all", "over length", "APGR, what is answered", "over length")
    return _table((*head, "local right", "CPT(50%)"), map(_row, lines))


def _row(line: Line) -> tuple[str, ...]:
    figures = map(_cell, (line.all_models, line.over_all, line.answered, line.over_answered))
    right = "" if line.right is None else f"{line.right:.3f}"
    return line.name, str(line.sets), *figures, right, f"{line.calls_for_half:.0f}%"


def _cell(figure: Figure | None) -> str:
    return "" if figure is None else str(figure)


def _rules(rules: Sequence[Rule]) -> str:
    head = ("local answers", "escalated", "cascade right", "local alone", "as many escalated at random")
    rows = [
        (str(r.answers), f"{r.escalated:.0%}", f"{r.cascade:.3f}", f"{r.local:.3f}", f"{r.random:.3f}") for r in rules
    ]
    return _table(head, rows)


def _witnesses(result: Result) -> str:
    """Beside the confidence that a verdict gives, (a + 1) / (n + 2)."""
    total = len(result.family.local_models)
    rows = [
        (str(same), str(count), f"{right:.3f}", f"{(same + 1) / (total + 2):.3f}")
        for same, count, right in result.witnesses
    ]
    return _table(("say the same", "answers", "right", "confidence of a verdict"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
