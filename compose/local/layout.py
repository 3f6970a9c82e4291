"""Where everything of the embedded run lies on disk, and with which permissions."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from compose.local.errors import StackError

PROJECT = Path(__file__).resolve().parents[2]
PATH = "/usr/local/bin:/usr/bin:/bin"
"""Where the programs of a stack find those of the system."""

_LONGEST_PATH = 107  # sun_path holds 108 bytes with its final zero
# supervisord binds a longer temporary name (".PID") first.
_LONGEST_SOCKET = _LONGEST_PATH - len(".4194304")
_UNSAFE = re.compile(r"[\"'`;#%$\\\n]")


@dataclass(frozen=True)
class Layout:
    """The paths of one stack: `project` (code), `stack` (state) and `n8n` (the installed n8n).

    Nothing is created by looking at a path; `prepare` makes the folders.
    """

    project: Path
    stack: Path
    n8n: Path

    def __post_init__(self) -> None:
        for path in (self.project, self.stack, self.n8n):
            if _UNSAFE.search(str(path)):
                raise StackError(f"the path {path} holds one of \" ' ` ; # % $ \\: use a folder without them")

    @property
    def secrets_file(self) -> Path:
        return self.stack / "secrets.env"

    @property
    def ports_file(self) -> Path:
        return self.stack / "ports.env"

    @property
    def data(self) -> Path:
        """All that must be kept: the databases, n8n's home, and what was put into them."""
        return self.stack / "data"

    @property
    def postgres(self) -> Path:
        return self.data / "postgres"

    @property
    def postgres_socket_dir(self) -> Path | None:
        """Where PostgreSQL puts its Unix socket; None when the path is too long for one, or reads as a list."""
        socket = os.fsencode(self.postgres / ".s.PGSQL.65535")
        return self.postgres if len(socket) <= _LONGEST_PATH and b"," not in socket else None

    @property
    def n8n_home(self) -> Path:
        """The folder that n8n knows as N8N_USER_FOLDER."""
        return self.data / "n8n"

    @property
    def applied_file(self) -> Path:
        """What was imported into the databases; it lies beside them so that they go together."""
        return self.data / "applied.json"

    @property
    def spool(self) -> Path:
        return self.stack / "spool"

    @property
    def logs(self) -> Path:
        return self.stack / "logs"

    @property
    def run(self) -> Path:
        return self.stack / "run"

    @property
    def supervisor_conf(self) -> Path:
        return self.run / "supervisord.conf"

    @property
    def lock_file(self) -> Path:
        return self.run / "lock"

    @property
    def socket(self) -> Path:
        """supervisord's control socket; in a private folder under /tmp when the path would be too long."""
        path = self.run / "supervisor.sock"
        if len(os.fsencode(path)) <= _LONGEST_SOCKET:
            return path
        name = hashlib.sha256(os.fsencode(self.stack)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"hybrid-ai-{os.getuid()}-{name}" / "supervisor.sock"

    @property
    def nodes_package(self) -> Path:
        """The built n8n-nodes-hybrid-ai; made once per checkout, copied into each stack."""
        return self.project / ".stack" / "nodes" / "package"

    @property
    def workflows(self) -> Path:
        return self.project / "workflows"

    def prepare(self) -> None:
        """Make the folders, closed to other users.

        Run by root, `stack` and `data` can be passed through (not listed): PostgreSQL refuses to be
        root and must reach its own folder as another user.
        """
        passage = 0o711 if os.getuid() == 0 else 0o700
        for path in (self.stack, self.data):
            make_dir(path, passage)
        for path in (self.n8n_home, self.spool, self.logs, self.run):
            make_dir(path, 0o700)
        if self.socket.parent != self.run:
            make_dir(self.socket.parent, 0o700)


def make_dir(path: Path, mode: int) -> None:
    """Make `path`, or take it if it is this user's, with exactly `mode`; StackError if it is somebody else's."""
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    if path.is_symlink() or path.stat().st_uid != os.getuid():
        raise StackError(f"{path} must be a folder of the user that runs the stack")
    if path.stat().st_mode & 0o777 != mode:
        path.chmod(mode)


def write_private(path: Path, text: str) -> None:
    """Put `text` into `path` at once (no half-written file is ever seen), readable by this user only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    temporary.replace(path)
