"""One recalibration from its options to what it prints and writes."""

# ruff: noqa: T201  - a command speaks by printing
from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from services.catalog import Catalogue, load_catalogue
from services.runtime import ConfigError, Env
from services.runtime.conninfo import database_from_env
from services.scorer.config import tuning_file_from_env
from services.scorer.outcomes.store import OutcomeStore, open_database
from services.scorer.policy import DEFAULT_FILE, Policy, PolicyOverrides, read_policy
from services.scorer.recalibrate.comparison import Comparison
from services.scorer.recalibrate.errors import Refused
from services.scorer.recalibrate.goal import Goal
from services.scorer.recalibrate.proposal import Proposal, TooLittle, propose
from services.scorer.recalibrate.reading import WrongRow, requests_in_file, requests_in_store
from services.scorer.recalibrate.report import Counts, report_document, report_text
from services.scorer.recalibrate.sample import sample_of
from services.scorer.recalibrate.traffic import Request
from services.scorer.recalibrate.tuning_file import tuning_of, write_tuning

_START_WAIT = 3.0  # seconds for the database
_NO_MATPLOTLIB = "--png needs matplotlib; install it: .venv/bin/pip install -c constraints.txt matplotlib"


def run(options: argparse.Namespace, env: Env) -> int:
    """The exit status; raises Refused, ConfigError, ApiError, MigrationError or OSError."""
    catalogue, now = load_catalogue(), datetime.now(UTC)
    policy = read_policy(env.path("POLICY_FILE", DEFAULT_FILE), PolicyOverrides.from_env(env), catalogue)
    target = _target(env, policy) if options.apply else None
    paint = _painter() if options.png is not None else None
    requests = _requests(options, env, catalogue, now)
    counts = Counts.of(requests)
    try:
        by_time = all(request.at is not None for request in requests)
        proposal = propose(sample_of(requests), policy.thresholds, _goal(options), by_time=by_time)
    except TooLittle as missing:
        raise Refused(str(missing), 2) from None
    if paint is not None:
        paint(proposal.comparison, options.png)
    usable = proposal.changes and proposal.not_worse
    status, told = 0, "Nothing was written. Repeat with --apply to put it into force." if usable else ""
    if target is not None:
        status, told = _apply(counts, proposal, target, now)
    if options.json:
        print(
            json.dumps(
                report_document(counts, proposal) | {"applied": bool(target) and proposal.changes and not status}
            )
        )
    else:
        print(report_text(counts, proposal))
    if told:
        print(told, file=sys.stderr if options.json or status else sys.stdout)
    return status


def _goal(options: argparse.Namespace) -> Goal:
    if options.quality is not None:
        return Goal("quality", options.quality)
    return Goal() if options.saving is None else Goal("saving", options.saving)


def _target(env: Env, policy: Policy) -> Path:
    """Where the tuning goes; ConfigError when it would go nowhere, or would not be in force there."""
    path = tuning_file_from_env(env)
    if path is None:
        raise ConfigError("SCORER_TUNING_FILE", "must be set for --apply")
    for name, source in policy.sources.items():
        if name.startswith("thresholds.") and source.startswith("environment "):
            variable = source.removeprefix("environment ")
            raise ConfigError(variable, "goes before the tuning file's thresholds: unset it for --apply")
    return path


def _requests(options: argparse.Namespace, env: Env, catalogue: Catalogue, now: datetime) -> list[Request]:
    if options.file is not None:
        try:
            return requests_in_file(options.file, options.since)
        except (WrongRow, UnicodeDecodeError) as wrong:
            raise Refused(f"{options.file}: {wrong}", 2) from None
    database = open_database(database_from_env(env), connections=1)
    with closing(OutcomeStore(database)) as store:
        database.start(_START_WAIT)
        return requests_in_store(store, options.since, now, catalogue)


def _painter() -> Callable[[Comparison, Path], None]:
    """What draws the picture; Refused where matplotlib is not installed."""
    try:
        from services.scorer.recalibrate.picture import save_picture
    except ModuleNotFoundError:
        raise Refused(_NO_MATPLOTLIB, 2) from None
    return save_picture


def _apply(counts: Counts, proposal: Proposal, path: Path, now: datetime) -> tuple[int, str]:
    if not proposal.changes:
        return 0, f"Nothing was written: {path} stays as it is."
    if not proposal.not_worse:
        return 1, "Nothing was written: the requests held back speak against it."
    write_tuning(tuning_of(counts, proposal, now), path)
    return 0, f"Written to {path}; a running scorer follows it within two seconds."
