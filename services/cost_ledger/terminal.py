"""Keys from the terminal: made, listed and revoked straight in the database."""

# ruff: noqa: T201  - a command speaks by printing
from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any
from uuid import UUID

from services.cost_ledger.app import open_store
from services.cost_ledger.keyring import KeyRing
from services.cost_ledger.keys import hash_key, visible_prefix
from services.runtime import ApiError, ConfigError, Env, configure_logging
from services.runtime.conninfo import database_from_env
from services.runtime.migrate import MigrationError

_SHORTEST_KEY = 16
_LONGEST_NAME = 128


def add_keys_command(commands: Any) -> None:
    """Add `keys create|list|revoke` to the subparsers of an argument parser."""
    actions = commands.add_parser("keys", help="look after API keys").add_subparsers(dest="action", required=True)
    create = actions.add_parser("create", help="make a key and print it, this once")
    create.add_argument("name", type=_name, help="whose key it is, or what for")
    create.add_argument(
        "--key-hash-of-stdin",
        action="store_true",
        help="register the key on standard input instead; only its hash is stored",
    )
    create.set_defaults(run=_create)
    actions.add_parser("list", help="list keys, without secrets").set_defaults(run=_list)
    revoke = actions.add_parser("revoke", help="revoke a key for good")
    revoke.add_argument("id", type=UUID, help="the id that 'list' shows")
    revoke.set_defaults(run=_revoke)


def run_keys_command(options: argparse.Namespace, env: Env) -> int:
    """Run it and give the exit status: 1 when it failed, 2 when a setting is wrong."""
    configure_logging("ERROR")
    run: Callable[[argparse.Namespace, KeyRing], int] = options.run
    try:
        with closing(open_store(database_from_env(env), 1)) as store:
            return run(options, KeyRing(store))
    except ConfigError as error:
        print(f"configuration error: {error}", file=sys.stderr)
        return 2
    except (ApiError, MigrationError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _create(options: argparse.Namespace, keys: KeyRing) -> int:
    if not options.key_hash_of_stdin:
        key, text = keys.make(options.name)
        print(text)
        print(f"made key {key.id}; it is not shown again", file=sys.stderr)
        return 0
    text = sys.stdin.readline().strip()
    if len(text) < _SHORTEST_KEY:
        print(f"error: the key must have at least {_SHORTEST_KEY} characters", file=sys.stderr)
        return 2
    key, is_new = keys.register(options.name, hash_key(text), visible_prefix(text))
    print(f"{'registered' if is_new else 'already there:'} key {key.id}", file=sys.stderr)
    return 0


def _list(options: argparse.Namespace, keys: KeyRing) -> int:
    for key in keys.all():
        document = key.document()
        state = f"revoked {document['revoked_at']}" if key.revoked_at else "active"
        print(f"{key.id}  {key.prefix or '-':10}  {document['created_at'][:19]}Z  {state:8}  {key.name}")
    return 0


def _revoke(options: argparse.Namespace, keys: KeyRing) -> int:
    keys.revoke(options.id)
    print(f"revoked key {options.id}", file=sys.stderr)
    return 0


def _name(text: str) -> str:
    if not (text.strip() and text.isprintable() and len(text) <= _LONGEST_NAME):
        raise argparse.ArgumentTypeError(f"must be 1 to {_LONGEST_NAME} printable characters")
    return text.strip()
