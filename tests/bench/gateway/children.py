"""The processes that the bench starts beside the stack: the upstream, an n8n with default settings, LiteLLM."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests
from psycopg import sql

from compose.local.n8n_api import N8nApi
from compose.local.nodes import node_program
from compose.local.plan import Plan
from compose.local.postgres import connect
from compose.local.programs import PROGRAM_MARK, n8n_command, plan_programs

UPSTREAM = Path(__file__).with_name("upstream.mjs")
_STOCK_DATABASE = "n8n_default"
# What the stack sets to make its n8n quick, or not to keep what is done: the other one has n8n's own defaults.
_OURS = ("EXECUTIONS_", "DB_POSTGRESDB_POOL", "DB_POSTGRESDB_STATEMENT", "N8N_EXPRESSION", "SKIP_STATISTICS")


class ChildFailed(Exception):
    """A process of the bench does not come up."""


@contextmanager
def child(
    command: Sequence[str], ready: str, *, seconds: float, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that answers at the URL `ready` inside, and is ended after."""
    process = subprocess.Popen(
        command,
        env=dict(env) if env is not None else None,
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_until_ready(process, ready, seconds)
        yield process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        # Its own group of processes, so that nothing that it started stays either.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(requests.RequestException):
            if requests.get(url, timeout=3).status_code == 200:
                return
        time.sleep(0.1)
    how = (
        f"ended with {process.returncode}" if process.returncode is not None else f"is not ready after {seconds:.0f} s"
    )
    raise ChildFailed(f"{Path(str(process.args[0])).name} {how}")  # type: ignore[index]


@contextmanager
def upstream_server(node: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The model's server that answers at once."""
    with child([str(node), str(UPSTREAM), str(port)], f"http://127.0.0.1:{port}/api/version", seconds=20) as process:
        yield process


@contextmanager
def default_n8n(plan: Plan, port: int, runner_port: int) -> Iterator[tuple[N8nApi, subprocess.Popen[bytes]]]:
    """A second n8n beside the stack's, with a database of its own on the same server and n8n's default settings.

    Only NODE_ENV=production stays, since n8n's own image sets it too.
    """
    _make_database(plan)
    own = next(program for program in plan_programs(plan) if program.name == "n8n").environment
    home = plan.layout.stack / "default-n8n"
    home.mkdir(mode=0o700)
    env = {
        **{name: value for name, value in own.items() if not name.startswith(_OURS)},
        "N8N_PORT": str(port),
        "N8N_RUNNERS_BROKER_PORT": str(runner_port),
        "N8N_USER_FOLDER": str(home),
        "HOME": str(home),
        "DB_POSTGRESDB_HOST": "127.0.0.1",
        "DB_POSTGRESDB_DATABASE": _STOCK_DATABASE,
        PROGRAM_MARK: "default_n8n",
    }
    url = f"http://127.0.0.1:{port}"
    command = [*n8n_command(plan.layout), "start"]
    with child(command, f"{url}/healthz/readiness", seconds=120, env=env, cwd=home) as process:
        yield N8nApi(url, plan.settings.owner_email, plan.secrets.owner_password), process


def _make_database(plan: Plan) -> None:
    with contextlib.closing(connect(plan.ports["POSTGRES_PORT"], plan.secrets)) as connection:
        connection.autocommit = True
        statement = sql.SQL("CREATE DATABASE {} OWNER n8n")
        connection.execute(statement.format(sql.Identifier(_STOCK_DATABASE)))


def set_delay(port: int, milliseconds: int) -> None:
    """Make the upstream wait before each answer from now on."""
    requests.post(f"http://127.0.0.1:{port}/delay/{milliseconds}", timeout=10).raise_for_status()


def node_of(plan: Plan) -> Path:
    """The Node.js that the bench's own programs run on."""
    return node_program(plan.layout)
