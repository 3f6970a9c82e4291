"""One stack, as the command line and the tests handle it: up, its state, its keys, down."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from compose.local import gateway, n8n_content
from compose.local.errors import StackError
from compose.local.health import health_checks, wait_until
from compose.local.layout import PROJECT, Layout
from compose.local.n8n_api import N8nApi
from compose.local.nodes import build_nodes, install_nodes
from compose.local.plan import Plan
from compose.local.planning import make_plan, recall_plan
from compose.local.ports import recall_ports, remember_ports, usual_port
from compose.local.postgres import ensure_cluster, ensure_databases
from compose.local.processes import end_processes
from compose.local.programs import Program, plan_programs
from compose.local.progress import Progress, Step
from compose.local.secrets import Secrets, ensure_secrets, load_secrets
from compose.local.settings import PORTS, Settings
from compose.local.stamps import Applied
from compose.local.supervisord import Supervisor, write_conf


class Stack:
    """A stack with its state in one folder. Any number can run at once, each with ports of its own.

    In a test::

        stack = Stack.open({"STACK_DIR": str(tmp_path), "GATEWAY_PORT": "18080"})
        plan = stack.up()
        ... plan.n8n_url, stack.secrets.first_api_key, stack.supervisor.stop_program("scorer") ...
        stack.down()
    """

    def __init__(self, settings: Settings, progress: Progress | None = None) -> None:
        self.settings = settings
        self.supervisor = Supervisor(settings.layout)
        self.changed = False
        """Whether the last `up` started or imported anything."""
        self._progress = progress or Progress(sys.stderr)

    @classmethod
    def open(
        cls, environment: Mapping[str, str] = os.environ, project: Path = PROJECT, progress: Progress | None = None
    ) -> Stack:
        """The stack that `project`/.env and `environment` describe; nothing is made or started yet."""
        return cls(Settings.read(environment, project), progress)

    @property
    def layout(self) -> Layout:
        return self.settings.layout

    @property
    def secrets(self) -> Secrets:
        """The secrets; StackError before the first `up`."""
        return load_secrets(self.layout.secrets_file)

    def plan(self) -> Plan:
        """How the stack was last started; StackError when it never was."""
        return recall_plan(self.settings, self.secrets)

    def up(self) -> Plan:
        """Make what is missing, start what is not running or has changed, and wait until all is ready.

        Safe to repeat, also after an interruption: it goes on where it stopped. StackError says
        what went wrong; what runs by then stays up.
        """
        self.layout.prepare()
        with self._alone():
            self.changed = False
            before = recall_ports(self.layout.ports_file)
            with self._progress.step("Settings") as step:
                plan = self._prepare(step)
            self._tell_moved_ports(plan, before)
            programs = {program.name: program for program in plan_programs(plan)}
            applied = Applied(self.layout.applied_file)
            workflows = n8n_content.load_workflows(self.layout.workflows)
            with self._progress.step("Databases") as step:
                self._start_databases(plan, programs, step)
            # n8n takes longest to come up: all else starts beside it, and is waited for afterwards.
            self._start_others(plan, programs, applied)
            self._wait_for_services(plan, programs)
            with self._progress.step("n8n") as step:
                step.same(plan.gateway_url)
                self.wait_ready(plan, "n8n")
            with self._progress.step("Workflows") as step:
                self._fill_n8n(plan, programs["n8n"], applied, workflows, step)
            with self._progress.step("API key") as step:
                self._open_for_clients(plan, applied, step)
            return plan

    def down(self) -> bool:
        """Stop everything, in order; whether anything was running. No process is left on return."""
        if not self.layout.run.exists():
            return False
        with self._alone():
            was_running = self.supervisor.is_running()
            self.supervisor.shutdown()
            return was_running

    def wait_ready(self, plan: Plan, name: str) -> None:
        """Return when the program `name` does its work; StackError when it does not come up."""
        log = self.layout.logs / f"{name}.log"
        wait_until(health_checks(plan)[name], self.supervisor, name, log, self.settings.start_timeout)

    def _prepare(self, step: Step) -> Plan:
        secrets = ensure_secrets(self.layout.secrets_file, data=self.layout.postgres)
        if not self.supervisor.is_running():
            # What a crashed supervisord left behind holds the ports and would run twice.
            end_processes(self.layout)
        up = {name for name, state in self.supervisor.states().items() if state.is_up}
        plan = make_plan(self.settings, secrets, up)
        build_nodes(self.layout)
        install_nodes(self.layout)
        remember_ports(self.layout.ports_file, plan.ports)
        step.same(str(self.layout.stack))
        return plan

    def _tell_moved_ports(self, plan: Plan, before: Mapping[str, int]) -> None:
        for port in PORTS:
            number, usual = plan.ports.get(port.name), usual_port(port, self.settings)
            if number not in (None, usual, before.get(port.name), self.settings.ports.get(port.name)):
                self._progress.note(f"{port.program} is on port {number}, since {usual} is in use")

    def _start_databases(self, plan: Plan, programs: Mapping[str, Program], step: Step) -> None:
        ensure_cluster(self.layout, plan.secrets)
        write_conf(self.layout, list(programs.values()))
        if self.supervisor.is_running():
            self.supervisor.apply()
        else:
            self.supervisor.start()
        # What needs no database starts beside them.
        early = [name for name in ("postgres", "valkey", "local_model", "scorer") if name in programs]
        step.same("PostgreSQL and Valkey")
        self._start(early)
        self.wait_ready(plan, "postgres")
        ensure_databases(plan.ports["POSTGRES_PORT"], plan.secrets)
        self.wait_ready(plan, "valkey")

    def _start_others(self, plan: Plan, programs: Mapping[str, Program], applied: Applied) -> None:
        self._start([name for name in ("cost_ledger", "tw_bridge") if name in programs])
        if not n8n_content.credential_is_applied(plan, applied) and not self._is_up("n8n"):
            with self._progress.step("n8n's database") as step:
                step.note = "tables and credential"
                n8n_content.import_credential(plan, programs["n8n"], applied)
        self._start(["n8n"])

    def _wait_for_services(self, plan: Plan, programs: Mapping[str, Program]) -> None:
        with self._progress.step("Services") as step:
            names = [name for name in ("scorer", "cost_ledger", "tw_bridge") if name in programs]
            step.same(", ".join(names))
            for name in names:
                self.wait_ready(plan, name)
        with self._progress.step("Local model") as step:
            step.same(f"Ollama at {plan.ollama_url}")
            if plan.own_model:
                step.same(f"SmolLM2 at {plan.ollama_url}, since no Ollama answers at {self.settings.ollama_url}")
                self.wait_ready(plan, "local_model")

    def _fill_n8n(
        self, plan: Plan, program: Program, applied: Applied, workflows: list[dict[str, Any]], step: Step
    ) -> None:
        api = N8nApi(plan.n8n_url, self.settings.owner_email, plan.secrets.owner_password)
        if not n8n_content.credential_is_applied(plan, applied):
            self.changed = True
            if not n8n_content.update_credential(plan, api, applied):
                # It was removed in the editor; only an import brings it back under its own id.
                n8n_content.import_credential(plan, program, applied)
        names = n8n_content.apply_workflows(workflows, api, applied)
        self.changed = self.changed or bool(names)
        step.note = f"{len(names)} of {len(workflows)} imported and published: {', '.join(names)}"
        if not names:
            step.same(f"{len(workflows)} unchanged")
        gateway.wait_for_webhook(plan)

    def _open_for_clients(self, plan: Plan, applied: Applied, step: Step) -> None:
        stamp = plan.secrets.first_api_key_hash
        # Only once: a key that was revoked stays revoked.
        if not applied.has("first key", stamp):
            gateway.register_first_key(plan)
            applied.record("first key", stamp)
            self.changed = True
        local = gateway.wait_for_local_model(plan) if self.changed else True
        step.same("" if local else "no local model of the catalogue is there")

    def _start(self, names: list[str]) -> None:
        """Start those of `names` that are not up."""
        started = [name for name in names if self.supervisor.start_program(name)]
        self.changed = self.changed or bool(started)

    def _is_up(self, name: str) -> bool:
        state = self.supervisor.states().get(name)
        return state is not None and state.is_up

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self.layout.lock_file.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StackError(f"another ./deploy-all.sh is at work on {self.layout.stack}") from None
            yield
