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
from tests.postgres import PostgresServer

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


def test_a_failing_migration_leaves_a_running_ledger_at_work(database_url: str) -> None:
    known = ledger_schema().migrations
    number = len(known) + 1
    half_way = "ALTER TABLE ledger.entries ADD COLUMN m integer NOT NULL; DROP TABLE ledger.requests; SELECT 1 / 0"
    broken = Migration(number, f"{number:04}_broken.sql", half_way)
    with running_ledger(database_url) as service:
        client = service.client()
        client.book(entry("before"))
        with pytest.raises(MigrationError, match="changed nothing"):
            migrate(database_url, ledger(*known, broken))
        assert [result["duplicate"] for result in client.book(entry("before"), entry("after"))] == [True, False]
        assert client.get("/v1/stats")["total_requests"] == 2
    with running_ledger(database_url) as again:
        assert again.client().book(entry("after"))[0]["duplicate"] is True


OLD_ENTRIES = """
    INSERT INTO ledger.entries (
        request_id, occurred_at, model, backend, status, input_tokens, output_tokens, cache_read_tokens,
        cache_write_5m_tokens, cache_write_1h_tokens, cost, price_input, price_output, price_cache_read,
        price_cache_write_5m, price_cache_write_1h, price_source, baseline_model, baseline_cost, tags, user_name
    )
    SELECT 'old-' || n, timestamptz '2026-08-30Z' + n * interval '1 day', 'claude-sonnet-5-5', 'cloud', 'ok',
        1000, 500, 0, 0, 0, 0.007, 2, 10, 0.2, 2.5, 4, 'genai-prices', 'claude-sonnet-5-5', 0.007, '{a,b}', 'ada'
    FROM generate_series(1, 5) AS n
"""

# What pg_dump would write of the schema, as rows of kind, name and definition.
DEFINITIONS = """
    SELECT 'column' AS kind, attrelid::regclass || '.' || attname AS name,
        format_type(atttypid, atttypmod) || ' ' || attnotnull::text || ' ' || attidentity::text || ' '
            || coalesce(pg_get_expr(adbin, adrelid), '') AS definition
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relnamespace = 'ledger'::regnamespace AND attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'ledger'::regnamespace
    UNION ALL
    SELECT 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid)
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = 'ledger'::regnamespace
    UNION ALL
    SELECT 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(pg_trigger.oid)
    FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    WHERE relnamespace = 'ledger'::regnamespace AND NOT tgisinternal
    UNION ALL
    SELECT 'function', oid::regprocedure::text, pg_get_functiondef(oid)
    FROM pg_proc WHERE pronamespace = 'ledger'::regnamespace
    UNION ALL
    SELECT 'relation', oid::regclass::text, relkind::text || ' ' || coalesce(pg_get_expr(relpartbound, oid), '')
        || CASE relkind WHEN 'v' THEN pg_get_viewdef(oid) ELSE '' END
    FROM pg_class WHERE relnamespace = 'ledger'::regnamespace
"""


def test_a_database_of_old_entries_becomes_as_a_fresh_one(database_url: str, postgres: PostgresServer) -> None:
    known, fresh = ledger_schema(), postgres.create_database()
    migrate(database_url, ledger(*known.migrations[:2]))
    with psycopg.connect(database_url) as conn:
        conn.execute(OLD_ENTRIES.encode())
    migrate(database_url, known)
    migrate(fresh, known)
    with psycopg.connect(fresh) as conn:
        conn.execute("SELECT ledger.make_month('2026-08-31Z'), ledger.make_month('2026-09-01Z')")
    assert sorted(rows(database_url, DEFINITIONS)) == sorted(rows(fresh, DEFINITIONS))
    with running_ledger(database_url) as service:
        client = service.client()
        stats = client.get("/v1/stats")
        assert (stats["total_requests"], stats["total_cost"]) == (5, "0.035")
        assert client.get("/v1/reports/summary?from=2026-09-01&to=2026-09-02")["totals"]["cost"] == "0.014"
        page = client.get("/v1/entries")
        assert [found["request_id"] for found in page["entries"]] == [f"old-{n}" for n in range(1, 6)]
        booked = client.book(entry("old-3"), entry("new"))
        assert [result["duplicate"] for result in booked] == [True, False]
        assert client.get(f"/v1/entries?after={page['cursor']}")["entries"][0]["request_id"] == "new"
    for dimension, amount in (("total", "0.042"), ("user", "0.042"), ("tag", "0.077"), ("ever", "0.042")):
        query = f"SELECT sum(cost)::text FROM ledger.hourly WHERE dimension = '{dimension}'"  # noqa: S608
        assert rows(database_url, query) == [(amount,)]
