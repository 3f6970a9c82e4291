"""Every workflow file of the project keeps every rule."""

from __future__ import annotations

from workflows.checking import check_files
from workflows.documents import find_files


def test_every_workflow_file_keeps_every_rule() -> None:
    files = find_files()
    assert files, "there are no workflow files"
    assert "\n".join(str(problem) for problem in check_files(files)) == ""
