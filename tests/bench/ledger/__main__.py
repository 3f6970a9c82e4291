"""`python -m tests.bench.ledger [--entries N] [--markdown FILE]`: how quick the ledger is over full books."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from services.cost_ledger.app import open_store
from tests.bench.ledger.fill import DAYS, fill
from tests.bench.ledger.measure import Measured, measure
from tests.integration.cost_ledger.service import running_ledger
from tests.postgres import running_postgres

REPORT = """# How quick the cost ledger is

Made on {date} by `python -m tests.bench.ledger --entries {entries} --markdown FILE`, on a virtual machine with {cpus}
processor cores, which the bench, the ledger and PostgreSQL share. When it began, other work on the machine had a load
of {load:.1f}. PostgreSQL has its own defaults: every booking is on disk before it is answered. The books hold
{entries:,} entries over {days} days, of 6 models, 20 keys, 50 users and 20 tags; making them took {filling:.0f} s.

| question | median | 95% within | wanted |
|---|---|---|---|
{times}

Requests follow each other on one keep-alive connection. A report of 30 days ends with today.

## Single entries, by the number of clients at once

| clients | entries a second | CPU of the ledger an entry | CPU of PostgreSQL an entry |
|---|---|---|---|
{loads}

The times are those of a machine that may be busy with other things; the CPU of an entry says what it takes by itself.
An entry is one question to PostgreSQL: a function that takes its turn, books the row, adds it to the sums of its hour
and charges the budgets that count it. Half of the ledger's own CPU is HTTP and the check of the body.
"""


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 1 when a time is longer than wanted."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.ledger", description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000, help="entries in the books (default: a million)")
    parser.add_argument("--markdown", type=Path, help="also write the report here")
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0]
    with running_postgres({}) as postgres:
        url = postgres.create_database()
        with closing(open_store(url, 1)):
            pass  # it made the tables
        started = time.perf_counter()
        fill(url, options.entries)
        filling = time.perf_counter() - started
        with running_ledger(url, MACHINE_COST_MONTHLY="30") as service:
            times, loads = measure(service, postgres)
    report = REPORT.format(
        date=datetime.now(UTC).date(),
        entries=options.entries,
        days=DAYS,
        cpus=os.cpu_count(),
        load=load,
        filling=filling,
        times="\n".join(_lines(times)),
        loads="\n".join(loads),
    )
    print(report)
    if options.markdown:
        options.markdown.write_text(report, "utf-8")
    return 0 if all(one.is_met for one in times) else 1


def _lines(times: Sequence[Measured]) -> list[str]:
    return [
        f"| `{one.question}` | {one.median:.1f} ms | {one.p95:.1f} ms "
        f"| {'' if one.wanted is None else f'under {one.wanted:g} ms'} |"
        for one in times
    ]


if __name__ == "__main__":
    sys.exit(main())
