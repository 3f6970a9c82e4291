"""The programs of the stack: how each is started, and with which variables."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compose.local.binaries import valkey_server
from compose.local.layout import PATH, Layout
from compose.local.n8n_env import GRACE_SECONDS, n8n_environment
from compose.local.nodes import node_program
from compose.local.plan import Plan
from compose.local.postgres import Account, database_settings, server_account, server_command
from compose.local.stamps import fingerprint, tree_fingerprint

STACK_MARK = "HYBRID_AI_STACK"
"""The variable that every process of a stack carries; its value is the stack's folder."""
PROGRAM_MARK = f"{STACK_MARK}_PROGRAM"
"""The variable with the name of the program that a process belongs to."""

SERVICE_SETTINGS = ("LOG_LEVEL", "SERVICE_THREADS")
SCORER_SETTINGS = (
    "CLAUDE_MODEL",
    "CLOUD_UNAVAILABLE",
    "COMPLEXITY_THRESHOLD",
    "COMPLEXITY_THRESHOLD_PHI",
    "COMPLEXITY_THRESHOLD_TINY",
    "KEY_CONCURRENCY",
    "LOCAL_QUEUE",
    "OLLAMA_POLL_SECONDS",
    "POLICY_FILE",
    "RATE_LIMIT",
    "REDIS_CACHE_ENABLED",
    "REDIS_CACHE_TTL",
    "SCORER_KEEP_OUTCOMES_DAYS",
    "SCORER_KEEP_PROMPTS",
    "SCORER_TUNING_FILE",
    "USE_LOCAL_FOR_SIMPLE",
)
LEDGER_SETTINGS = ("BASELINE_MODEL", "BUDGET_TIME_ZONE", "MACHINE_COST_MONTHLY")
LEDGER_COMMAND_SETTINGS = ("ANTHROPIC_ADMIN_KEY", "ANTHROPIC_BASE_URL")
BRIDGE_SETTINGS = ("ENABLE_TASKWARRIOR_LOGGING", "TASKWARRIOR_DATA", "TW_SYNC_SECONDS")


@dataclass(frozen=True)
class Program:
    """One supervised program. `fingerprint` changes when it must be restarted to be up to date.

    `code` stands for the code it runs; `files` are private files that it reads, by path; `discard`
    are files that are removed before each start.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    code: str
    account: Account | None = None
    stop_signal: str = "TERM"
    stop_seconds: int = 10
    files: Mapping[Path, str] = field(default_factory=dict, repr=False)
    discard: tuple[Path, ...] = ()

    @property
    def fingerprint(self) -> str:
        files = {str(path): text for path, text in self.files.items()}
        return fingerprint([self.launch_file(), self.code, files])

    def launch_file(self) -> dict[str, Any]:
        """What launch.py reads."""
        return {
            "command": list(self.command),
            "environment": dict(self.environment),
            "folder": str(self.folder),
            "account": [self.account.uid, self.account.gid] if self.account else None,
            "discard": [str(path) for path in self.discard],
        }


def plan_programs(plan: Plan) -> list[Program]:
    """The programs in the order in which they start."""
    programs = [_postgres(plan), _valkey(plan)]
    if plan.own_model:
        programs.append(_local_model(plan))
    programs += [_scorer(plan), _ledger(plan)]
    if plan.bridge:
        programs.append(_bridge(plan))
    return [*programs, _n8n(plan)]


def _postgres(plan: Plan) -> Program:
    return Program(
        name="postgres",
        command=tuple(server_command(plan.layout, plan.ports["POSTGRES_PORT"])),
        environment=_base(plan, "postgres"),
        folder=Path("/"),
        code="",
        account=server_account(),
        stop_signal="INT",  # "fast": does not wait for clients to leave
        stop_seconds=30,
    )


def _valkey(plan: Plan) -> Program:
    conf = plan.layout.run / "valkey.conf"
    lines = {
        "bind": "127.0.0.1",
        "port": plan.ports["REDIS_PORT"],
        "requirepass": plan.secrets.redis_password,
        "maxmemory": "128mb",
        "maxmemory-policy": "allkeys-lru",
        # A cache: nothing in it is missed after a restart.
        "save": '""',
        "appendonly": "no",
        # Its title would be written over the mark in its environment.
        "set-proc-title": "no",
    }
    return Program(
        name="valkey",
        command=(str(valkey_server()), str(conf)),
        environment=_base(plan, "valkey"),
        folder=plan.layout.run,
        code="",
        # In a file, so that the password is on no command line.
        files={conf: "".join(f"{name} {value}\n" for name, value in lines.items())},
    )


def _local_model(plan: Plan) -> Program:
    # llama.cpp's threads would spin for work while they wait, and take it from everybody else.
    quiet = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}
    port = str(plan.ports["LOCAL_MODEL_PORT"])
    return _python(
        plan, "local_model", "compose.local.ollama_server", ["compose/local/ollama_server"], quiet, ["--port", port]
    )


def _scorer(plan: Plan) -> Program:
    environment = {
        "SCORER_PORT": str(plan.ports["SCORER_PORT"]),
        "OLLAMA_URL": plan.ollama_url,
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(plan.ports["REDIS_PORT"]),
        "REDIS_PASSWORD": plan.secrets.redis_password,
        "ANTHROPIC_API_KEY": plan.settings.anthropic_api_key,
        **_database(plan, "scorer"),
    }
    if "SCORER_TUNING_FILE" not in plan.settings.values:
        environment["SCORER_TUNING_FILE"] = str(plan.layout.data / "scorer-tuning.json")
    return _service(plan, "scorer", environment, SCORER_SETTINGS)


def scorer_environment(plan: Plan) -> dict[str, str]:
    """The variables of the scorer, for a command that works on what the scorer keeps."""
    return _for_commands(_scorer(plan))


def ledger_environment(plan: Plan) -> dict[str, str]:
    """The variables of the ledger, for a command that works on its books."""
    own = {name: plan.settings.values[name] for name in LEDGER_COMMAND_SETTINGS if name in plan.settings.values}
    return {**_for_commands(_ledger(plan)), **own}


def _for_commands(program: Program) -> dict[str, str]:
    marks = (STACK_MARK, PROGRAM_MARK)  # the command is no program of the stack
    return {name: value for name, value in program.environment.items() if name not in marks}


def _ledger(plan: Plan) -> Program:
    environment = {
        "LEDGER_PORT": str(plan.ports["LEDGER_PORT"]),
        "GATEWAY_URL": plan.gateway_url,
        **_database(plan, "ledger"),
    }
    return _service(plan, "cost_ledger", environment, LEDGER_SETTINGS)


def _database(plan: Plan, name: str) -> dict[str, str]:
    """The variables by which a Python service finds its database."""
    place = database_settings(name, plan.ports["POSTGRES_PORT"], plan.secrets)
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "database": "DB"}
    return {f"POSTGRES_{names[key]}": value for key, value in place.items()}


def _bridge(plan: Plan) -> Program:
    environment = {"TW_BRIDGE_PORT": str(plan.ports["TW_BRIDGE_PORT"]), "LEDGER_URL": plan.url("LEDGER_PORT")}
    if "TASKWARRIOR_DATA" not in plan.settings.values:
        environment["TASKWARRIOR_DATA"] = str(plan.layout.data / "taskwarrior")
    return _service(plan, "tw_bridge", environment, BRIDGE_SETTINGS)


def _n8n(plan: Plan) -> Program:
    lock = plan.layout.n8n / "package-lock.json"
    return Program(
        name="n8n",
        command=(*n8n_command(plan.layout), "start"),
        environment={
            **_base(plan, "n8n"),
            **n8n_environment(plan.settings, plan.ports, plan.secrets),
        },
        folder=plan.layout.n8n_home,
        code=fingerprint([plan.nodes_stamp, tree_fingerprint([lock])]),
        stop_seconds=GRACE_SECONDS + 10,
        # By this file n8n knows that it crashed, and then waits 10 s; supervisord keeps restarts apart.
        discard=(plan.layout.n8n_home / ".n8n" / "crash.journal",),
    )


def n8n_command(layout: Layout) -> tuple[str, str]:
    """The start of every n8n command line."""
    return str(node_program(layout)), str(layout.n8n / "node_modules" / "n8n" / "bin" / "n8n")


def _service(plan: Plan, name: str, environment: Mapping[str, str], settings: tuple[str, ...]) -> Program:
    values = plan.settings.values
    passed = {key: values[key] for key in (*SERVICE_SETTINGS, *settings) if key in values}
    token = {"SERVICE_TOKEN": plan.secrets.service_token, "SERVICE_HOST": "127.0.0.1"}
    code = ["services/runtime", "services/catalog", f"services/{name}"]
    return _python(plan, name, f"services.{name}", code, {**passed, **token, **environment}, [])


def _python(
    plan: Plan, name: str, module: str, code: list[str], environment: Mapping[str, str], arguments: list[str]
) -> Program:
    paths = [plan.layout.project / path for path in (*code, "constraints.txt")]
    return Program(
        name=name,
        command=(sys.executable, "-m", module, *arguments),
        environment={**_base(plan, name), "PYTHONUNBUFFERED": "1", **environment},
        folder=plan.layout.project,
        code=tree_fingerprint(paths),
    )


def _base(plan: Plan, name: str) -> dict[str, str]:
    return {
        "PATH": PATH,
        "HOME": str(plan.layout.run),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        STACK_MARK: str(plan.layout.stack),
        PROGRAM_MARK: name,
    }
