"""Key commands of the terminal over a store in memory."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from services.cost_ledger.keyring import KeyRing
from services.cost_ledger.keys import hash_key
from services.cost_ledger.terminal import add_keys_command, run_keys_command
from services.runtime import Env
from tests.unit.cost_ledger.conftest import NOW
from tests.unit.cost_ledger.ledger_fakes import FakeBudgets, FakeStore

Command = Callable[..., int]
IDS = [UUID(f"{number:08x}-6b0a-4bb0-9a53-0a1a45a1d001") for number in range(0xA0000000, 0xA0000008)]


@pytest.fixture
def keys(store: FakeStore, budgets: FakeBudgets) -> Command:
    """Runs a key command; its exit status, also when the arguments are refused."""

    @contextmanager
    def opening(env: Env) -> Iterator[KeyRing]:
        yield KeyRing(store, budgets)  # type: ignore[arg-type]

    def run(*arguments: str) -> int:
        parser = argparse.ArgumentParser()
        add_keys_command(parser.add_subparsers(), NOW)
        try:
            options = parser.parse_args(["keys", *arguments])
        except SystemExit as end:
            return int(end.code or 0)
        return run_keys_command(options, Env({}), opening=opening, clock=lambda: NOW)

    return run


def test_a_key_is_made_with_all_terms(
    keys: Command, store: FakeStore, budgets: FakeBudgets, capsys: pytest.CaptureFixture[str]
) -> None:
    terms = (
        "--expires",
        "30d",
        "--rate",
        "60",
        "--models",
        "claude-haiku, tinyllama",
        "--daily",
        "1",
        "--monthly",
        "9.5",
    )
    assert keys("create", "ada", *terms) == 0
    (key,) = store.all_keys()
    said = capsys.readouterr()
    assert hash_key(said.out.strip()) == key.key_hash
    assert said.err == f"made key {key.id}, which works until 2026-12-22 03:00 UTC; it is not shown again\n"
    assert (key.name, key.rate_limit) == ("ada", 60)
    assert key.expires_at == datetime(2026, 12, 22, 3, tzinfo=UTC)
    assert key.allowed_models == ("claude-haiku-5-5", "tinyllama")
    assert budgets.limits == [(str(key.id), "daily", Decimal(1)), (str(key.id), "monthly", Decimal("9.5"))]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("12h", datetime(2026, 11, 22, 15, tzinfo=UTC)),
        ("4w", datetime(2026, 12, 20, 3, tzinfo=UTC)),
        ("2026-11-22", datetime(2026, 11, 23, tzinfo=UTC)),  # the day counts in full
        ("2027-06-30T10:00:00+02:00", datetime(2027, 6, 30, 8, tzinfo=UTC)),
    ],
)
def test_an_end_is_a_duration_a_day_or_a_time(keys: Command, store: FakeStore, text: str, moment: datetime) -> None:
    assert keys("create", "ada", "--expires", text) == 0
    assert store.all_keys()[0].expires_at == moment


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--expires", "soon"), "--expires: must be a duration such as 12h"),
        (("--expires", "30m"), "--expires: must be a duration"),
        (("--expires", "2026-02-30"), "--expires: must be a duration"),
        (("--expires", "999999w"), "--expires: must be a duration"),
        (("--expires", "never"), "--expires: must be a duration"),
        (("--expires", "0d"), "error: expires_at: lies in the past"),
        (("--expires", "2026-11-21"), "error: expires_at: lies in the past"),
        (("--rate", "0"), "--rate: must be a whole number from 1 to 100000"),
        (("--rate", "1000000000000"), "--rate: must be a whole number"),
        (("--rate", "6.5"), "--rate: must be a whole number"),
        (("--models", ","), "--models: must be 1 to 100 names"),
        (("--models", "gpt-9,tinyllama,hal"), "error: allowed_models: not in the catalogue: 'gpt-9', 'hal'"),
        (("--daily", "-1"), "--daily: must be an amount in USD"),
        (("--daily", "1,5"), "--daily: must be an amount in USD such as 1.50"),
        (("--monthly", "0"), "error: budget_monthly: must be more than 0 USD"),
    ],
)
def test_a_wrong_term_is_named_and_no_key_is_made(
    keys: Command,
    store: FakeStore,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    assert keys("create", "ada", *arguments) == 2
    assert said in capsys.readouterr().err
    assert not store.keys


def test_a_registered_key_has_terms_and_budgets_too(
    keys: Command, store: FakeStore, budgets: FakeBudgets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("hai-" + "k" * 43 + "\n"))
    assert keys("create", "deploy", "--key-hash-of-stdin", "--rate", "5", "--daily", "2.00") == 0
    (key,) = store.all_keys()
    assert (key.key_hash, key.rate_limit) == (hash_key("hai-" + "k" * 43), 5)
    assert budgets.limits == [(str(key.id), "daily", Decimal(2))]


def test_the_list_is_aligned_and_fits_a_line(
    keys: Command, store: FakeStore, capsys: pytest.CaptureFixture[str]
) -> None:
    haiku, both = ["claude-haiku-5-5"], ["claude-sonnet-5-5", "claude-haiku-5-5", "tinyllama"]
    later = datetime(2027, 11, 30, 23, 59, tzinfo=UTC)
    store.register_key(IDS[0], "ada", "0", "hai-aaaaaa", {})
    store.register_key(IDS[1], "grace", "1", None, {"expires_at": NOW, "rate_limit": 60, "allowed_models": haiku})
    store.register_key(
        IDS[2], "a name " * 18, "2", "hai-cccccc", {"expires_at": later, "rate_limit": 100_000, "allowed_models": both}
    )
    store.register_key(IDS[3], "gone", "3", "hai-dddddd", {"allowed_models": ["phi2", "tinyllama"]})
    store.revoke_key(IDS[3])
    assert keys("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "ID        KEY         STATE    ENDS (UTC)              RATE  MODELS                NAME",
        "a0000000  hai-aaaaaa  active   -                          -  all                   ada",
        "a0000001  -           expired  2026-11-22 03:00      60/min  claude-haiku-5-5      grace",
        "a0000002  hai-cccccc  active   2027-11-30 23:59  100000/min  claude-sonnet-5-5 +2  a name a name a …",
        "a0000003  hai-dddddd  revoked  2026-11-20 08:30           -  phi2, tinyllama       gone",
    ]
    assert max(map(len, lines)) == 100


def test_a_name_cannot_steer_the_terminal(keys: Command, store: FakeStore, capsys: pytest.CaptureFixture[str]) -> None:
    store.register_key(IDS[0], "a\x9b2Jb\u2028c", "0", "hai-aaaaaa", {})
    assert keys("list") == 0
    assert capsys.readouterr().out.endswith("all     a?2Jb?c\n")


def test_an_empty_list_says_how_to_make_a_key(keys: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert keys("list") == 0
    assert "'keys create NAME'" in capsys.readouterr().out


def test_the_list_is_told_as_json_with_whole_ids(
    keys: Command, store: FakeStore, capsys: pytest.CaptureFixture[str]
) -> None:
    store.register_key(IDS[0], "Zoë", "ab" * 32, "hai-aaaaaa", {"rate_limit": 60})
    assert keys("list", "--json") == 0
    text = capsys.readouterr().out
    (key,) = json.loads(text)["keys"]
    assert (key["id"], key["name"], key["rate_limit"], key["state"]) == (str(IDS[0]), "Zoë", 60, "active")
    assert "ab" * 32 not in text


@pytest.mark.parametrize("beginning", [str(IDS[1]), str(IDS[1]).upper(), "a0000001", "hai-bbbb", "hai-bbbbbb"])
def test_a_key_is_revoked_by_its_id_or_a_beginning(keys: Command, store: FakeStore, beginning: str) -> None:
    store.register_key(IDS[0], "ada", "0", "hai-aaaaaa", {})
    store.register_key(IDS[1], "grace", "1", "hai-bbbbbb", {})
    assert keys("revoke", beginning) == 0
    assert [key.state(NOW) for key in store.all_keys()] == ["active", "revoked"]


@pytest.mark.parametrize(
    ("beginning", "status", "said"),
    [
        ("hai-", 2, "8 characters or more"),
        ("all", 2, "8 characters or more"),
        ("hai-abcd", 1, "error: Several keys begin with 'hai-abcd': a0000000-"),
        ("hai-zzzz", 1, "error: There is no key that begins with 'hai-zzzz'."),
    ],
)
def test_no_key_is_revoked_by_a_vague_beginning(
    keys: Command, store: FakeStore, capsys: pytest.CaptureFixture[str], beginning: str, status: int, said: str
) -> None:
    store.register_key(IDS[0], "ada", "0", "hai-abcdef", {})
    store.register_key(IDS[1], "grace", "1", "hai-abcdxx", {})
    assert keys("revoke", beginning) == status
    assert said in capsys.readouterr().err
    assert [key.state(NOW) for key in store.all_keys()] == ["active", "active"]


def test_a_key_is_changed_and_its_limits_are_lifted(keys: Command, store: FakeStore) -> None:
    store.register_key(IDS[0], "ada", "0", "hai-aaaaaa", {"rate_limit": 60, "allowed_models": ["phi2"]})
    assert keys("change", "a0000000", "--name", "lovelace", "--expires", "12h", "--rate", "5") == 0
    key = store.keys[IDS[0]]
    assert (key.name, key.rate_limit, key.allowed_models) == ("lovelace", 5, ("phi2",))
    assert key.expires_at == datetime(2026, 11, 22, 15, tzinfo=UTC)
    assert keys("change", "hai-aaaaaa", "--expires", "never", "--rate", "none", "--models", "all") == 0
    key = store.keys[IDS[0]]
    assert (key.expires_at, key.rate_limit, key.allowed_models) == (None, None, None)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ((), 2, "error: nothing to change: give --name, --expires, --rate or --models"),
        (("--name", " "), 2, "--name: must be 1 to 128 printable characters"),
        (("--models", "gpt-9"), 2, "error: allowed_models: not in the catalogue: 'gpt-9'"),
        (("--rate", "5"), 1, "error: This key was revoked and stays so: make a new one."),
    ],
)
def test_a_wrong_change_fails_and_says_why(
    keys: Command,
    store: FakeStore,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    status: int,
    said: str,
) -> None:
    store.register_key(IDS[0], "ada", "0", "hai-aaaaaa", {})
    store.revoke_key(IDS[0])
    assert keys("change", "a0000000", *arguments) == status
    assert said in capsys.readouterr().err


def test_a_database_that_is_away_is_said(keys: Command, store: FakeStore, capsys: pytest.CaptureFixture[str]) -> None:
    store.away = True
    assert keys("create", "ada") == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: The ledger's database does not answer.")
