"""A month's entries as a file, and the proof that the file holds them."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from services.cost_ledger.entries import entry_document
from services.cost_ledger.money import money
from services.cost_ledger.retention.month import Month

_BLOCK = 1 << 20


class ArchiveError(Exception):
    """An exported file does not hold what it should; the message says what is wrong."""


@dataclass(frozen=True)
class Totals:
    """What a month's entries add up to; `cost` is in USD, the rest is counts of rows."""

    rows: int
    cost: Decimal

    def __str__(self) -> str:
        return f"{self.rows} entries, {money(self.cost)} USD"


@dataclass(frozen=True)
class Archive:
    """The file of a month, and the manifest beside it."""

    file: Path
    manifest: Path
    totals: Totals
    sha256: str


def write_archive(folder: Path, month: Month, rows: Iterable[Mapping[str, Any]]) -> Archive:
    """Write rows of ledger.entries as GET /v1/entries tells them, a line each, and a manifest.

    What is there under these names is replaced at once or not at all. Only the owner may read the files.
    """
    file = folder / f"entries_{month.name}.jsonl.gz"
    manifest = folder / f"entries_{month.name}.manifest.json"
    count, cost = 0, Decimal(0)

    def write(out: BinaryIO) -> None:
        nonlocal count, cost
        # Without a name and a time in it, the same entries make the same file.
        with gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0) as lines:
            for row in rows:
                lines.write(json.dumps(entry_document(row), ensure_ascii=False).encode() + b"\n")
                count += 1
                cost += row["cost"] or Decimal(0)

    _replace(file, write)
    totals, sha256 = Totals(count, cost), _sha256(file)
    document = {
        "month": str(month),
        "file": file.name,
        "rows": totals.rows,
        "cost": money(totals.cost),
        "sha256": sha256,
    }
    _replace(manifest, lambda out: out.write(json.dumps(document, indent=2).encode() + b"\n"))
    return Archive(file, manifest, totals, sha256)


def check_archive(archive: Archive) -> None:
    """Read the files back; ArchiveError when they do not hold what was written."""
    told = json.loads(archive.manifest.read_text("utf-8"))
    if told["sha256"] != archive.sha256 or _sha256(archive.file) != archive.sha256:
        raise ArchiveError(f"{archive.file}: its SHA-256 is not that of its manifest")
    found = read_totals(archive.file)
    if found != archive.totals or (told["rows"], Decimal(told["cost"])) != (found.rows, found.cost):
        raise ArchiveError(f"{archive.file}: it holds {found}, not {archive.totals}")


def read_totals(file: Path) -> Totals:
    """What the entries of a file add up to; ArchiveError when it cannot be read."""
    count, cost = 0, Decimal(0)
    try:
        with gzip.open(file, "rb") as lines:
            for line in lines:
                count += 1
                cost += Decimal(json.loads(line)["cost"] or 0)
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise ArchiveError(f"{file}: cannot be read back: {error}") from error
    return Totals(count, cost)


def _replace(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file under another name, and give it this one once it is on disk."""
    draft = path.with_name(f".{path.name}.part")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        write(out)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
