"""The report of a run: tables, which wishes are met, and where the time goes. Pure."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from textwrap import fill

from tests.bench.gateway.measure import Figures
from tests.bench.gateway.subjects import (
    ANSWER,
    CACHE_HIT,
    CHAT_FLOW,
    EMPTY,
    LITELLM,
    MANY,
    PROGRAMS,
    REFUSAL,
    STOCK,
    STREAM,
    UPSTREAM,
    Cell,
    Subject,
)

_MADE = """Made by `{command} --markdown FILE` on {day} (UTC), on {cores} shared cores ({machine}) that also ran the
load, the model's stand-in and every service. Figures of different runs do not compare: the ratios of one run do. Blocks
a row, in alternation: {blocks}; the figures are their medians."""

_SUBJECTS = """\
The model's server is a stand-in that answers at once, or after 50 ms. **chat flow** is this stack as it is shipped;
**upstream alone** is the stand-in without anything before it; **stock nodes** is the same flow from n8n's Webhook, HTTP
Request, Switch and Respond nodes in an n8n with default settings; **LiteLLM** is its proxy 1.81.14 with one worker and
without a database: it passes a prompt on to the one model it has, and routes, reserves and books nothing. A refusal is
a wrong API key.
"""

_WARM = 2500
"""Answers after which n8n is warm, about."""

_CPU_HEAD = f"""## CPU of a request

In ms, {MANY} clients, 0 ms of upstream. The ratio is that of the gateway's own process (n8n or LiteLLM) to the chat
flow's for the same kind of request.
"""


@dataclass(frozen=True)
class Circumstances:
    """When, where and how a run was made."""

    command: str
    day: str
    cores: int
    machine: str
    load_before: float
    warm: int

    @classmethod
    def now(cls, command: str, load_before: float, warm: int) -> Circumstances:
        """Those of this machine at this moment; `warm` counts the answers that the chat flow gave before."""
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
        return cls(command, now, os.cpu_count() or 1, platform.machine(), load_before, warm)


class Found:
    """The figures of a run by what was measured."""

    def __init__(self, figures: Mapping[Cell, Figures]) -> None:
        self.cells = figures
        self._by_name = {(c.subject, c.kind, c.clients, c.delay): figure for c, figure in figures.items()}

    def get(self, subject: str, kind: str, clients: int = MANY, delay: int = 0) -> Figures | None:
        return self._by_name.get((subject, kind, clients, delay))

    def n8n(self, kind: str) -> float | None:
        """CPU of n8n for a request of this kind to the chat flow, in ms."""
        figure = self.get(CHAT_FLOW, kind)
        return figure.cpu["n8n"] if figure else None


def report(figures: Mapping[Cell, Figures], subjects: Mapping[str, Subject], about: Circumstances) -> str:
    """The whole report in Markdown."""
    found = Found(figures)
    parts = [
        "# How fast the gateway is\n",
        *(f"{fill(text, 118)}\n" for text in _circumstances(figures, about)),
        _SUBJECTS,
        _CPU_HEAD,
        _cpu_table(found, subjects),
        "## Time of an answer\n\nIn ms. *Added* is the p50 over that of the upstream alone.\n",
        _time_table(found, subjects),
        "## What was wished for\n",
        _wishes_table(found),
        "## Where the rest goes\n",
        "\n".join(fill(text, 118, subsequent_indent="  ") for text in _remarks(found, subjects, about)) + "\n",
    ]
    return "\n".join(parts)


def _circumstances(figures: Mapping[Cell, Figures], about: Circumstances) -> Iterable[str]:
    """When and how it was measured, and what makes this run say less."""
    counts = sorted({figure.blocks for figure in figures.values()})
    shown = {name: getattr(about, name) for name in ("command", "day", "cores", "machine")}
    yield _MADE.format(**shown, blocks=" to ".join(map(str, counts)))
    if about.load_before > about.cores / 2:
        yield (
            f"**The machine was busy with other work**: its load average was {about.load_before:.1f} before the run. "
            "All times are longer for it, and CPU is too, since caches and cores are shared."
        )
    if about.warm < _WARM:
        yield (
            f"**n8n was not warm**: the chat flow had given {about.warm:,} answers before. JavaScript is compiled as "
            f"it runs; until about {_WARM:,} answers a request takes up to three times the CPU."
        )


def _cpu_table(found: Found, subjects: Mapping[str, Subject]) -> str:
    rows = []
    for cell, figure in found.cells.items():
        if (cell.clients, cell.delay) != (MANY, 0):
            continue
        own = subjects[cell.subject].own
        others = [_one(figure.cpu[name]) if name in figure.cpu else "" for name in PROGRAMS[1:]]
        ratio = _ratio(figure.cpu[own], found.n8n(cell.kind)) if cell.subject != UPSTREAM else ""
        times = [_one(figure.p50), _one(figure.p99), f"{figure.per_second:.0f}", _errors(figure)]
        # Fewer pieces than were streamed: the gateway held some back.
        kind = f"{STREAM}, in {figure.events:.0f} pieces" if cell.kind == STREAM else cell.kind
        rows.append([cell.subject, kind, _one(figure.cpu[own]), *others, _one(figure.cpu_sum), ratio, *times])
    rows.sort(key=lambda row: (list(subjects).index(row[0]), row[1]))
    names = ["n8n, LiteLLM or upstream", "scorer", "ledger", "PostgreSQL", "Valkey", "all", "ratio"]
    return table(["", "request", *names, "p50", "p99", "requests a second", "errors"], rows)


def _time_table(found: Found, subjects: Mapping[str, Subject]) -> str:
    order = list(subjects)
    answers = [(cell, figure) for cell, figure in found.cells.items() if cell.kind == ANSWER]
    rows = []
    for cell, figure in sorted(answers, key=lambda a: (a[0].delay, a[0].clients, order.index(a[0].subject))):
        delay, clients, subject = cell.delay, cell.clients, cell.subject
        alone, own = found.get(UPSTREAM, ANSWER, clients, delay), found.get(CHAT_FLOW, ANSWER, clients, delay)
        added = _one(figure.p50 - alone.p50) if alone and subject != UPSTREAM else ""
        ratio = _ratio(figure.per_second, own.per_second if own else None)
        rate = f"{figure.per_second:.0f}"
        times = [_one(figure.p50), added, _one(figure.p99)]
        rows.append([f"{delay} ms", str(clients), subject, *times, rate, ratio, _errors(figure)])
    names = ["p50", "added", "p99", "requests a second", "chat flow = 1", "errors"]
    return table(["upstream", "clients", "", *names], rows)


def _wishes_table(found: Found) -> str:
    routed, stream = found.n8n(ANSWER), found.n8n(STREAM)
    alone, one = found.get(UPSTREAM, ANSWER, 1), found.get(CHAT_FLOW, ANSWER, 1)
    many = found.get(CHAT_FLOW, ANSWER, 64)
    added = one.p50 - alone.p50 if one and alone else None
    more = stream - routed if stream is not None and routed is not None else None
    rows = [
        _wish("n8n's CPU for a routed request", routed, 7, "ms"),
        _wish("n8n's CPU for a refusal", found.n8n(REFUSAL), 3, "ms"),
        _wish("n8n's CPU for a cache hit", found.n8n(CACHE_HIT), 3, "ms"),
        _wish("n8n's CPU for 20 streamed chunks, on top of a routed request", more, 5, "ms"),
        _wish("p50 added at 1 client", added, 10, "ms"),
    ]
    if many:
        rows.append(_wish("requests a second at 64 clients", many.per_second, 150, "", at_least=True))
        rows.append(_wish("errors at 64 clients", float(sum(many.errors.values())), 0, ""))
    return table(["wish", "wanted", "found", ""], rows)


def _wish(name: str, value: float | None, wanted: float, unit: str, *, at_least: bool = False) -> list[str]:
    bound = f"{'at least' if at_least else 'at most'} {wanted:g} {unit}".rstrip()
    if value is None:
        return [name, bound, "", "not measured"]
    met = value >= wanted if at_least else value <= wanted
    return [name, bound, f"{value:.1f} {unit}".rstrip(), "met" if met else "missed"]


def _remarks(found: Found, subjects: Mapping[str, Subject], about: Circumstances) -> Iterable[str]:
    """What the figures say of each other; nothing that was not measured."""
    routed, empty = found.get(CHAT_FLOW, ANSWER), found.n8n(EMPTY)
    if routed is None:
        return
    own = routed.cpu["n8n"]
    if empty is not None:
        yield (
            f"- A flow of two stock nodes that does nothing costs n8n {_one(empty)} ms in the same process: receiving, "
            f"recording and ending an execution. What the chat flow's nodes do, with their HTTP calls, is the other "
            f"{_one(own - empty)} ms of {_one(own)}."
        )
    beside = ", ".join(f"{name} {_one(routed.cpu[name])}" for name in PROGRAMS[1:])
    yield f"- Beside n8n a routed request costs, in ms of CPU: {beside}; together {_one(routed.cpu_sum)} with n8n."
    yield (
        f"- n8n works on one core: at {_one(own)} ms a request one process cannot pass {1000 / own:.0f} requests a "
        f"second, and {about.cores} cores that do all of it cannot pass {about.cores * 1000 / routed.cpu_sum:.0f}, the "
        f"load itself not counted. At 16 and 64 clients the p50 is the queue before that."
    )
    for name, what in ((STOCK, "the same flow from stock nodes"), (LITELLM, "LiteLLM")):
        other = found.get(name, ANSWER)
        if other:
            theirs = next(iter(other.cpu.values())) if name == LITELLM else other.cpu["n8n"]
            yield f"- Of the gateway's own CPU, {what} takes {theirs / own:.2f} times what the chat flow takes."
    if STREAM not in subjects[CHAT_FLOW].requests:
        yield "- The chat flow did not stream yet when this was measured."


def table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [names, ["---"] * len(names), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _ratio(value: float, base: float | None) -> str:
    return f"{value / base:.2f}" if base else ""


def _one(value: float) -> str:
    return f"{value:.1f}"


def _errors(figure: Figures) -> str:
    return ", ".join(f"{count} x {what}" for what, count in figure.errors.items()) or "0"
