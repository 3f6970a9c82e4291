"""The project's n8n nodes: compiled from n8n-custom-nodes/ and put where n8n looks for community packages."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path

from compose.local.errors import StackError
from compose.local.layout import Layout
from compose.local.stamps import tree_fingerprint

PACKAGE = "n8n-nodes-hybrid-ai"
_SOURCES = ("credentials", "nodes", "core", "package.json", "tsconfig.json")
_STAMP = "build-stamp"
# The compiler and the types are those of the n8n tree, so that a user needs no development packages.
# It only translates here: types are checked where the nodes are developed and tested.
_COMPILER_OPTIONS = {"module": "commonjs", "moduleResolution": "bundler", "noCheck": True, "outDir": "dist"}


def sources_fingerprint(layout: Layout) -> str:
    """A hash of all that the built package is made from."""
    sources = layout.project / "n8n-custom-nodes"
    return tree_fingerprint([*(sources / name for name in _SOURCES), Path(__file__)])


def build_nodes(layout: Layout) -> bool:
    """Compile the package if its sources changed since the last build; whether it was compiled.

    StackError with the compiler's words when it fails; the last good build then stays.
    """
    layout.nodes_package.parent.mkdir(parents=True, exist_ok=True)
    # The build is shared by all stacks of a checkout.
    with (layout.nodes_package.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = sources_fingerprint(layout)
        if built_stamp(layout.nodes_package) == stamp:
            (layout.nodes_package / _STAMP).touch()  # install.sh goes by its date
            return False
        _build(layout, stamp)
        return True


def _build(layout: Layout, stamp: str) -> None:
    work = layout.nodes_package.with_name("build")
    shutil.rmtree(work, ignore_errors=True)
    _copy_sources(layout.project / "n8n-custom-nodes", work)
    (work / "node_modules").symlink_to(layout.n8n / "node_modules")
    _compile(layout, work)
    _copy_assets(work)
    (work / "node_modules").unlink()
    (work / _STAMP).write_text(stamp, "utf-8")
    _put_in_place(work, layout.nodes_package)


def install_nodes(layout: Layout) -> str:
    """Copy the built package into this stack's n8n if it has another one; the build's fingerprint."""
    stamp = built_stamp(layout.nodes_package)
    if stamp is None:
        raise StackError("the n8n nodes are not built: run ./install.sh")
    target = layout.n8n_home / ".n8n" / "nodes" / "node_modules" / PACKAGE
    if built_stamp(target) != stamp:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Not beside the target: n8n would take a folder in node_modules for a package.
        fresh = layout.n8n_home / f"{PACKAGE}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(layout.nodes_package, fresh)
        _put_in_place(fresh, target)
    return stamp


def built_stamp(package: Path) -> str | None:
    """The fingerprint of the sources that `package` was built from; None when it is not there."""
    try:
        return (package / _STAMP).read_text("utf-8")
    except FileNotFoundError:
        return None


def node_program(layout: Layout) -> Path:
    """The Node.js that runs n8n, which is newer than the system's may be."""
    return layout.n8n / "node_modules" / ".bin" / "node"


def _copy_sources(sources: Path, work: Path) -> None:
    work.mkdir(parents=True)
    for name in _SOURCES:
        source = sources / name
        if source.is_dir():
            shutil.copytree(source, work / name, ignore=shutil.ignore_patterns("*.test.ts"))
        else:
            shutil.copy2(source, work / name)
    config = {"extends": "./tsconfig.json", "compilerOptions": _COMPILER_OPTIONS}
    (work / "tsconfig.build.json").write_text(json.dumps(config), "utf-8")


def _compile(layout: Layout, work: Path) -> None:
    tools = layout.n8n / "node_modules" / ".bin"
    command = [str(tools / "node"), str(tools / "tsc"), "-p", "tsconfig.build.json"]
    environment = {"PATH": f"{tools}:{os.environ.get('PATH', os.defpath)}", "HOME": str(work)}
    try:
        result = subprocess.run(
            command, cwd=work, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StackError(f"cannot compile the n8n nodes: {error}") from error
    if result.returncode != 0:
        raise StackError(f"the n8n nodes do not compile:\n{result.stdout.strip()[-2000:]}{result.stderr[-500:]}")


def _copy_assets(work: Path) -> None:
    """Icons and node descriptions beside the compiled files; the TypeScript goes."""
    for folder in ("credentials", "nodes"):
        for path in (work / folder).rglob("*"):
            if path.is_file() and path.suffix != ".ts":
                target = work / "dist" / path.relative_to(work)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target)
    for name in ("credentials", "nodes", "core"):
        shutil.rmtree(work / name)
    for name in ("tsconfig.json", "tsconfig.build.json"):
        (work / name).unlink()


def _put_in_place(fresh: Path, target: Path) -> None:
    retired = fresh.with_name(f"{fresh.name}.old")
    shutil.rmtree(retired, ignore_errors=True)
    if target.exists():
        target.rename(retired)
    fresh.rename(target)
    shutil.rmtree(retired, ignore_errors=True)
