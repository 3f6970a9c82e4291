"""Whether a program does its work, and waiting until it does."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import redis
import requests

from compose.local.errors import StackError
from compose.local.postgres import connect
from compose.local.programs import Plan
from compose.local.supervisord import Supervisor

Check = Callable[[], str | None]
"""None when all is well, else what is wrong, in a few words."""

_SECONDS = 3.0
_PAUSE = 0.1
_TAIL_LINES = 12


def health_checks(plan: Plan) -> dict[str, Check]:
    """The check of each program by its name."""
    return {
        "postgres": lambda: _postgres(plan),
        "valkey": lambda: _valkey(plan),
        "local_model": lambda: _http(f"{plan.url('LOCAL_MODEL_PORT')}/api/tags"),
        "scorer": lambda: _http(f"{plan.url('SCORER_PORT')}/readyz"),
        "cost_ledger": lambda: _http(f"{plan.url('LEDGER_PORT')}/readyz"),
        "tw_bridge": lambda: _http(f"{plan.url('TW_BRIDGE_PORT')}/readyz"),
        "n8n": lambda: _http(f"{plan.n8n_url}/healthz/readiness"),
    }


def wait_until(check: Check, supervisor: Supervisor, program: str, log: Path, seconds: float) -> None:
    """Return when `check` is well; StackError with the end of `log` when `program` gives up or time is over."""
    end = time.monotonic() + seconds
    while (problem := check()) is not None:
        state = supervisor.states().get(program)
        if state is None or state.state in ("FATAL", "STOPPED", "UNKNOWN"):
            raise StackError(f"{program} does not stay up ({state.note if state else 'unknown'}){log_tail(log)}")
        if time.monotonic() > end:
            raise StackError(f"{program} is not ready after {seconds:.0f} s: {problem}{log_tail(log)}")
        time.sleep(_PAUSE)


def log_tail(log: Path, lines: int = _TAIL_LINES) -> str:
    """The last lines of `log` and its path, to be put at the end of an error."""
    try:
        text = log.read_text("utf-8", errors="replace").splitlines()[-lines:]
    except OSError:
        return ""
    return "".join(f"\n    {line[:300]}" for line in text) + f"\n  All of it: {log}"


def ollama_answers(url: str) -> bool:
    """Whether a server with Ollama's API answers at `url`."""
    try:
        answer = requests.get(f"{url}/api/tags", timeout=_SECONDS)
        return answer.status_code == 200 and isinstance(answer.json().get("models"), list)
    except (requests.RequestException, ValueError, AttributeError):
        return False


def _postgres(plan: Plan) -> str | None:
    try:
        connect(plan.ports["POSTGRES_PORT"], plan.secrets).close()
    except psycopg.OperationalError as error:
        if "authentication" in str(error):
            raise StackError(
                f"{plan.layout.secrets_file} does not fit the databases in {plan.layout.postgres}: restore the "
                f"file that they were made with"
            ) from None
        return "does not answer"
    return None


def _valkey(plan: Plan) -> str | None:
    client = redis.Redis(
        "127.0.0.1",
        plan.ports["REDIS_PORT"],
        password=plan.secrets.redis_password,
        socket_timeout=_SECONDS,
        socket_connect_timeout=_SECONDS,
    )
    try:
        client.ping()
    except redis.RedisError:
        return "does not answer"
    finally:
        client.close()
    return None


def _http(url: str) -> str | None:
    try:
        answer = requests.get(url, timeout=_SECONDS)
    except requests.RequestException:
        return "does not answer"
    if answer.status_code == 200:
        return None
    try:
        problems = answer.json()["problems"]
        return "; ".join(f"{part}: {problem}" for part, problem in problems.items())
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"answers {answer.status_code}"
