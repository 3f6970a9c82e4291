"""Run the ledger; look after its keys and old months, or hold its books against the provider's."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from operator import attrgetter
from types import FrameType
from typing import NoReturn

from flask import Flask

from services.catalog import CatalogueError, load_catalogue
from services.cost_ledger.app import check_baseline, create_app
from services.cost_ledger.config import Config
from services.cost_ledger.reconcile.terminal import add_reconcile_command, run_reconcile_command
from services.cost_ledger.retention.command import add_retention_command, run_retention_command
from services.cost_ledger.terminal import add_keys_command, run_keys_command
from services.cost_ledger.times import utc_now
from services.runtime import Env, run_service
from services.runtime.migrate import MigrationError

_COMMANDS: dict[str, Callable[[argparse.Namespace, Env], int]] = {
    "keys": run_keys_command,
    "reconcile": run_reconcile_command,
    "retention": run_retention_command,
}


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0, 1 when something failed, 2 when a setting or an argument is wrong."""
    parser = argparse.ArgumentParser(prog="python -m services.cost_ledger", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("serve", help="serve HTTP (also what happens without a command)")
    add_keys_command(commands)
    add_reconcile_command(commands)
    add_retention_command(commands)
    options = parser.parse_args(arguments)
    if options.command in _COMMANDS:
        return _COMMANDS[options.command](options, Env(os.environ))
    return _serve()


def _serve() -> int:
    signal.signal(signal.SIGTERM, _leave)  # the start may wait for the database for a while
    with ExitStack() as cleanup:

        def start(config: Config) -> Flask:
            app = create_app(config)
            cleanup.callback(app.extensions["cost_ledger"].store.close)
            return app

        try:
            return run_service(_read_config, start, attrgetter("service"))
        except (CatalogueError, MigrationError) as error:
            print(f"cannot start: {error}", file=sys.stderr)
            return 1


def _read_config(env: Env) -> Config:
    config = Config.from_env(env)
    check_baseline(config.baseline_model, load_catalogue(), utc_now())
    return config


def _leave(signum: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
