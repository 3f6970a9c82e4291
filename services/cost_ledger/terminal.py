"""Keys from the terminal: made, listed, changed and revoked straight in the database."""

# ruff: noqa: T201  - a command speaks by printing
from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime
from typing import Any

from services.catalog import CatalogueError, load_catalogue
from services.cost_ledger.app import open_store
from services.cost_ledger.errors import InvalidField
from services.cost_ledger.key_arguments import add_budgets, add_terms, beginning, body_of, name
from services.cost_ledger.key_terms import parse_changes, parse_new_key
from services.cost_ledger.keyring import KeyRing
from services.cost_ledger.keys import ApiKey, hash_key, visible_prefix
from services.cost_ledger.spending import StoredKeyBudgets
from services.cost_ledger.table import WIDTH, plain, shorten, table
from services.cost_ledger.times import utc_now
from services.runtime import ApiError, ConfigError, Env, configure_logging
from services.runtime.conninfo import database_from_env
from services.runtime.migrate import MigrationError

_SHORTEST_KEY = 16
_SHOWN_ID = 8
_MODELS_WIDTH = 20


def add_keys_command(commands: Any, now: datetime | None = None) -> None:
    """Add `keys create|list|revoke|change` to the subparsers of an argument parser; durations begin `now`."""
    now = now or utc_now()
    actions = commands.add_parser("keys", help="look after API keys").add_subparsers(dest="action", required=True)
    create = actions.add_parser("create", help="make a key and print it, this once")
    create.add_argument("name", type=name, help="whose key it is, or what for")
    add_terms(create, now, lift=False)
    add_budgets(create)
    create.add_argument(
        "--key-hash-of-stdin",
        action="store_true",
        help="register the key on standard input instead; only its hash is stored",
    )
    create.set_defaults(run=_create)
    listed = actions.add_parser("list", help="list keys, without secrets")
    listed.add_argument("--json", action="store_true", help="print one JSON document, with whole ids")
    listed.set_defaults(run=_list)
    revoke = actions.add_parser("revoke", help="revoke a key for good")
    revoke.add_argument("id", type=beginning, help="the ID or the KEY that 'list' shows")
    revoke.set_defaults(run=_revoke)
    change = actions.add_parser("change", help="change the name of a key, or what it may do")
    change.add_argument("id", type=beginning, help="the ID or the KEY that 'list' shows")
    change.add_argument("--name", type=name, default=argparse.SUPPRESS, help="another name")
    add_terms(change, now, lift=True)
    change.set_defaults(run=_change)


@contextmanager
def open_keys(env: Env) -> Iterator[KeyRing]:
    """The keys of the database that the environment names."""
    with closing(open_store(database_from_env(env), 1)) as store:
        yield KeyRing(store, StoredKeyBudgets(store))


def run_keys_command(
    options: argparse.Namespace,
    env: Env,
    *,
    opening: Callable[[Env], AbstractContextManager[KeyRing]] = open_keys,
    clock: Callable[[], datetime] = utc_now,
) -> int:
    """Run it and give the exit status: 1 when it failed, 2 when a setting or an argument is wrong."""
    configure_logging("ERROR")
    run: Callable[[argparse.Namespace, KeyRing, datetime], int] = options.run
    try:
        with opening(env) as keys:
            return run(options, keys, clock())
    except ConfigError as error:
        print(f"configuration error: {error}", file=sys.stderr)
        return 2
    except InvalidField as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (ApiError, CatalogueError, MigrationError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _create(options: argparse.Namespace, keys: KeyRing, now: datetime) -> int:
    new = parse_new_key(body_of(options), load_catalogue(), now)
    if not options.key_hash_of_stdin:
        key, text = keys.make(new)
        print(text)
        print(f"made key {key.id}{_ending(key)}; it is not shown again", file=sys.stderr)
        return 0
    text = sys.stdin.readline().strip()
    if len(text) < _SHORTEST_KEY:
        print(f"error: the key must have at least {_SHORTEST_KEY} characters", file=sys.stderr)
        return 2
    key, is_new = keys.register(new, hash_key(text), visible_prefix(text))
    print(f"{'registered' if is_new else 'already there:'} key {key.id}{_ending(key)}", file=sys.stderr)
    return 0


def _list(options: argparse.Namespace, keys: KeyRing, now: datetime) -> int:
    found = keys.all()
    if options.json:
        print(json.dumps({"keys": [key.document(now) for key in found]}, indent=2, ensure_ascii=False))
    elif not found:
        print("There are no keys yet. 'keys create NAME' makes one.")
    else:
        head = ("ID", "KEY", "STATE", "ENDS (UTC)", "RATE", "MODELS", "NAME")
        lines = table(head, [_line(key, now) for key in found], right=frozenset({4}))
        print("\n".join(shorten(line, WIDTH) for line in lines))
    return 0


def _revoke(options: argparse.Namespace, keys: KeyRing, now: datetime) -> int:
    key = keys.find(options.id)
    keys.revoke(key.id)
    print(f"revoked key {key.id} ({plain(key.name)})", file=sys.stderr)
    return 0


def _change(options: argparse.Namespace, keys: KeyRing, now: datetime) -> int:
    body = body_of(options)
    if not body:
        print("error: nothing to change: give --name, --expires, --rate or --models", file=sys.stderr)
        return 2
    changes = parse_changes(body, load_catalogue(), now)
    key = keys.change(keys.find(options.id).id, changes)
    print(f"changed key {key.id} ({plain(key.name)}){_ending(key)}", file=sys.stderr)
    return 0


def _line(key: ApiKey, now: datetime) -> tuple[str, ...]:
    return (
        str(key.id)[:_SHOWN_ID],
        key.prefix or "-",
        key.state(now),
        _minute(key.revoked_at or key.expires_at),
        f"{key.rate_limit}/min" if key.rate_limit else "-",
        _models(key.allowed_models),
        key.name,
    )


def _models(names: tuple[str, ...] | None) -> str:
    """As many names as fit, and how many more there are."""
    if names is None:
        return "all"
    for shown in range(len(names), 1, -1):
        rest = f" +{len(names) - shown}" if shown < len(names) else ""
        text = ", ".join(names[:shown]) + rest
        if len(text) <= _MODELS_WIDTH:
            return text
    rest = f" +{len(names) - 1}" if len(names) > 1 else ""
    return shorten(names[0], _MODELS_WIDTH - len(rest)) + rest


def _ending(key: ApiKey) -> str:
    return f", which works until {_minute(key.expires_at)} UTC" if key.expires_at else ""


def _minute(moment: datetime | None) -> str:
    return "-" if moment is None else format(moment.astimezone(UTC), "%Y-%m-%d %H:%M")
