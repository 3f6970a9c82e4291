"""The n8n nodes, compiled with what comes with n8n."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from compose.local.errors import StackError
from compose.local.layout import PROJECT, Layout
from compose.local.nodes import PACKAGE, build_nodes, install_nodes

NODES = PROJECT / "n8n-custom-nodes"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A project with a copy of the nodes' sources, and the installed n8n."""
    project = tmp_path / "project"
    shutil.copytree(NODES, project / NODES.name, ignore=shutil.ignore_patterns("node_modules", "dist"))
    layout = Layout(project, tmp_path / "stack", PROJECT / ".stack" / "n8n")
    layout.prepare()
    return layout


def test_built_package_has_all_that_its_description_names(layout: Layout) -> None:
    assert build_nodes(layout)
    description = json.loads((layout.nodes_package / "package.json").read_text("utf-8"))["n8n"]
    for path in (*description["nodes"], *description["credentials"]):
        assert (layout.nodes_package / path).is_file(), path
        assert list((layout.nodes_package / path).parent.glob("*.svg")), f"no icon beside {path}"
    assert not list(layout.nodes_package.rglob("*.ts"))
    assert not (layout.nodes_package / "node_modules").exists()


def test_unchanged_nodes_are_not_compiled_again(layout: Layout) -> None:
    assert [build_nodes(layout), build_nodes(layout)] == [True, False]


def test_broken_node_is_an_error_and_the_last_good_build_stays(layout: Layout) -> None:
    build_nodes(layout)
    source = next((layout.project / NODES.name / "nodes").rglob("*.node.ts"))
    source.write_text("export class {", "utf-8")
    with pytest.raises(StackError, match="do not compile"):
        build_nodes(layout)
    assert install_nodes(layout)


def test_package_is_put_where_n8n_looks_and_replaced_when_it_changes(layout: Layout) -> None:
    build_nodes(layout)
    first = install_nodes(layout)
    target = layout.n8n_home / ".n8n" / "nodes" / "node_modules" / PACKAGE
    assert (target / "package.json").is_file()
    assert install_nodes(layout) == first
    source = next((layout.project / NODES.name / "nodes").rglob("*.node.ts"))
    source.write_text(source.read_text("utf-8") + "\n// changed\n", "utf-8")
    build_nodes(layout)
    assert install_nodes(layout) != first
    assert [path.name for path in target.parent.iterdir()] == [PACKAGE]


def test_nodes_that_were_never_built_are_a_clear_error(layout: Layout) -> None:
    with pytest.raises(StackError, match=r"install\.sh"):
        install_nodes(layout)
