"""The store's files: cursor, lock, configuration, and the repair of cut-off records."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.tw_bridge.cursor import CursorFile
from services.tw_bridge.errors import StoreBusy, StoreUnusable
from services.tw_bridge.folder import StoreFolder


@pytest.fixture
def folder(tmp_path: Path) -> StoreFolder:
    return StoreFolder(tmp_path / "store")


def test_the_cursor_comes_back(tmp_path: Path) -> None:
    cursor = CursorFile(tmp_path / "cursor")
    assert cursor.read() is None
    cursor.save("41")
    cursor.save("42")
    assert CursorFile(tmp_path / "cursor").read() == "42"
    assert [file.name for file in tmp_path.iterdir()] == ["cursor"]


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"4 2", b"4\n2", b"x" * 201])
def test_an_unusable_cursor_counts_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cursor").write_bytes(content)
    assert CursorFile(tmp_path / "cursor").read() is None


def test_a_cursor_that_cannot_be_saved_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable):
        CursorFile(tmp_path / "nowhere" / "cursor").save("1")


def test_only_one_holds_the_lock(folder: StoreFolder) -> None:
    with folder.locked(0), pytest.raises(StoreBusy), folder.locked(0):
        pass
    with folder.locked(0):
        pass


def test_a_child_keeps_the_lock_when_its_parent_is_gone(folder: StoreFolder) -> None:
    with folder.locked(0) as lock:
        child = os.dup(lock)
    with pytest.raises(StoreBusy), folder.locked(0):
        pass
    os.close(child)
    with folder.locked(0):
        pass


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnusable), StoreFolder(tmp_path / "file" / "store").locked(0):
        pass


def test_the_users_changes_to_the_taskrc_stay(folder: StoreFolder) -> None:
    with folder.locked(0):
        folder.prepare()
        folder.taskrc.write_text("mine")
        folder.definitions.write_text("old")
        folder.prepare()
    assert folder.taskrc.read_text() == "mine"
    assert "uda.tokens_in.type=numeric" in folder.definitions.read_text()


def test_only_this_user_reads_the_store(folder: StoreFolder) -> None:
    with folder.locked(0):
        assert folder.path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("name", "content", "mended"),
    [
        ("completed.data", b'[a:"1"]\n[b:"2"]\n', b'[a:"1"]\n[b:"2"]\n'),
        ("completed.data", b'[a:"1"]\n[b:"', b'[a:"1"]\n'),
        ("completed.data", b'[a:"1"]\n[b:"2"]', b'[a:"1"]\n[b:"2"]\n'),
        ("completed.data", b'[a:"', b""),
        ("completed.data", b"", b""),
        ("completed.data", b"[x]\n" + b"y" * 200_000, b"[x]\n"),
        ("undo.data", b"time 1\nnew [a]\n---\ntime 2\nne", b"time 1\nnew [a]\n---\n"),
        ("undo.data", b"time 1\nnew [a]\n---\ntime 2\nnew [b]\n--", b"time 1\nnew [a]\n---\n"),
        ("undo.data", b"time 1\r\nnew [a]\r\n---\r\n", b"time 1\r\nnew [a]\r\n---\r\n"),
        ("backlog.data", b'{"a":1}\n{"b', b'{"a":1}\n'),
        ("pending.data", b'[a:"1"]\n[b:"', b'[a:"1"]\n[b:"'),
    ],
)
def test_a_cut_off_record_goes_and_nothing_else(folder: StoreFolder, name: str, content: bytes, mended: bytes) -> None:
    with folder.locked(0):
        (folder.path / name).write_bytes(content)
        folder.mend()
        assert (folder.path / name).read_bytes() == mended


@pytest.mark.parametrize("shift", range(-4, 5))
def test_an_end_is_found_where_two_blocks_meet(folder: StoreFolder, shift: int) -> None:
    kept = b"time 1\n---\n"
    with folder.locked(0):
        (folder.path / "undo.data").write_bytes(kept + b"x" * (64 * 1024 + shift))
        folder.mend()
        assert (folder.path / "undo.data").read_bytes() == kept
