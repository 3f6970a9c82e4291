"""The files of migrations, before any database."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.cost_ledger.store import ledger_schema
from services.runtime.migrate import MigrationError, load_migrations
from services.scorer.outcomes.store import scorer_schema


def test_the_projects_migrations_are_numbered_from_one() -> None:
    for schema in (ledger_schema(), scorer_schema()):
        versions = [migration.version for migration in schema.migrations]
        assert versions == list(range(1, len(versions) + 1))
        assert versions


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["0001_a.sql", "0003_b.sql"], "0003_b.sql: expected number 0002"),
        (["0001_a.sql", "0001_b.sql"], "0001_b.sql: expected number 0002"),
        (["1_a.sql"], "1_a.sql: migrations are named like"),
    ],
)
def test_a_gap_a_double_or_a_wrong_name_is_refused(tmp_path: Path, names: list[str], problem: str) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(MigrationError, match=problem):
        load_migrations(tmp_path)


def test_line_endings_do_not_change_a_checksum(tmp_path: Path) -> None:
    file = tmp_path / "0001_a.sql"
    file.write_bytes(b"SELECT 1;\nSELECT 2;\n")
    unix = load_migrations(tmp_path)[0].checksum
    file.write_bytes(b"SELECT 1;\r\nSELECT 2;\r\n")
    assert load_migrations(tmp_path)[0].checksum == unix
