"""What the installed n8n and our built node package say about workflows: one Node.js process for all of them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workflows.documents import WORKFLOWS_DIR, Document
from workflows.problems import CheckUnavailable, Problem

ROOT = WORKFLOWS_DIR.parent
SCRIPT = WORKFLOWS_DIR / "checks" / "consult.mjs"
TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class Toolchain:
    """Where n8n is installed (the folder with its `node_modules`) and where our node package is."""

    n8n: Path = ROOT / ".stack" / "n8n"
    nodes: Path = ROOT / "n8n-custom-nodes"

    def node_binary(self) -> str:
        """The Node.js of the installation, else the one on the PATH."""
        installed = self.n8n / "node_modules" / ".bin" / "node"
        found = str(installed) if installed.exists() else shutil.which("node")
        if found is None:
            raise CheckUnavailable(f"no Node.js in {self.n8n} and none on the PATH: run ./install.sh")
        return found

    def require(self) -> None:
        """CheckUnavailable unless n8n is installed and our nodes are built."""
        if not (self.n8n / "node_modules" / "n8n" / "package.json").exists():
            raise CheckUnavailable(f"n8n is not installed in {self.n8n}: run ./install.sh")
        if not (self.nodes / "dist").is_dir():
            raise CheckUnavailable(f"the nodes in {self.nodes} are not built: run npm --prefix {self.nodes} run build")


@dataclass(frozen=True)
class NodeFacts:
    """What n8n knows about one node of a workflow. Of an unknown type nothing is known."""

    known: bool = False
    own: bool = False
    trigger: bool = False
    default_name: bool = False
    calls_out: bool = False
    has_webhooks: bool = False
    outputs: int = 0  # main outputs, the error output included
    size: tuple[int, int] = (96, 96)  # width and height on the canvas
    endpoints: tuple[str, ...] = ()  # such as "POST v1/chat"
    expressions: tuple[str, ...] = ()  # paths of parameters, given or default, that n8n evaluates
    sub_workflow: str | None = None

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> NodeFacts:
        """Lists become tuples; the names are the same."""
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in facts.items()
        }
        return cls(**values)


@dataclass(frozen=True)
class Opinion:
    """About one workflow. It is not `sound` when its shape is so wrong that no other check can read it."""

    sound: bool
    problems: tuple[Problem, ...]
    facts: Mapping[str, NodeFacts] = field(default_factory=dict)


@dataclass(frozen=True)
class Consultation:
    """n8n's own JSON Schema of a workflow, and an opinion on each document by its file name."""

    schema: Mapping[str, Any]
    opinions: Mapping[str, Opinion]


def consult(documents: Sequence[Document], toolchain: Toolchain) -> Consultation:
    """Ask n8n about all `documents` at once (about 2 s). CheckUnavailable when it cannot answer."""
    toolchain.require()
    readable = {document.file: document.content for document in documents if not document.fault}
    question = {"n8n": str(toolchain.n8n), "nodes": str(toolchain.nodes), "documents": readable}
    answer = _ask(toolchain, json.dumps(question))
    return Consultation(
        schema=answer["schema"],
        opinions={file: _opinion(file, said) for file, said in answer["documents"].items()},
    )


def _ask(toolchain: Toolchain, question: str) -> Any:
    command = [toolchain.node_binary(), str(SCRIPT)]
    # Our nodes need n8n-workflow; where only their build is installed they take n8n's own.
    environment = {"NODE_PATH": str(toolchain.n8n / "node_modules")}
    try:
        done = subprocess.run(
            command,
            input=question,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise CheckUnavailable(f"n8n's validators took more than {TIMEOUT_SECONDS} s") from error
    except subprocess.CalledProcessError as error:
        raise CheckUnavailable(f"n8n's validators failed:\n{error.stderr.strip()[-2000:]}") from error
    return json.loads(done.stdout)


def _opinion(file: str, said: Mapping[str, Any]) -> Opinion:
    problems = tuple(Problem(file, one["node"] or "", one["rule"], one["message"]) for one in said["problems"])
    facts = {name: NodeFacts.from_json(facts) for name, facts in said["facts"].items()}
    return Opinion(said["sound"], problems, facts)
