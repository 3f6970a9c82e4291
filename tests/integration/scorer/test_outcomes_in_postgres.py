"""Routes and outcomes in a real PostgreSQL: written by a real scorer, read by the recalibration."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from services.runtime.errors import Unavailable
from services.runtime.migrate import Schema, migrate
from services.scorer.outcomes.records import OutcomeRecord, RouteRecord
from services.scorer.outcomes.store import OutcomeStore, open_database, scorer_schema
from services.scorer.recalibrate.traffic import Request
from tests.postgres import PostgresServer, running_postgres
from tests.unit.scorer.outcomes.fake_store import NOW, outcome, route
from tests.unit.scorer.recalibrate.simulated_user import TWO_FAMILIES, as_recorded, requests_of

ROOT = Path(__file__).parents[3]
SECRET = "Ada Lovelace"
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.create_database()


@pytest.fixture
def store(url: str) -> Iterator[OutcomeStore]:
    """A store on an empty database."""
    made = open_store(url)
    yield made
    made.close()


def open_store(url: str, wait: float = 5.0) -> OutcomeStore:
    database = open_database(url)
    database.start(wait)
    return OutcomeStore(database)


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as conn:
        return conn.execute(query.encode()).fetchall()


def wait_for(true: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def read(store: OutcomeStore, since: datetime = ALWAYS, most: int = 100_000) -> list[dict[str, Any]]:
    return list(store.routes(since, NOW + timedelta(days=1), most))


def test_the_ledger_and_the_scorer_can_share_a_database(url: str) -> None:
    migrate(url, Schema("ledger", ()))
    assert migrate(url, scorer_schema()) == ["0001_outcomes.sql"]
    assert migrate(url, scorer_schema()) == []
    assert rows(url, "SELECT count(*) FROM ledger.schema_migrations") == [(0,)]


def test_what_is_written_is_read_back(store: OutcomeStore) -> None:
    store.record_routes([route("a", cloud_cost=None), route("b", at=NOW + timedelta(minutes=1), decision="cloud")])
    store.record_outcomes([outcome("a", "good", minutes=2), outcome("a", "accepted", model="tiny")])
    later, earlier = read(store)
    assert (later["request_id"], later["decision"], later["outcomes"]) == ("b", "cloud", [])
    assert later["cloud_cost"] == route("b").cloud_cost
    assert earlier["signals"] == {"code": 0.5, "length": 12.0}
    assert (earlier["complexity"], earlier["tuned_complexity"], earlier["automatic"]) == (0.2, 0.25, True)
    assert (earlier["cloud_cost"], earlier["estimated_cost"], earlier["at"]) == (None, 0, NOW)
    assert earlier["outcomes"] == [{"outcome": "accepted", "model": "tiny"}, {"outcome": "good", "model": None}]


def test_a_repeat_changes_nothing(store: OutcomeStore, url: str) -> None:
    for model in ("tiny", "mid"):
        store.record_routes([route("a", model=model)])
        store.record_outcomes([outcome("a", model=model), outcome("a", model=model), outcome("a", "good")])
    assert rows(url, "SELECT model FROM scorer.routes") == [("tiny",)]
    told = rows(url, "SELECT outcome, model FROM scorer.outcomes ORDER BY outcome")
    assert told == [("accepted", "tiny"), ("good", None)]


def test_an_outcome_may_come_before_its_route(store: OutcomeStore) -> None:
    store.record_outcomes([outcome("early", "bad")])
    assert read(store) == []
    store.record_routes([route("early")])
    assert read(store)[0]["outcomes"] == [{"outcome": "bad", "model": None}]


def test_pages_leave_nothing_out_even_where_moments_are_the_same(
    store: OutcomeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.scorer.outcomes.store._PAGE", 7)
    store.record_routes([route(f"{number:03}", at=NOW - timedelta(minutes=number // 9)) for number in range(60)])
    assert sorted(row["request_id"] for row in read(store)) == [f"{number:03}" for number in range(60)]
    assert len(read(store, most=10)) == 10
    moments = [row["at"] for row in read(store)]
    assert moments == sorted(moments, reverse=True)
    assert len(read(store, since=NOW - timedelta(minutes=1))) == 18


def test_old_rows_are_removed_and_newer_ones_stay(
    store: OutcomeStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.scorer.outcomes.store._PRUNED_AT_ONCE", 3)
    old = [route(f"old-{number}", at=NOW - timedelta(days=91)) for number in range(10)]
    store.record_routes([*old, route("new")])
    store.record_outcomes([OutcomeRecord("old-1", "good", NOW - timedelta(days=91)), outcome("new", "good")])
    assert store.prune(NOW - timedelta(days=90)) == 11
    assert store.prune(NOW - timedelta(days=90)) == 0
    assert rows(url, "SELECT request_id FROM scorer.routes UNION ALL SELECT request_id FROM scorer.outcomes") == [
        ("new",),
        ("new",),
    ]


def test_a_row_that_the_table_refuses_is_an_error_of_its_own(store: OutcomeStore) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        store.record_routes([route("a", complexity=1.5)])
    assert read(store) == []


def test_without_an_answer_every_question_fails_at_once(postgres: PostgresServer) -> None:
    store = open_store(postgres.url("nowhere"), wait=0.2)
    begin = time.monotonic()
    with pytest.raises(Unavailable):
        store.record_routes([route("a")])
    assert store.check() is not None
    assert time.monotonic() - begin < 1
    store.close()


def test_a_scorer_writes_routes_and_outcomes_and_no_word_of_the_caller(
    start: Any, scorer_env: dict[str, str], url: str
) -> None:
    with start(**scorer_env, DATABASE_URL=url) as (scorer, process):
        wait_for(lambda: "outcomes" not in scorer.get("/readyz").json()["warnings"])
        easy = scorer.route(f"Who was {SECRET}?", request_id="easy", cache="off", thresholds={"small": 1, "large": 1})
        hard = scorer.route(f"Who was {SECRET}?", request_id="hard", cache="off", thresholds={"small": 0, "large": 0})
        assert (easy["decision"], hard["decision"]) == ("local", "cloud")
        told = [{"request_id": "easy", "outcome": "escalated", "reason": "refused,cut_off"}]
        assert scorer.post("/v1/outcomes", {"outcomes": told}).status_code == 202
        process.terminate()  # what waits is written before the end
        process.wait(10)
    routes = rows(url, "SELECT request_id, decision, model, cloud_cost > 0 FROM scorer.routes ORDER BY request_id")
    assert [row[:2] for row in routes] == [("easy", "local"), ("hard", "cloud")]
    assert all(row[3] for row in routes)
    assert rows(url, "SELECT request_id, outcome, reason FROM scorer.outcomes") == [
        ("easy", "escalated", "refused,cut_off")
    ]
    everything = str(rows(url, "SELECT to_jsonb(routes) FROM scorer.routes")).lower()
    assert not any(word.lower() in everything for word in SECRET.split())


def test_prompts_are_kept_when_the_operator_says_so_but_not_those_that_must_stay_local(
    start: Any, scorer_env: dict[str, str], url: str
) -> None:
    with start(**scorer_env, DATABASE_URL=url, SCORER_KEEP_PROMPTS="true") as (scorer, _):
        scorer.route(f"Who was {SECRET}?", request_id="open")
        scorer.route(f"Who was {SECRET}?", request_id="private", privacy="local-only")
        wait_for(lambda: migrated(url) and len(rows(url, "SELECT 1 FROM scorer.routes")) == 2)
    kept = rows(url, "SELECT request_id, prompt FROM scorer.routes ORDER BY request_id")
    assert kept == [("open", f"Who was {SECRET}?"), ("private", None)]


def migrated(url: str) -> bool:
    return rows(url, "SELECT to_regclass('scorer.routes') IS NOT NULL") == [(True,)]


def test_a_database_that_goes_is_a_warning_and_what_came_meanwhile_is_written_later(
    start: Any, scorer_env: dict[str, str]
) -> None:
    with running_postgres() as server:
        url = server.create_database()
        with start(**scorer_env, DATABASE_URL=url) as (scorer, _):
            wait_for(lambda: "outcomes" not in scorer.get("/readyz").json()["warnings"])
            server.stop()
            begin = time.monotonic()
            for number in range(5):
                assert scorer.route(request_id=f"r-{number}", cache="off")["decision"] != "refused"
            assert time.monotonic() - begin < 2
            ready = scorer.get("/readyz")
            assert ready.status_code == 200
            assert ready.json()["warnings"]["outcomes"].startswith("Outcomes are not kept: ")
            server.start()
            wait_for(lambda: len(rows(url, "SELECT 1 FROM scorer.routes")) == 5)
            wait_for(lambda: "outcomes" not in scorer.get("/readyz").json()["warnings"])
            assert scorer.metric('scorer_outcome_records_total{kind="route",result="written"}') == 5
            assert scorer.metric('scorer_outcome_records_total{kind="route",result="lost"}') == 0


def test_a_schema_that_cannot_be_brought_up_to_date_does_not_stop_the_routing(
    start: Any, scorer_env: dict[str, str], url: str
) -> None:
    migrate(url, scorer_schema())
    with psycopg.connect(url) as conn:
        conn.execute("UPDATE scorer.schema_migrations SET checksum = 'x'")
    with start(**scorer_env, DATABASE_URL=url) as (scorer, _):
        assert scorer.route()["decision"] != "refused"
        wait_for(lambda: "was edited after it was applied" in str(scorer.get("/readyz").json()["warnings"]))


def record(store: OutcomeStore, requests: list[Request]) -> None:
    """Put simulated requests into the tables, as a scorer would have."""
    routes, told = [], []
    for request in requests:
        assert request.at is not None
        routes.append(
            RouteRecord(
                request.id,
                request.at,
                "local" if request.local else "cloud",
                "small" if request.local else "cloud",
                "tinyllama" if request.local else "claude-sonnet-5-5",
                request.complexity,
                request.complexity,
                unsure=False,
                automatic=True,
                signals=request.signals,
                estimated_cost=request.cost,
                cloud_cost=request.cost,
            )
        )
        if request.weak is not None:
            told.append(OutcomeRecord(request.id, "accepted" if request.weak else "escalated", request.at))
    store.record_routes(routes)
    store.record_outcomes(told)


def recalibrate(url: str, tuning: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    policy = tuning.with_name("policy.toml")
    policy.write_text("[thresholds]\nsmall = 0.3\nmedium = 0.6\nlarge = 0.6\n")
    env = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": url,
        "SCORER_TUNING_FILE": str(tuning),
        "POLICY_FILE": str(policy),
    }
    command = [sys.executable, "-m", "services.scorer.recalibrate", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_recalibration_reads_the_traffic_and_a_running_scorer_follows_the_tuning_file(
    start: Any, scorer_env: dict[str, str], store: OutcomeStore, url: str, tmp_path: Path
) -> None:
    record(store, as_recorded(requests_of(TWO_FAMILIES, 3_000)))
    tuning = tmp_path / "tuning.json"
    env = {**scorer_env, "DATABASE_URL": url, "SCORER_TUNING_FILE": str(tuning)}
    with start(**env) as (scorer, _):
        assert scorer.get("/v1/policy").json()["tuning"] is None
        ended = recalibrate(url, tuning, "--quality", "0.93", "--apply")
        assert ended.returncode == 0, ended.stderr + ended.stdout
        assert "requests went to the cloud: nobody knows" in ended.stdout
        assert stat.S_IMODE(tuning.stat().st_mode) == 0o600
        wait_for(lambda: scorer.get("/v1/policy").json()["tuning"] is not None)
        policy = scorer.get("/v1/policy").json()
        assert policy["tuning"]["evidence"]["rows"] == 3_000
        assert policy["policy"]["thresholds.large"]["source"].startswith("tuning file of ")
        tuning.write_text("{")
        wait_for(lambda: "tuning" in scorer.get("/readyz").json()["warnings"])
        assert scorer.get("/v1/policy").json()["tuning"] is not None
        tuning.unlink()
        wait_for(lambda: scorer.get("/v1/policy").json()["tuning"] is None)


def test_too_little_traffic_is_refused(store: OutcomeStore, url: str, tmp_path: Path) -> None:
    record(store, as_recorded(requests_of(TWO_FAMILIES, 100)))
    ended = recalibrate(url, tmp_path / "tuning.json", "--apply", "--json")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "more requests with a known local answer" in ended.stderr
    assert not (tmp_path / "tuning.json").exists()


def test_since_leaves_out_what_came_before(store: OutcomeStore, url: str, tmp_path: Path) -> None:
    record(store, requests_of(TWO_FAMILIES, 2_000))
    ended = recalibrate(url, tmp_path / "tuning.json", "--since", "2026-09-02", "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["counts"]["requests"] == 560
