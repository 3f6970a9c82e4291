"""Which months are old enough to be closed, and files of entries that prove what they hold."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.cost_ledger.retention.archive import ArchiveError, Totals, check_archive, write_archive
from services.cost_ledger.retention.month import Month, old_months

MAY = Month(date(2026, 5, 1))


@pytest.mark.parametrize(
    ("now", "keep", "old"),
    [
        ("2026-11-25T00:00:00", 1, ["2026-01", "2026-08", "2026-09"]),
        ("2026-11-25T00:00:00", 2, ["2026-01", "2026-08"]),
        ("2026-11-01T00:00:00", 3, ["2026-01"]),
        ("2026-10-31T23:59:59", 2, ["2026-01"]),
        ("2026-11-25T00:00:00", 9, ["2026-01"]),
        ("2026-11-25T00:00:00", 10, []),
        ("2027-01-01T00:00:00", 3, ["2026-01", "2026-08", "2026-09"]),
        ("2026-11-25T00:00:00", 1200, []),
    ],
)
def test_the_last_full_months_and_the_present_one_are_kept(now: str, keep: int, old: list[str]) -> None:
    months = [Month(date(2026, number, 1)) for number in (11, 9, 10, 1, 8)]
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert [str(month) for month in old_months(months, keep, moment)] == old


def test_a_month_ends_where_the_next_begins() -> None:
    span = Month(date(2026, 12, 1)).span()
    assert (span["since"], span["until"]) == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def row(number: int, cost: str | None = "0.007") -> dict[str, Any]:
    moment = datetime(2026, 5, number, tzinfo=UTC)
    kinds = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
    nothing = [
        *("correction", "price_source", "baseline_cost", "inference_geo", "latency_seconds", "routing_seconds"),
        *("model_seconds", "tier", "complexity", "reasoning", "key_id", "user_name", "dialect", "error_code"),
    ]
    return {
        **dict.fromkeys(nothing),
        **{f"{kind}_tokens": number for kind in kinds},
        **{f"price_{kind}": Decimal(2) if cost else None for kind in kinds},
        "id": number,
        "request_id": f"r-{number} é",
        "sign": 1,
        "occurred_at": moment,
        "booked_at": moment,
        "model": "m",
        "backend": "cloud",
        "status": "ok",
        "baseline_model": "b",
        "batch": False,
        "tags": ["a"],
        "cost": Decimal(cost) if cost else None,
    }


def test_a_file_holds_every_entry_and_its_manifest_says_so(tmp_path: Path) -> None:
    archive = write_archive(tmp_path, MAY, [row(1), row(2, None), row(3, "0.1234567")])
    check_archive(archive)
    assert archive.totals == Totals(3, Decimal("0.1304567"))
    lines = gzip.decompress((tmp_path / "entries_2026_05.jsonl.gz").read_bytes()).splitlines()
    documents = [json.loads(line) for line in lines]
    assert [document["request_id"] for document in documents] == ["r-1 é", "r-2 é", "r-3 é"]
    manifest = json.loads((tmp_path / "entries_2026_05.manifest.json").read_text())
    assert manifest == {
        "month": "2026-05",
        "file": "entries_2026_05.jsonl.gz",
        "rows": 3,
        "cost": "0.1304567",
        "sha256": archive.sha256,
    }
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_the_same_entries_make_the_same_file_and_replace_it(tmp_path: Path) -> None:
    first = write_archive(tmp_path, MAY, [row(1)])
    assert write_archive(tmp_path, MAY, [row(1)]) == first
    assert len(list(tmp_path.iterdir())) == 2


def test_a_month_without_entries_makes_an_empty_file(tmp_path: Path) -> None:
    archive = write_archive(tmp_path, MAY, [])
    check_archive(archive)
    assert archive.totals == Totals(0, Decimal(0))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def _leave_one_out(path: Path) -> None:
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(lines[1:])))


@pytest.mark.parametrize("damage", [_cut, _flip, _leave_one_out, Path.unlink])
def test_a_damaged_file_is_noticed(tmp_path: Path, damage: Any) -> None:
    archive = write_archive(tmp_path, MAY, [row(1), row(2)])
    damage(archive.file)
    with pytest.raises((ArchiveError, FileNotFoundError)):
        check_archive(archive)


def test_a_manifest_of_other_entries_is_noticed(tmp_path: Path) -> None:
    archive = write_archive(tmp_path, MAY, [row(1), row(2)])
    manifest = json.loads(archive.manifest.read_text())
    archive.manifest.write_text(json.dumps(manifest | {"rows": 3}))
    with pytest.raises(ArchiveError, match=r"it holds 2 entries, 0\.014 USD"):
        check_archive(archive)
