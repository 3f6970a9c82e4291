"""supervisord: its configuration file, its start and end, and the programs under it."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from socket import AF_UNIX, socket
from typing import Any, cast
from xmlrpc.client import Fault, ServerProxy, Transport

from compose.local.errors import StackError
from compose.local.layout import Layout, write_private
from compose.local.processes import end_processes, stack_processes, wait_for
from compose.local.programs import STACK_MARK, Program

_LAUNCH = Path(__file__).with_name("launch.py")
_UP = frozenset({"STARTING", "RUNNING", "BACKOFF"})
_NOT_RUNNING = 70  # supervisor.xmlrpc.Faults
_CALL_SECONDS = 60.0  # longer than the slowest stop of a program


def render_conf(layout: Layout, programs: Sequence[Program]) -> str:
    """The configuration file; programs start only when told to, in the order the stack needs."""
    # supervisord warns about running as root unless it is told so.
    user = f"user={pwd.getpwuid(0).pw_name}\n" if os.getuid() == 0 else ""
    head = f"""\
[unix_http_server]
file={_text(layout.socket)}
chmod=0600

[supervisord]
{user}logfile={_text(layout.logs / "supervisord.log")}
logfile_maxbytes=5MB
logfile_backups=1
pidfile={_text(layout.run / "supervisord.pid")}
childlogdir={_text(layout.logs)}
directory=/
umask=077
identifier=hybrid-ai-stack

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
    return head + "".join(_section(layout, number, program) for number, program in enumerate(programs, start=1))


def _section(layout: Layout, number: int, program: Program) -> str:
    launch = [sys.executable, "-S", "-E", str(_LAUNCH), str(launch_path(layout, program.name)), program.fingerprint]
    return f"""
[program:{program.name}]
command={_text(shlex.join(launch))}
priority={number * 10}
autostart=false
autorestart=true
startsecs=4
startretries=20
stopsignal={program.stop_signal}
stopwaitsecs={program.stop_seconds}
killasgroup=true
redirect_stderr=true
stdout_logfile={_text(layout.logs / program.name)}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""


def launch_path(layout: Layout, name: str) -> Path:
    """The file that launch.py reads for the program `name`."""
    return layout.run / f"{name}.json"


def launch_fingerprint(layout: Layout, name: str) -> str | None:
    """The fingerprint that the program `name` was last configured with; None when it never was."""
    try:
        conf = layout.supervisor_conf.read_text("utf-8")
    except FileNotFoundError:
        return None
    found = re.search(rf"^\[program:{re.escape(name)}\]\ncommand=.* ([0-9a-f]+)$", conf, re.MULTILINE)
    return found[1] if found else None


def write_conf(layout: Layout, programs: Sequence[Program]) -> None:
    """Write supervisord's file and those of launch.py, readable by this user only."""
    for program in programs:
        for path, text in program.files.items():
            write_private(path, text)
        write_private(launch_path(layout, program.name), json.dumps(program.launch_file(), indent=2) + "\n")
    write_private(layout.supervisor_conf, render_conf(layout, programs))


@dataclass(frozen=True)
class ProgramState:
    """What supervisord says of a program. `uptime` in seconds, 0 when it is not running."""

    name: str
    state: str
    pid: int
    uptime: float
    note: str

    @property
    def is_up(self) -> bool:
        return self.state in _UP


class Supervisor:
    """The supervisord of one stack, which may or may not be running."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def is_running(self) -> bool:
        """Whether it answers on its socket."""
        try:
            with self._connection() as call:
                return bool(call.getState()["statename"] == "RUNNING")
        except (OSError, StackError):
            return False

    def start(self) -> None:
        """Start it, in the background."""
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._layout.supervisor_conf)]
        environment = {"PATH": os.defpath, "LANG": "C.UTF-8", STACK_MARK: str(self._layout.stack)}
        result = subprocess.run(
            command, env=environment, cwd="/", capture_output=True, text=True, timeout=30, check=False
        )
        if result.returncode != 0:
            raise StackError(f"supervisord does not start: {(result.stdout + result.stderr).strip()[-500:]}")
        wait_for(self.is_running, 15, f"supervisord does not answer; see {self._layout.logs / 'supervisord.log'}")

    def states(self) -> dict[str, ProgramState]:
        """All programs by name; empty when supervisord is not running."""
        try:
            with self._connection() as call:
                return {info["name"]: _state(info) for info in call.getAllProcessInfo()}
        except OSError:
            return {}

    def apply(self) -> None:
        """Take over the written configuration: programs that changed or went are stopped.

        `start_program` starts what is to run.
        """
        with self._connection() as call:
            added, changed, removed = call.reloadConfig()[0]
            for name in [*reversed(changed), *reversed(removed)]:
                call.stopProcessGroup(name)
                call.removeProcessGroup(name)
            for name in [*added, *changed]:
                call.addProcessGroup(name)

    def start_program(self, name: str) -> bool:
        """Start `name` without waiting for it; False when it was up already."""
        with self._connection() as call:
            if call.getProcessInfo(name)["statename"] in _UP:
                return False
            call.startProcess(name, False)
            return True

    def stop_program(self, name: str) -> None:
        """Stop `name` and wait for its end; nothing happens when it is not running."""
        with self._connection() as call:
            try:
                call.stopProcess(name)
            except Fault as fault:
                if fault.faultCode != _NOT_RUNNING:
                    raise

    def shutdown(self) -> None:
        """Stop the programs, last started first, then supervisord, and see that no process is left."""
        if self.is_running():
            with self._connection() as call:
                call.shutdown()
            with contextlib.suppress(StackError):
                wait_for(lambda: not stack_processes(self._layout), 90, "")
        end_processes(self._layout)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Any]:
        with ServerProxy("http://localhost", transport=_SocketTransport(self._layout.socket)) as server:
            yield server.supervisor


class _SocketTransport(Transport):
    """XML-RPC over a Unix socket; the URL's host is not used."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> HTTPConnection:
        if self._connection[1] is None:
            self._connection = host, _SocketConnection(self._path)
        return cast(HTTPConnection, self._connection[1])


class _SocketConnection(HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_CALL_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket(AF_UNIX)
        self.sock.settimeout(_CALL_SECONDS)
        try:
            self.sock.connect(str(self._path))
        except OSError:
            self.close()
            raise


def _state(info: dict[str, Any]) -> ProgramState:
    up = info["statename"] == "RUNNING"
    uptime = float(info["now"] - info["start"]) if up else 0.0
    return ProgramState(info["name"], info["statename"], info["pid"], uptime, info["spawnerr"] or info["description"])


def _text(value: object) -> str:
    return str(value).replace("%", "%%")
