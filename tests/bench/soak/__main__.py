"""Some minutes of mixed traffic while one part after the other fails: is every request answered, and booked once?

Run: `./test.sh soak [--minutes 30] [--rate N] [--seed N]`, or `python -m tests.bench.soak`. It starts a stack of its
own on free ports, sends 20 requests a second, lets something go wrong every 20 to 60 seconds, and then looks at the
books. It judges the growth of memory from 10 minutes on, and prints it always. A machine that cannot answer 20 a
second beside its other work needs a lower --rate: answers that are late are lost too.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, LiteralString

import psycopg

from compose.local.postgres import connect
from compose.local.stack import Stack
from tests.bench.soak.books import killed, loose_reservations, wrong_answers, wrong_books
from tests.bench.soak.faults import Faults, Ollama, Window
from tests.bench.soak.memory import MOST_GROWTH, Life, MemoryWatch
from tests.bench.soak.traffic import Result, mixed, send_steadily
from tests.e2e.claude_server import ClaudeServer
from tests.e2e.conftest import PORTS
from tests.e2e.running import RunningStack, eventually
from tests.ports import free_ports

_JUDGE_MEMORY_MINUTES = 10.0
_REPLAY_SECONDS = 150  # the flow runs every minute
_SHOWN = 20
# High enough for every request, and hard, so that each one to Claude is reserved.
_BUDGET = {"scope": "global", "subject": None, "period": "daily", "limit": "100000", "mode": "hard"}


@dataclass(frozen=True)
class Books:
    """What is left at the end that no entry settled."""

    open_reservations: int
    unconfirmed: int
    failed_executions: int
    forced_stops: int
    spooled: int
    rejected: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; 1 when something was lost."""
    options = _options(arguments)
    chance = random.Random(options.seed)  # noqa: S311 - faults, not secrets
    print(f"soak: {options.minutes:g} minutes at {options.rate:g} requests a second, seed {options.seed}", flush=True)
    with _running_stack() as (running, ollama):
        seconds = options.minutes * 60
        watch = MemoryWatch(running.stack.supervisor)
        faults = Faults(running, ollama, random.Random(chance.random()), seconds)  # noqa: S311
        with running.budget(**_BUDGET, when_spent="local"):
            watch.start()
            faults.start()
            try:
                results = send_steadily(running, mixed(chance), options.rate, seconds)
            finally:
                faults.stop()
                watch.stop()
            problems = list(wrong_answers(results, faults.windows))
            _wait_for_replay(running)
            books = _read_books(running)
            problems += wrong_books(results, running.entries())
    problems += loose_reservations(books.open_reservations, books.unconfirmed, results)
    problems += _left_over(books, results)
    lives = sorted(watch.lives.values(), key=lambda life: life.program)
    if options.minutes >= _JUDGE_MEMORY_MINUTES:
        problems += _grown(lives)
    _print_summary(results, faults.windows, lives, books)
    for problem in problems[:_SHOWN]:
        print(f"LOST  {problem}")
    print(f"{len(problems)} problems" if problems else "nothing lost")
    return 1 if problems else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./test.sh soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--rate", type=float, default=20.0, help="requests a second (default: 20)")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(arguments)


@contextmanager
def _running_stack() -> Iterator[tuple[RunningStack, Ollama]]:
    *ports, model = free_ports(len(PORTS) + 1)
    with ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="hybrid-ai-soak-")))
        folder.chmod(0o755)
        claude = ClaudeServer()
        exits.callback(claude.close)
        stack = Stack.open(
            {
                **dict(zip(PORTS, map(str, ports), strict=True)),
                "STACK_DIR": str(folder / "stack"),
                "OLLAMA_URL": f"http://127.0.0.1:{model}",
                "ANTHROPIC_BASE_URL": claude.url,
                "ANTHROPIC_API_KEY": "not-a-real-key",
                "RATE_LIMIT": "off",
                "KEY_CONCURRENCY": "256",
                "LOCAL_QUEUE": "64",
            }
        )
        node = stack.layout.n8n / "node_modules" / ".bin" / "node"
        ollama = exits.enter_context(Ollama(node, model))
        exits.callback(stack.down)
        stack.up()
        yield RunningStack(stack, claude), ollama


def _wait_for_replay(running: RunningStack) -> None:
    """Entries that waited on disk are booked, or are found waiting by what comes after this."""
    try:
        eventually(lambda: not list(running.spool.glob("*.jsonl")), _REPLAY_SECONDS)
    except AssertionError:
        print(f"  entries still wait on disk after {_REPLAY_SECONDS} s", flush=True)


def _read_books(running: RunningStack) -> Books:
    plan = running.plan
    with connect(plan.ports["POSTGRES_PORT"], plan.secrets, "ledger") as connection:
        opened = _count(connection, "SELECT count(*) FROM ledger.reservations")
        unconfirmed = _count(connection, "SELECT count(*) FROM ledger.requests WHERE unconfirmed")
    return Books(
        open_reservations=opened,
        unconfirmed=unconfirmed,
        failed_executions=running.failed_executions(),
        # n8n waits for what runs, but not for ever.
        forced_stops=(plan.layout.logs / "n8n.log").read_text("utf-8", "replace").count("Shutdown timed out"),
        spooled=len(list(running.spool.glob("*.jsonl"))),
        rejected=len(list(running.spool.glob("rejected-*"))),
    )


def _count(connection: psycopg.Connection[Any], query: LiteralString) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _left_over(books: Books, results: Sequence[Result]) -> Iterator[str]:
    if books.spooled:
        yield f"{books.spooled} files of entries still wait on disk"
    if books.rejected:
        yield f"{books.rejected} entries were refused by the ledger"
    if books.failed_executions > len(killed(results)):
        yield f"{books.failed_executions} executions failed in n8n, with {len(killed(results))} requests killed"


def _grown(lives: Sequence[Life]) -> Iterator[str]:
    for life in lives:
        if life.growth is not None and life.growth > MOST_GROWTH:
            yield f"{life.program} grew by {life.growth:.0%} after its first minutes"


def _print_summary(results: Sequence[Result], windows: Sequence[Window], lives: Sequence[Life], books: Books) -> None:
    statuses = Counter((result.asked.kind, result.status or "no answer") for result in results)
    times = sorted(result.seconds for result in results)
    print(f"\n{len(results)} requests, p50 {median(times):.3f} s, p99 {times[int(len(times) * 0.99)]:.2f} s")
    for (kind, status), count in sorted(statuses.items(), key=str):
        print(f"  {kind:<8}{status!s:<12}{count:>7}")
    print(f"{len(windows)} faults: {', '.join(f'{w.fault} ({w.end - w.begin:.0f} s)' for w in windows)}")
    print(
        f"open reservations {books.open_reservations}, unconfirmed {books.unconfirmed}, "
        f"failed executions {books.failed_executions}, stops of n8n that cut them {books.forced_stops}, "
        f"refused entries {books.rejected}"
    )
    print("memory, in MB, of each process with its children:")
    for life in lives:
        first, last = life.megabytes
        growth = "too short to tell" if life.growth is None else f"{life.growth:+.0%} after its first 2 minutes"
        print(f"  {life.program:<12}{life.seconds:>6.0f} s{first:>8.0f} to {last:.0f}, {growth}")


if __name__ == "__main__":
    sys.exit(main())
