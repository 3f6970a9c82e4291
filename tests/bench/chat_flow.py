"""CPU of the n8n process for a chat request, beside the same flow built from stock nodes.

Run: `./test.sh bench`. It starts a stack of its own on free ports, with real services and a model that
answers at once, measures both flows in turn, prints a table and ends. Takes about five minutes. Figures
of different runs do not compare, the machine may be busy: the ratio of one run does.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from compose.local.n8n_api import N8nApi
from compose.local.stack import Stack
from tests.bench.load import Measured, measure
from tests.bench.stock_flow import PATH, stock_flow
from tests.e2e.conftest import PORTS
from tests.ports import free_ports

BLOCKS = 3
CLIENTS = 8


def main() -> int:
    """Measure and print; 1 when the chat flow takes more than 15 ms of CPU a request."""
    with running_stack() as stack:
        plan = stack.plan()
        pid, port = stack.supervisor.states()["n8n"].pid, plan.ports["GATEWAY_PORT"]
        token = stack.secrets.service_token
        flow = stock_flow(plan.url("SCORER_PORT"), plan.url("LEDGER_PORT"), plan.ollama_url, token)
        N8nApi(plan.n8n_url, plan.settings.owner_email, stack.secrets.owner_password).put_workflow(flow)
        key = stack.secrets.first_api_key
        kinds = {
            "chat flow": ("/api/v1/chat", key, 200, 2500, 1000),
            "chat flow, refused": ("/api/v1/chat", "hai-wrong", 401, 500, 1000),
            "stock nodes": (f"/api/{PATH}", key, 200, 300, 200),
        }
        results: dict[str, list[Measured]] = {name: [] for name in kinds}
        time.sleep(5)  # a flow answers "published" a moment before its webhook is there
        for name, (path, secret, status, warm_up, _) in kinds.items():
            progress(f"warming up: {name}")
            measure(pid, port, path, secret, requests=warm_up, clients=CLIENTS, expect=status)
        for block in range(BLOCKS):
            for name, (path, secret, status, _, count) in kinds.items():
                progress(f"block {block + 1} of {BLOCKS}: {name}")
                found = measure(pid, port, path, secret, requests=count, clients=CLIENTS, expect=status)
                results[name].append(found)
    return report(results)


@contextmanager
def running_stack() -> Iterator[Stack]:
    """A stack whose model answers at once."""
    *ports, ollama = free_ports(len(PORTS) + 1)
    with tempfile.TemporaryDirectory(prefix="hybrid-ai-bench-") as folder:
        Path(folder).chmod(0o755)
        settings = {
            **dict(zip(PORTS, map(str, ports), strict=True)),
            "STACK_DIR": folder,
            "OLLAMA_URL": f"http://127.0.0.1:{ollama}",
            "RATE_LIMIT": "off",
            "KEY_CONCURRENCY": "256",
            "LOCAL_QUEUE": "64",
            "ANTHROPIC_API_KEY": "",
        }
        stack = Stack.open(settings)
        node = stack.layout.n8n / "node_modules" / ".bin" / "node"
        fake = subprocess.Popen([node, Path(__file__).with_name("fake_ollama.mjs"), str(ollama)])
        try:
            time.sleep(0.5)
            stack.up()
            yield stack
        finally:
            stack.down()
            fake.terminate()
            fake.wait(5)


def report(results: dict[str, list[Measured]]) -> int:
    """Print a row for each flow: medians over the blocks."""
    own = median(block.cpu_ms for block in results["chat flow"])
    print(
        f"\nn8n process, {CLIENTS} clients, {os.cpu_count()} cores ({platform.machine()}), medians of {BLOCKS} blocks"
    )
    print(f"{'':<20}{'CPU ms/request':>16}{'p50 ms':>9}{'p99 ms':>9}{'req/s':>8}{'CPU, chat flow = 1':>20}")
    for name, blocks in results.items():
        cpu, p50, p99, rate = (
            median(getattr(block, field) for block in blocks) for field in ("cpu_ms", "p50_ms", "p99_ms", "per_second")
        )
        print(f"{name:<20}{cpu:>16.1f}{p50:>9.1f}{p99:>9.1f}{rate:>8.0f}{cpu / own:>20.2f}")
    print(f"\nchat flow: {own:.1f} ms of CPU a request, at most 15 wanted: {'met' if own <= 15 else 'MISSED'}")
    return 0 if own <= 15 else 1


def progress(text: str) -> None:
    """What is being done, on standard error."""
    print(f"  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
