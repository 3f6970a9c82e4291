"""Migrations against a real PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from services.cost_ledger.store import ledger_schema
from services.runtime.migrate import Migration, MigrationError, Schema, migrate
from tests.integration.cost_ledger.service import ROOT, entry, environment, running_ledger
from tests.ports import free_port

ONE = Migration(1, "0001_one.sql", "CREATE TABLE ledger.one (n integer); INSERT INTO ledger.one VALUES (1)")
TWO = Migration(2, "0002_two.sql", "ALTER TABLE ledger.one ADD COLUMN m integer; UPDATE ledger.one SET m = 2")
BROKEN = Migration(2, "0002_two.sql", "ALTER TABLE ledger.one ADD COLUMN m integer; SELECT no_such_function()")


def ledger(*migrations: Migration) -> Schema:
    return Schema("ledger", migrations)


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as conn:
        return conn.execute(query.encode()).fetchall()


def applied(url: str) -> list[str]:
    return [name for (name,) in rows(url, "SELECT name FROM ledger.schema_migrations ORDER BY version")]


def test_a_fresh_database_gets_everything_once(database_url: str) -> None:
    names = [migration.name for migration in ledger_schema().migrations]
    assert migrate(database_url, ledger_schema()) == names
    assert migrate(database_url, ledger_schema()) == []
    assert applied(database_url) == names


def test_an_old_database_gets_what_is_missing_and_keeps_its_rows(database_url: str) -> None:
    migrate(database_url, ledger(ONE))
    assert migrate(database_url, ledger(ONE, TWO)) == ["0002_two.sql"]
    assert rows(database_url, "SELECT n, m FROM ledger.one") == [(1, 2)]


def test_a_failing_migration_leaves_the_version_before_it(database_url: str) -> None:
    with pytest.raises(MigrationError, match=r"0002_two.sql failed and changed nothing: .*no_such_function"):
        migrate(database_url, ledger(ONE, BROKEN))
    assert applied(database_url) == ["0001_one.sql"]
    assert rows(database_url, "SELECT * FROM ledger.one") == [(1,)]
    assert migrate(database_url, ledger(ONE, TWO)) == ["0002_two.sql"]


def test_an_edited_migration_is_refused(database_url: str) -> None:
    migrate(database_url, ledger(ONE))
    with pytest.raises(MigrationError, match=r"0001_one.sql was edited after it was applied"):
        migrate(database_url, ledger(Migration(1, ONE.name, ONE.sql + " -- harmless"), TWO))
    assert applied(database_url) == ["0001_one.sql"]


def test_an_older_program_refuses_a_newer_database(database_url: str) -> None:
    migrate(database_url, ledger(ONE, TWO))
    with pytest.raises(MigrationError, match=r"the database has 0002_two.sql, which this older program"):
        migrate(database_url, ledger(ONE))


def test_concurrent_migrations_apply_each_once(database_url: str) -> None:
    slow = Migration(1, "0001_one.sql", "SELECT pg_sleep(0.3); CREATE TABLE ledger.one (n integer)")
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: migrate(database_url, ledger(slow)), range(4)))
    assert sorted(done) == [[], [], [], ["0001_one.sql"]]


def test_two_services_can_start_on_a_fresh_database_at_once(database_url: str) -> None:
    with ThreadPoolExecutor(2) as pool, ExitStack() as stack:
        services = list(pool.map(lambda _: stack.enter_context(running_ledger(database_url)), range(2)))
        first, second = (service.client() for service in services)
        first.book(entry("shared"))
        assert second.book(entry("shared"))[0]["duplicate"] is True
    assert applied(database_url) == [migration.name for migration in ledger_schema().migrations]


def test_the_service_refuses_to_start_on_an_edited_schema(database_url: str, tmp_path: Path) -> None:
    migrate(database_url, ledger_schema())
    with psycopg.connect(database_url) as conn:
        conn.execute("UPDATE ledger.schema_migrations SET checksum = 'x' WHERE version = 1")
    started = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-m", "services.cost_ledger"],
        env=environment(DATABASE_URL=database_url, LEDGER_PORT=str(free_port())),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 1
    assert "cannot start: 0001_entries.sql was edited after it was applied" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert time.monotonic() - started < 10
