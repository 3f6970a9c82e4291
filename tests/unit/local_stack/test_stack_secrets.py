import hashlib
import os
import re
import stat
from dataclasses import asdict, replace
from pathlib import Path

import bcrypt
import pytest

from compose.local.errors import StackError
from compose.local.layout import Layout, write_private
from compose.local.secrets import ensure_secrets, load_secrets, make_secrets


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    path, data = tmp_path / "secrets.env", tmp_path / "data"
    first = ensure_secrets(path, data=data)
    assert ensure_secrets(path, data=data) == first == load_secrets(path)


def test_secrets_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        ensure_secrets(tmp_path / "secrets.env", data=tmp_path / "data")
    finally:
        os.umask(before)
    assert mode(tmp_path / "secrets.env") == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.env"]


def test_every_secret_is_random_and_long() -> None:
    one, other = asdict(make_secrets()), asdict(make_secrets())
    assert not set(one.values()) & set(other.values())
    assert all(len(value) >= 24 for value in one.values())


def test_owner_password_is_what_n8n_accepts_and_fits_its_hash() -> None:
    made = make_secrets()
    assert re.search("[A-Z]", made.owner_password)
    assert re.search("[0-9]", made.owner_password)
    assert re.fullmatch(r"\$2[aby]\$\d{2}\$[./A-Za-z0-9]{53}", made.owner_password_hash)
    assert bcrypt.checkpw(made.owner_password.encode(), made.owner_password_hash.encode())


def test_first_api_key_has_its_prefix_and_the_hash_that_the_ledger_keeps() -> None:
    made = make_secrets()
    assert made.first_api_key.startswith("hai-")
    assert made.first_api_key_hash == hashlib.sha256(made.first_api_key.encode()).hexdigest()


def test_secrets_do_not_show_in_repr() -> None:
    made = make_secrets()
    assert not any(value in repr(made) for value in asdict(made).values())


def test_the_scorers_password_follows_from_a_secret_that_every_stack_has() -> None:
    one, other = make_secrets(), make_secrets()
    assert (
        one.scorer_database_password == replace(other, postgres_password=one.postgres_password).scorer_database_password
    )
    assert one.scorer_database_password != other.scorer_database_password
    assert len(one.scorer_database_password) == 64
    assert one.scorer_database_password not in repr(one)


def test_lost_secrets_are_not_replaced_while_their_databases_exist(tmp_path: Path) -> None:
    data = tmp_path / "data" / "postgres"
    data.mkdir(parents=True)
    with pytest.raises(StackError, match="is gone"):
        ensure_secrets(tmp_path / "secrets.env", data=data)
    assert not (tmp_path / "secrets.env").exists()


def test_open_secrets_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secrets.env"
    ensure_secrets(path, data=tmp_path / "data")
    path.chmod(0o640)
    with pytest.raises(StackError, match="chmod 600"):
        load_secrets(path)


def test_incomplete_secrets_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "secrets.env"
    ensure_secrets(path, data=tmp_path / "data")
    write_private(path, re.sub(r"(?m)^REDIS_PASSWORD=.*\n", "", path.read_text("utf-8")))
    with pytest.raises(StackError, match="REDIS_PASSWORD"):
        load_secrets(path)


def test_secrets_before_the_first_run_are_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"run \./deploy-all\.sh"):
        load_secrets(tmp_path / "secrets.env")


def test_folders_are_closed_to_other_users(tmp_path: Path) -> None:
    layout = Layout(tmp_path, tmp_path / "stack", tmp_path / "n8n")
    before = os.umask(0)
    try:
        layout.prepare()
    finally:
        os.umask(before)
    # PostgreSQL's own user must pass through when root runs the stack, and may not look around.
    passage = 0o711 if os.getuid() == 0 else 0o700
    assert [mode(path) for path in (layout.stack, layout.data)] == [passage, passage]
    assert {mode(path) for path in (layout.n8n_home, layout.spool, layout.logs, layout.run)} == {0o700}


def test_loose_folder_is_closed_again(tmp_path: Path) -> None:
    layout = Layout(tmp_path, tmp_path / "stack", tmp_path / "n8n")
    layout.prepare()
    layout.run.chmod(0o777)
    layout.prepare()
    assert mode(layout.run) == 0o700


def test_long_socket_path_moves_to_a_short_private_folder(tmp_path: Path) -> None:
    layout = Layout(tmp_path, tmp_path / ("long" * 40), tmp_path / "n8n")
    assert len(str(layout.socket)) < 90
    try:
        layout.prepare()
        assert mode(layout.socket.parent) == 0o700
    finally:
        layout.socket.parent.rmdir()


def test_short_socket_path_stays_in_the_stack(tmp_path: Path) -> None:
    layout = Layout(tmp_path, Path("/srv/stack/.stack"), tmp_path / "n8n")
    assert layout.socket == Path("/srv/stack/.stack/run/supervisor.sock")
