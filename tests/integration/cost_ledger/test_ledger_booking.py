"""Booking over HTTP into a real PostgreSQL: once each, all or none, in an order that readers can trust."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.integration.cost_ledger.service import Client, Service, entry, wait_until


def follow(client: Client, cursor: str = "0", limit: int = 1000) -> tuple[list[str], str]:
    """All request ids after a cursor, page by page, and the cursor at the end."""
    ids: list[str] = []
    while True:
        page = client.get(f"/v1/entries?after={cursor}&limit={limit}")
        if not page["entries"]:
            return ids, page["cursor"]
        ids += [found["request_id"] for found in page["entries"]]
        cursor = page["cursor"]


def test_an_entry_comes_back_as_it_was_booked(own_service: Service) -> None:
    client = own_service.client()
    booked = entry(
        "r-1",
        occurred_at="2026-10-06T12:00:00.123456+02:00",
        model="claude-sonnet",
        usage={
            "input_tokens": 1_000_000_000,
            "output_tokens": 7,
            "cache_read_tokens": 3,
            "cache_write_5m_tokens": 11,
            "cache_write_1h_tokens": 13,
        },
        latency_seconds=0.1,
        tier="cloud",
        complexity=0.7,
        reasoning='Says "proof" — 証明 🙂',
        key_id="k-1",
        user="ada",
        tags=["a,b", '"c"', "{d}", "é"],
        dialect="anthropic",
        error_code=None,
    )
    client.book(booked)
    (found,) = client.get("/v1/entries")["entries"]
    assert found.pop("booked_at").endswith("Z")
    # 1e9*2 + 7*10 + 3*0.20 + 11*2.50 + 13*4 millionths, at the prices before 2026-10-07
    cost = "2000.0001501"
    assert found == booked | {
        "reversal": False,
        "correction": None,
        "batch": False,
        "inference_geo": None,
        "routing_seconds": None,
        "model_seconds": None,
        "occurred_at": "2026-10-06T10:00:00.123456Z",
        "model": "claude-sonnet-5-5",
        "cost": cost,
        "priced": True,
        "prices": {
            "input": "2.00",
            "output": "10.00",
            "cache_read": "0.20",
            "cache_write_5m": "2.50",
            "cache_write_1h": "4.00",
        },
        "source": "catalogue: Anthropic's price list before 2026-10-07",
        "baseline_model": "claude-sonnet-5-5",
        "baseline_cost": cost,
    }


def test_an_unpriced_entry_is_kept_without_a_cost(client: Client) -> None:
    (result,) = client.book(entry("unpriced", model="claude-next-9"))
    assert result == {"request_id": "unpriced", "cost": None, "priced": False, "duplicate": False}
    (again,) = client.book(entry("unpriced", model="claude-next-9"))
    assert again == result | {"duplicate": True}


def test_a_duplicate_tells_the_stored_cost_and_changes_nothing(client: Client) -> None:
    client.book(entry("twice"))
    cursor = follow(client)[1]
    (result,) = client.book(entry("twice", model="claude-opus-5-5", usage={"input_tokens": 5}))
    assert result == {"request_id": "twice", "cost": "0.007", "priced": True, "duplicate": True}
    assert follow(client, cursor)[0] == []


def test_a_duplicate_within_a_batch_counts_once(client: Client) -> None:
    dearer = entry("inside", usage={"output_tokens": 1_000_000})
    results = client.book(entry("inside"), entry("beside"), dearer)
    assert [(found["cost"], found["duplicate"]) for found in results] == [
        ("0.007", False),
        ("0.007", False),
        ("0.007", True),
    ]


def test_a_batch_of_old_and_new_answers_in_order(client: Client) -> None:
    client.book(entry("mixed-2"))
    results = client.book(*(entry(f"mixed-{number}") for number in (1, 2, 3)))
    assert [(found["request_id"], found["duplicate"]) for found in results] == [
        ("mixed-1", False),
        ("mixed-2", True),
        ("mixed-3", False),
    ]


def test_a_batch_of_1000_is_booked_in_its_order(client: Client) -> None:
    cursor = follow(client)[1]
    names = [f"bulk-{number}" for number in range(1000)]
    client.book(*map(entry, names))
    assert follow(client, cursor, limit=300)[0] == names


def test_sixteen_clients_with_the_same_entries_book_each_once(own_service: Service) -> None:
    names = [f"race-{number}" for number in range(40)]

    def send(worker: int) -> list[dict[str, Any]]:
        client, results = own_service.client(), []
        for start in range(0, 40, 4):
            rotated = names[start : start + 4] if worker % 2 else names[start : start + 4][::-1]
            results += client.book(*map(entry, rotated))
        return results

    with ThreadPoolExecutor(16) as pool:
        results = [result for batch in pool.map(send, range(16)) for result in batch]
    client = own_service.client()
    assert Counter(result["request_id"] for result in results if not result["duplicate"]) == dict.fromkeys(names, 1)
    assert {result["cost"] for result in results} == {"0.007"}
    assert sorted(follow(client)[0]) == sorted(names)
    assert Decimal(client.get("/v1/stats")["total_cost"]) == 40 * Decimal("0.007")


def test_a_wrong_entry_keeps_the_whole_batch_out(client: Client) -> None:
    cursor = follow(client)[1]
    status, document = client.call(
        "POST", "/v1/entries", {"entries": [entry("good"), entry("bad", occurred_at="2099-01-01T00:00:00Z")]}
    )
    assert (status, document["error"]["field"]) == (400, "entries[1].occurred_at")
    assert follow(client, cursor)[0] == []


def test_a_batch_that_fails_in_the_database_leaves_nothing(own_service: Service, database_url: str) -> None:
    client = own_service.client()
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("ALTER TABLE ledger.entries ADD CHECK (user_name <> 'mallory')")
    status, document = client.call(
        "POST", "/v1/entries", {"entries": [entry("first"), entry("second", user="mallory"), entry("third")]}
    )
    assert (status, document["error"]["code"]) == (500, "internal_error")
    assert "mallory" not in str(document)
    assert follow(client)[0] == []
    client.book(entry("first"))


def test_a_reader_never_misses_an_entry_that_commits_late(own_service: Service, database_url: str) -> None:
    client = own_service.client()
    with psycopg.connect(database_url) as slow, ThreadPoolExecutor(1) as pool:
        slow.execute("SELECT ledger.make_month(now())")
        slow.commit()  # while a month is made, nobody reads
        slow.execute(
            "INSERT INTO ledger.entries (request_id, occurred_at, charged_at, model, backend, status, input_tokens,"
            " output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, baseline_model)"
            " VALUES ('slow', now(), now(), 'tinyllama', 'local', 'ok', 0, 0, 0, 0, 0, 'claude-sonnet-5-5')"
        )
        fast = pool.submit(own_service.client().book, entry("fast"))
        wait_until(lambda: _waiting(database_url) == 1)
        assert follow(client) == ([], "0")  # an entry with a higher id would be seen here, and 'slow' lost
        assert not fast.done()
        slow.commit()
        fast.result(5)
    assert follow(client)[0] == ["slow", "fast"]


def test_readers_that_follow_while_eight_book_see_each_entry_once_in_order(own_service: Service) -> None:
    seen: list[str] = []
    done = threading.Event()

    def read() -> None:
        client, cursor = own_service.client(), "0"
        while True:
            last_round = done.is_set()
            ids, cursor = follow(client, cursor, limit=7)
            seen.extend(ids)
            if last_round:
                return

    def write(worker: int) -> None:
        client = own_service.client()
        for number in range(40):
            client.book(entry(f"{worker}-{number}"), entry(f"{worker}-{number}-b"))

    reader = threading.Thread(target=read)
    reader.start()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    done.set()
    reader.join(20)
    assert len(seen) == len(set(seen)) == 640
    assert seen == follow(own_service.client())[0]


def test_a_stuck_transaction_makes_booking_unavailable_and_not_lost(own_service: Service, database_url: str) -> None:
    client = own_service.client()
    with psycopg.connect(database_url) as stuck:
        stuck.execute("SELECT pg_advisory_xact_lock(1279607879, 1)")
        status, document = client.call("POST", "/v1/entries", entry("patient"))
        assert (status, document["error"]["code"]) == (503, "ledger_unavailable")
        assert client.get("/v1/stats")["total_requests"] == 0  # reading goes on
    assert client.book(entry("patient"))[0]["duplicate"] is False


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger.entries SET cost = 0",
        "DELETE FROM ledger.entries",
        "TRUNCATE ledger.entries",
        "UPDATE ledger.entries_2026_11 SET cost = 0",
        "DELETE FROM ledger.entries_2026_11",
        "TRUNCATE ledger.entries_2026_11",
    ],
)
def test_the_database_itself_refuses_to_change_entries(client: Client, service: Service, statement: str) -> None:
    client.book(entry("kept"))
    url = service.database_url
    with psycopg.connect(url) as conn, pytest.raises(psycopg.errors.RaiseException, match="never changed or removed"):
        conn.execute(statement.encode())


def test_a_cursor_from_another_ledger_is_refused_instead_of_waiting_for_ever(own_service: Service) -> None:
    client = own_service.client()
    client.book(entry("only"))
    status, document = client.call("GET", "/v1/entries?after=5000")
    assert (status, document["error"]["code"]) == (409, "cursor_ahead")


def _waiting(database_url: str) -> int:
    with psycopg.connect(database_url) as conn:
        row = conn.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database "
            "WHERE locktype = 'advisory' AND NOT granted AND d.datname = current_database()"
        ).fetchone()
    assert row
    return int(row[0])
