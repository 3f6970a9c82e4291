from pathlib import Path

import pytest

from compose.local.errors import StackError
from compose.local.stamps import Applied, fingerprint, tree_fingerprint


def test_equal_values_have_equal_fingerprints() -> None:
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


def test_tree_fingerprint_follows_names_and_contents(tmp_path: Path) -> None:
    folder = tmp_path / "code"
    (folder / "deep").mkdir(parents=True)
    (folder / "one.py").write_text("1", "utf-8")
    (folder / "deep" / "two.py").write_text("2", "utf-8")
    seen = {tree_fingerprint([folder])}
    (folder / "one.py").write_text("changed", "utf-8")
    seen.add(tree_fingerprint([folder]))
    (folder / "one.py").rename(folder / "uno.py")
    seen.add(tree_fingerprint([folder]))
    (folder / "deep" / "two.py").unlink()
    seen.add(tree_fingerprint([folder]))
    assert len(seen) == 4


def test_tree_fingerprint_passes_over_what_tools_leave(tmp_path: Path) -> None:
    folder = tmp_path / "code"
    (folder / "node_modules" / "x").mkdir(parents=True)
    (folder / "__pycache__").mkdir()
    (folder / "one.py").write_text("1", "utf-8")
    before = tree_fingerprint([folder])
    (folder / "node_modules" / "x" / "index.js").write_text("x", "utf-8")
    (folder / "__pycache__" / "one.pyc").write_bytes(b"x")
    assert tree_fingerprint([folder]) == before


def test_missing_paths_count_as_absent(tmp_path: Path) -> None:
    assert tree_fingerprint([tmp_path / "none"]) == tree_fingerprint([])


def test_applied_things_are_known_in_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "applied.json"
    applied = Applied(path)
    assert not applied.has("credential", "abc")
    applied.record("credential", "abc")
    again = Applied(path)
    assert again.has("credential", "abc")
    assert not again.has("credential", "def")
    assert not again.has("workflow x", "abc")


def test_unreadable_applied_file_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "applied.json"
    path.write_text("{", "utf-8")
    with pytest.raises(StackError, match=r"applied\.json"):
        Applied(path)
