"""How much CPU and time the gateway adds to a request, beside the model alone, stock n8n nodes and LiteLLM.

Run: `./test.sh bench [--quick] [--litellm] [--markdown FILE]`, or `python -m tests.bench.gateway`. It starts a stack
of its own on free ports, with real services and a model that answers at once, and all that it is compared with; loads
them in turns, prints tables and ends all of it. Takes under 8 minutes, with --quick under 3, unless the machine is so
busy that the start alone takes longer. Figures of different runs do not compare: the ratios of one run do.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from compose.local.layout import PROJECT
from compose.local.n8n_api import N8nApi
from compose.local.stack import Stack
from tests.bench.gateway.children import default_n8n, node_of, set_delay, upstream_server
from tests.bench.gateway.litellm import KEY, MODEL, NotInstalled, install_litellm, litellm_proxy
from tests.bench.gateway.load import send_load
from tests.bench.gateway.measure import Block, figures, measure_block
from tests.bench.gateway.report import Circumstances, report
from tests.bench.gateway.stock_flow import empty_flow, stock_flow
from tests.bench.gateway.subjects import (
    ANSWER,
    CHAT_FLOW,
    MANY,
    STOCK,
    Cell,
    Subject,
    chat_flow,
    litellm,
    stock_nodes,
    upstream_alone,
)
from tests.e2e.conftest import PORTS
from tests.ports import free_ports

MOST_CPU_MS = 15.0
"""Of n8n, for a routed request; above it the bench fails."""
_AROUND_BLOCK = 1.2
"""Seconds that a block takes beside its load, about."""
_LITELLM_FOLDER = PROJECT / ".stack" / "bench-litellm"


@dataclass(frozen=True)
class Pace:
    """How long all of it may take, and its parts, in seconds."""

    limit: float
    block: float
    rounds: int
    warm_up: float


_FULL = Pace(limit=420, block=2.0, rounds=3, warm_up=40)
_QUICK = Pace(limit=140, block=1.5, rounds=2, warm_up=25)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when the chat flow takes more than 15 ms of CPU a request, 2 without LiteLLM."""
    options = _options(arguments)
    try:
        proxy = install_litellm(_LITELLM_FOLDER) if options.litellm else None
    except NotInstalled as problem:
        print(problem, file=sys.stderr)
        return 2
    pace = _QUICK if options.quick else _FULL
    end, load_before = time.monotonic() + pace.limit, os.getloadavg()[0]
    with _everything(proxy) as (stack, upstream_port, subjects):
        node = node_of(stack.plan())
        warm = _warm_up(node, subjects, pace)
        blocks = _measure(node, subjects, upstream_port, pace, options.quick, end)
    found = {cell: figures(of_cell) for cell, of_cell in blocks.items()}
    command = "./test.sh bench" + (" --quick" if options.quick else "") + (" --litellm" if options.litellm else "")
    text = report(found, {subject.name: subject for subject in subjects}, Circumstances.now(command, load_before, warm))
    print(text)
    if options.markdown:
        options.markdown.write_text(text, "utf-8")
    cpu = next(figure.cpu["n8n"] for cell, figure in found.items() if _is_judged(cell))
    print(f"chat flow: {cpu:.1f} ms of n8n's CPU a request, at most {MOST_CPU_MS:.0f} wanted")
    return 0 if cpu <= MOST_CPU_MS else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./test.sh bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter blocks: under 3 minutes")
    parser.add_argument("--litellm", action="store_true", help="install LiteLLM's proxy beside it, and compare with it")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the report there")
    return parser.parse_args(arguments)


@contextmanager
def _everything(proxy: Path | None) -> Iterator[tuple[Stack, int, list[Subject]]]:
    """The stack, the port of its model, and all that is measured; nothing of it runs afterwards."""
    *ports, upstream_port, stock_port, runner_port, proxy_port = free_ports(len(PORTS) + 4)
    upstream_url = f"http://127.0.0.1:{upstream_port}"
    with ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="hybrid-ai-bench-")))
        folder.chmod(0o755)
        settings = {
            **dict(zip(PORTS, map(str, ports), strict=True)),
            "STACK_DIR": str(folder / "stack"),
            "OLLAMA_URL": upstream_url,
            "ANTHROPIC_BASE_URL": upstream_url,
            "ANTHROPIC_API_KEY": "not-a-real-key",
            "RATE_LIMIT": "off",
            "KEY_CONCURRENCY": "256",
            "LOCAL_QUEUE": "64",
        }
        stack = Stack.open(settings)
        upstream = exits.enter_context(
            upstream_server(stack.layout.n8n / "node_modules" / ".bin" / "node", upstream_port)
        )
        exits.callback(stack.down)
        plan = stack.up()
        token = stack.secrets.service_token
        api, stock = exits.enter_context(default_n8n(plan, stock_port, runner_port))
        api.put_workflow(stock_flow(plan.url("SCORER_PORT"), plan.url("LEDGER_PORT"), plan.ollama_url, token))
        N8nApi(plan.n8n_url, plan.settings.owner_email, stack.secrets.owner_password).put_workflow(empty_flow())
        subjects = [
            chat_flow(stack),
            upstream_alone(upstream_port, upstream.pid),
            stock_nodes(stack, stock_port, stock.pid),
        ]
        if proxy:
            process = exits.enter_context(litellm_proxy(proxy, folder, proxy_port, upstream_url))
            subjects.append(litellm(proxy_port, process.pid, KEY, MODEL))
        yield stack, upstream_port, subjects


def _warm_up(node: Path, subjects: Sequence[Subject], pace: Pace) -> int:
    """Let everything run for a while, since JavaScript is slow at first; how many answers the chat flow gave."""
    warm = 0
    for subject in subjects:
        for kind, request in subject.requests.items():
            _progress(f"warming up: {subject.name}, {kind}")
            whole = {CHAT_FLOW: pace.warm_up, STOCK: 5.0}.get(subject.name, 2.0)
            load = send_load(node, request, clients=MANY, seconds=whole if kind == ANSWER else 1.0)
            warm += load.requests if (subject.name, kind) == (CHAT_FLOW, ANSWER) else 0
    return warm


def _measure(
    node: Path, subjects: Sequence[Subject], upstream: int, pace: Pace, quick: bool, end: float
) -> dict[Cell, list[Block]]:
    """Rounds over all cells, as many as there is time for; what is judged is always measured."""
    pids = {subject.name: subject.pids for subject in subjects}
    # Beside each other what is compared with each other.
    cells = sorted(
        (cell for subject in subjects for cell in subject.cells(quick)),
        key=lambda cell: (cell.delay, cell.kind, cell.clients),
    )
    found: dict[Cell, list[Block]] = {cell: [] for cell in cells}
    # A slow start leaves less time: shorter blocks first, then fewer of them.
    seconds = pace.block if time.monotonic() + len(cells) * (pace.block + _AROUND_BLOCK) < end else pace.block / 2
    judged = next(cell for cell in cells if _is_judged(cell))
    longest = 0.0
    for number in range(pace.rounds):
        begun = time.monotonic()
        if number and begun + longest > end:
            break
        for index, cell in enumerate(cells):
            if time.monotonic() > end and found[judged]:
                _progress(f"the time is over: {len(cells) - index} blocks of round {number + 1} are left out")
                return {one: blocks for one, blocks in found.items() if blocks}
            about = f"{cell.subject}, {cell.kind}, {cell.clients} clients, {cell.delay} ms"
            _progress(f"round {number + 1} of at most {pace.rounds}: {about}")
            set_delay(upstream, cell.delay)
            found[cell].append(measure_block(node, cell, pids[cell.subject], seconds))
        longest = max(longest, time.monotonic() - begun)
    return found


def _is_judged(cell: Cell) -> bool:
    return (cell.subject, cell.kind, cell.clients, cell.delay) == (CHAT_FLOW, ANSWER, MANY, 0)


def _progress(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
