"""Numbered SQL migrations of a service's own schema, each applied once, in order, by one process at a time."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

_FILE_NAME = re.compile(r"([0-9]{4})_[a-z0-9_]+\.sql")
# (the project's own key space, what is locked): number 1 is taken by 0001_entries.sql of the ledger.
_LOCK = (1279607879, 2)
_SESSION = "SET lock_timeout = '10s'; SET statement_timeout = 0; SET client_min_messages = warning"
_BOOK = """
    CREATE SCHEMA IF NOT EXISTS {schema};
    CREATE TABLE IF NOT EXISTS {schema}.schema_migrations (
        version integer PRIMARY KEY,
        name text NOT NULL,
        checksum text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""
_APPLIED = "SELECT version, name, checksum FROM {schema}.schema_migrations ORDER BY version"
_NOTE = "INSERT INTO {schema}.schema_migrations (version, name, checksum) VALUES (%s, %s, %s)"


class MigrationError(Exception):
    """The schema cannot be brought up to date; the message names the migration and the cause."""


@dataclass(frozen=True)
class Migration:
    """One file of SQL statements, which run in one transaction."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, the same whatever the line endings."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


@dataclass(frozen=True)
class Schema:
    """A schema of the database that belongs to one service: its name, and its migrations in order."""

    name: str
    migrations: tuple[Migration, ...]

    def statement(self, text: str) -> sql.Composed:
        """A statement whose `{schema}` is this schema's name."""
        return sql.SQL(text).format(schema=sql.Identifier(self.name))


def load_migrations(directory: Path) -> tuple[Migration, ...]:
    """The migrations in order; MigrationError when a name is wrong or a number is missing or doubled."""
    found = []
    for path in sorted(directory.glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise MigrationError(f"{path.name}: migrations are named like 0001_short_description.sql")
        found.append(Migration(int(match[1]), path.name, path.read_text("utf-8")))
    for expected, migration in enumerate(found, start=1):
        if migration.version != expected:
            raise MigrationError(f"{migration.name}: expected number {expected:04}")
    return tuple(found)


def migrate(conninfo: str, schema: Schema, **connect: Any) -> list[str]:
    """Apply what is missing and return its names; a second run, or a concurrent one, changes nothing.

    A failed migration leaves the schema as it was before it. Raises MigrationError, or
    psycopg.OperationalError when the database is away.
    """
    try:
        with psycopg.connect(conninfo, **connect | {"autocommit": True}) as conn:
            conn.execute(_SESSION)
            conn.execute("SELECT pg_advisory_lock(%s, %s)", _LOCK)  # let go by the end of the session
            conn.execute(schema.statement(_BOOK))
            return [_apply(conn, schema, migration) for migration in _pending(conn, schema)]
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        raise MigrationError(f"cannot prepare the database: {first_line(error)}") from error


def _pending(conn: psycopg.Connection[Any], schema: Schema) -> list[Migration]:
    rows = conn.execute(schema.statement(_APPLIED))
    applied = {version: (name, checksum) for version, name, checksum in rows}
    known = {migration.version: migration for migration in schema.migrations}
    for version, (name, checksum) in applied.items():
        if version not in known:
            raise MigrationError(f"the database has {name}, which this older program does not know: update it")
        if known[version].checksum != checksum:
            raise MigrationError(
                f"{known[version].name} was edited after it was applied: restore it and write a new migration"
            )
    return [migration for migration in schema.migrations if migration.version not in applied]


def _apply(conn: psycopg.Connection[Any], schema: Schema, migration: Migration) -> str:
    try:
        with conn.transaction():
            conn.execute(migration.sql.encode())
            conn.execute(schema.statement(_NOTE), (migration.version, migration.name, migration.checksum))
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        raise MigrationError(f"{migration.name} failed and changed nothing: {first_line(error)}") from error
    return migration.name


def first_line(error: Exception) -> str:
    """What an error says, without the details that PostgreSQL adds on further lines."""
    return (str(error).splitlines() or [type(error).__name__])[0]
