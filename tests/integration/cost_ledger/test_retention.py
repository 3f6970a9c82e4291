"""Closing old months: nothing that is told of them changes, and nothing is dropped that is not in a file."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from services.catalog import load_catalogue
from services.cost_ledger import books
from services.cost_ledger.entries import parse_entry, price_entry
from tests.integration.cost_ledger.service import ROOT, Client, Service, entry, environment, running_ledger, wait_until

NOW = datetime.now(UTC)


def month(back: int) -> str:
    """The month that was `back` months ago, such as 2026-05."""
    number = NOW.year * 12 + NOW.month - 1 - back
    return f"{number // 12}-{number % 12 + 1:02}"


OLD, OLDER, KEPT = month(3), month(5), month(2)


@pytest.fixture
def service(database_url: str) -> Iterator[Service]:
    """A ledger with entries, corrections and failures in five months."""
    with running_ledger(database_url, MACHINE_COST_MONTHLY="30") as service:
        client = service.client()
        number = 0
        for name in (OLDER, OLD, KEPT, month(1), month(0)):
            for day in ("01T00:00:00Z", "01T23:59:59.999999Z", "15T12:34:56Z", "28T06:00:00Z"):
                moment = min(f"{name}-{day}", NOW.isoformat())
                number += 1
                labels: dict[str, Any] = {
                    "user": f"user-{number % 3}",
                    "tags": ["a", "b"][: number % 3],
                    "key_id": "k",
                    "tier": "cloud",
                }
                labels |= {"latency_seconds": number, "complexity": 0.25, "occurred_at": moment}
                client.book(
                    entry(f"cloud-{number}", **labels, usage={"input_tokens": number}),
                    entry(f"local-{number}", model="tinyllama", backend="local", **labels),
                    entry(f"failed-{number}", status="error", **labels),
                    entry(f"unpriced-{number}", model="claude-next-9", **labels),
                    entry(f"cloud-{number}", **labels, usage={"input_tokens": 10 * number}, correction="c-1"),
                )
        yield service


def retention(url: str, folder: Path, *more: str, keep: str = "2") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(folder, *more, keep=keep),
        env=environment(DATABASE_URL=url),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def command(folder: Path, *more: str, keep: str = "2") -> list[str]:
    options = ["--keep-months", keep, "--export", str(folder), *more]
    return [sys.executable, "-m", "services.cost_ledger", "retention", *options]


def closed(url: str, folder: Path) -> None:
    ended = retention(url, folder, "--apply")
    assert ended.returncode == 0, ended.stderr


def told(client: Client) -> list[Any]:
    """Everything that must stay as it was."""
    tomorrow = f"{NOW + timedelta(days=1):%Y-%m-%d}"
    periods = [
        (f"{OLDER}-01", tomorrow),
        (f"{OLDER}-01", f"{OLDER}-28"),
        (f"{OLDER}-02", f"{OLDER}-15"),
        (f"{OLD}-01", f"{OLD}-01"),
        (f"{OLD}-15", f"{KEPT}-01"),
        (f"{KEPT}-01T00:00:00Z", f"{KEPT}-15T12:34:56Z"),
    ]
    reports = [client.get(f"/v1/reports/summary?from={since}&to={until}") for since, until in periods]
    for report in reports:  # the day that is not over costs more rent each moment
        del report["savings"]["machine"], report["savings"]["net"], report["savings"]["verdict"]
    first = client.get(f"/v1/reports/summary?from={OLDER}-01&to={OLDER}-28")["savings"]  # from the first entry on
    metrics = client.call("GET", "/metrics", token=None)[1].splitlines()
    mine = [line for line in metrics if line.startswith(("api_gateway_", "ledger_")) and "booking" not in line]
    return [client.get("/v1/stats"), reports, first, mine]


def entries_of(client: Client, *months: str) -> list[Any]:
    page = client.get("/v1/entries?limit=1000")["entries"]
    return [found for found in page if found["occurred_at"][:7] in months]


def test_without_apply_it_only_says_what_it_would_do(service: Service, tmp_path: Path) -> None:
    client = service.client()
    before = client.get("/v1/entries?limit=1000")
    ended = retention(service.database_url, tmp_path)
    assert ended.returncode == 0
    lines = ended.stdout.splitlines()
    assert lines[0].startswith(f"would close {OLDER}: 24 entries, ")
    assert lines[1].startswith(f"would close {OLD}: 24 entries, ")
    assert lines[2:] == ["nothing was changed; add --apply to do it"]
    assert list(tmp_path.iterdir()) == []
    assert client.get("/v1/entries?limit=1000") == before


def test_what_is_told_of_closed_months_stays_the_same(service: Service, tmp_path: Path) -> None:
    client = service.client()
    before, gone = told(client), entries_of(client, OLDER, OLD)
    kept = entries_of(client, KEPT, month(1), month(0))
    closed(service.database_url, tmp_path)
    assert told(client) == before
    assert client.get("/v1/entries?limit=1000")["entries"] == kept
    exported = []
    for name in (OLDER, OLD):
        stem = f"entries_{name.replace('-', '_')}"
        lines = gzip.decompress((tmp_path / f"{stem}.jsonl.gz").read_bytes()).splitlines()
        exported += [json.loads(line) for line in lines]
        manifest = json.loads((tmp_path / f"{stem}.manifest.json").read_text())
        assert manifest["rows"] == len(lines)
        costs = [Decimal(json.loads(line)["cost"] or 0) for line in lines]
        assert Decimal(manifest["cost"]) == sum(costs)
    assert sorted(exported, key=str) == sorted(gone, key=str)
    with psycopg.connect(service.database_url) as conn:
        hours = conn.execute(
            "SELECT DISTINCT extract(hour FROM hour AT TIME ZONE 'UTC') FROM ledger.hourly"
            " WHERE dimension <> 'ever' AND hour < %s",
            (f"{KEPT}-01Z",),
        ).fetchall()
        left = conn.execute("SELECT count(*) FROM ledger.requests").fetchone()
    assert hours == [(0,)]
    assert left == (4 * 4 * 3,)
    again = retention(service.database_url, tmp_path, "--apply")
    assert (again.returncode, again.stdout) == (0, "nothing to do: no month with entries is that old\n")


def test_nothing_more_is_booked_into_a_closed_month(service: Service, tmp_path: Path) -> None:
    closed(service.database_url, tmp_path)
    client = service.client()
    before = client.get("/v1/stats")
    late = entry("late", occurred_at=f"{OLD}-15T12:00:00Z")
    status, document = client.call("POST", "/v1/entries", late)
    assert (status, document["error"]["field"]) == (400, "occurred_at")
    assert f"{OLD} is closed" in document["error"]["message"]
    status, document = client.call("POST", "/v1/entries", {"entries": [entry("good"), late]})
    assert (status, document["error"]["field"]) == (400, "entries[1].occurred_at")
    # What the books had of it is gone, so that it cannot be taken back.
    wrong = entry("cloud-5", occurred_at=f"{OLD}-01T00:00:00Z", correction="c-2")
    status, document = client.call("POST", "/v1/entries", wrong)
    assert (status, document["error"]["field"]) == (400, "occurred_at")
    assert client.get("/v1/stats") == before
    assert client.book(entry("good"))[0]["duplicate"] is False
    assert client.book(entry("cloud-9", occurred_at=f"{KEPT}-02T00:00:00Z"))[0]["duplicate"] is True


def test_what_only_entries_can_tell_of_a_closed_month_is_refused(service: Service, tmp_path: Path) -> None:
    client = service.client()
    cut = f"/v1/reports/summary?from={OLD}-15T12:00:00Z&to={KEPT}-15"
    other = f"/v1/reports/summary?from={OLD}-01&to={KEPT}-15&baseline=claude-haiku"
    assert (client.call("GET", cut)[0], client.call("GET", other)[0]) == (200, 200)
    closed(service.database_url, tmp_path)
    for path, field in ((cut, "from"), (other, "baseline")):
        status, document = client.call("GET", path)
        assert (status, document["error"]["field"]) == (400, field)
    status, document = client.call("GET", f"/v1/reports/summary?from={OLD}-01&to={OLD}-15T12:00:00Z")
    assert (status, document["error"]["field"]) == (400, "to")
    assert OLD in document["error"]["message"]
    assert client.get(f"/v1/reports/summary?from={KEPT}-01&to={KEPT}-28&baseline=claude-haiku")


def test_a_reader_that_has_read_all_is_not_told_that_its_cursor_is_ahead(database_url: str, tmp_path: Path) -> None:
    with running_ledger(database_url) as service:
        client = service.client()
        client.book(entry("only", occurred_at=f"{OLD}-15T12:00:00Z"))
        cursor = client.get("/v1/entries")["cursor"]
        closed(database_url, tmp_path)
        assert client.get(f"/v1/entries?after={cursor}") == {"entries": [], "cursor": cursor}


def start(service: Service, folder: Path) -> subprocess.Popen[bytes]:
    env = environment(DATABASE_URL=service.database_url)
    return subprocess.Popen(command(folder, "--apply"), env=env, cwd=ROOT, stdout=subprocess.PIPE)


def waits_for_its_turn(service: Service) -> bool:
    with psycopg.connect(service.database_url) as conn:
        row = conn.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE application_name = 'cost_ledger retention' AND wait_event = 'advisory'"
        ).fetchone()
    return row == (1,)


def test_a_run_that_is_killed_after_the_export_dropped_nothing_and_is_run_again(
    service: Service, tmp_path: Path
) -> None:
    client = service.client()
    before, entries = told(client), client.get("/v1/entries?limit=1000")
    with psycopg.connect(service.database_url, row_factory=dict_row) as conn, books.turn(conn):
        process = start(service, tmp_path)
        with process:
            wait_until(lambda: waits_for_its_turn(service), 20)
            process.kill()
    assert (tmp_path / f"entries_{OLDER.replace('-', '_')}.manifest.json").exists()
    assert client.get("/v1/entries?limit=1000") == entries
    (tmp_path / f".entries_{OLDER.replace('-', '_')}.jsonl.gz.part").write_bytes(b"of a run that ended earlier")
    closed(service.database_url, tmp_path)
    assert told(client) == before
    assert len(list(tmp_path.iterdir())) == 4


def test_an_entry_that_comes_during_the_export_is_in_the_file(service: Service, tmp_path: Path) -> None:
    client = service.client()
    late = entry("in time", occurred_at=f"{OLDER}-15T12:00:00Z")
    priced = price_entry(parse_entry(late, NOW), load_catalogue(), "claude-sonnet-5-5")
    with psycopg.connect(service.database_url, autocommit=True, row_factory=dict_row) as conn, books.turn(conn):
        process = start(service, tmp_path)
        wait_until(lambda: waits_for_its_turn(service), 20)
        books.book(conn, [priced])
    with process:
        assert process.wait(30) == 0
    file = tmp_path / f"entries_{OLDER.replace('-', '_')}.jsonl.gz"
    names = [json.loads(line)["request_id"] for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert names.count("in time") == 1
    assert client.get("/v1/stats")["total_requests"] == 5 * 4 * 3 + 1


@pytest.mark.parametrize("keep", ["0", "-1", "1.5", ""])
def test_the_present_month_is_never_closed(database_url: str, tmp_path: Path, keep: str) -> None:
    ended = retention(database_url, tmp_path, "--apply", keep=keep)
    assert ended.returncode == 2
    assert "--keep-months" in ended.stderr


def test_a_folder_that_is_not_there_is_named(database_url: str, tmp_path: Path) -> None:
    ended = retention(database_url, tmp_path / "missing", "--apply")
    assert (ended.returncode, "no such folder" in ended.stderr) == (2, True)
