"""Whether a program does its work, and waiting until it does."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import redis
import requests
from redis.backoff import NoBackoff
from redis.retry import Retry

from compose.local.errors import StackError
from compose.local.plan import Plan
from compose.local.postgres import connect
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
        # The stack does its work without Taskwarrior: that the bridge lives is enough.
        "tw_bridge": lambda: _http(f"{plan.url('TW_BRIDGE_PORT')}/healthz"),
        "n8n": lambda: _http(f"{plan.n8n_url}/healthz/readiness"),
    }


def remarks(plan: Plan, name: str) -> str:
    """What a service that is up says of its dependencies, in a few words; '' when all is well."""
    ports = {"scorer": "SCORER_PORT", "cost_ledger": "LEDGER_PORT", "tw_bridge": "TW_BRIDGE_PORT"}
    if name not in ports:
        return ""
    try:
        answer = requests.get(f"{plan.url(ports[name])}/readyz", timeout=_SECONDS).json()
        found = {**answer["problems"], **answer["warnings"]}
    except (requests.RequestException, ValueError, KeyError, TypeError):
        return ""
    return "; ".join(f"{part}: {remark}" for part, remark in found.items())


def wait_until(check: Check, supervisor: Supervisor, program: str, log: Path, seconds: float) -> None:
    """Return when `check` is well; StackError with the end of `log` when `program` gives up or time is over."""
    end = time.monotonic() + seconds
    while (problem := check()) is not None:
        state = supervisor.states().get(program)
        if state is None or state.state in ("FATAL", "STOPPED", "UNKNOWN"):
            raise StackError(f"{program} does not stay up ({state.note if state else 'unknown'}){log_tail(log)}")
        if state.state == "BACKOFF" and (refusal := _refused_setting(log)):
            raise StackError(f"{program} does not start: {refusal}")
        if time.monotonic() > end:
            raise StackError(f"{program} is not ready after {seconds:.0f} s: {problem}{log_tail(log)}")
        time.sleep(_PAUSE)


def log_tail(log: Path) -> str:
    """The last lines of `log` and its path, to be put at the end of an error."""
    lines = _last_lines(log)
    return "".join(f"\n    {line[:300]}" for line in lines) + f"\n  All of it: {log}" if lines else ""


def _refused_setting(log: Path) -> str | None:
    """What a service said of a wrong setting before it ended; trying again does not help then."""
    last = (_last_lines(log) or [""])[-1]
    return last if last.startswith("configuration error: ") else None


def _last_lines(log: Path) -> list[str]:
    try:
        return log.read_text("utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
    except OSError:
        return []


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
        retry=Retry(NoBackoff(), 0),
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
