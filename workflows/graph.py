"""A workflow as our rules see it: nodes with what n8n knows about them, and wires between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from workflows.consultation import NodeFacts
from workflows.problems import Problem

STICKY_NOTE = "n8n-nodes-base.stickyNote"
ERROR_TRIGGER = "n8n-nodes-base.errorTrigger"


@dataclass(frozen=True)
class Node:
    """One node. `parameters` are those of the file, without defaults."""

    name: str
    type: str
    position: tuple[float, float]
    parameters: Mapping[str, Any]
    facts: NodeFacts
    json: Mapping[str, Any]

    @property
    def is_note(self) -> bool:
        """Whether it is a sticky note, which is text on the canvas and never runs."""
        return self.type == STICKY_NOTE


@dataclass(frozen=True)
class Wire:
    """From an output of one node to an input of another; `kind` is "main" or the AI connection's name."""

    source: Node
    kind: str
    output: int
    target: Node


@dataclass(frozen=True)
class Workflow:
    """A workflow of sound shape."""

    file: str
    content: Mapping[str, Any]
    facts: Mapping[str, NodeFacts]

    @property
    def id(self) -> str:
        """The fixed id, or nothing."""
        return str(self.content.get("id", ""))

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings, or none."""
        settings = self.content.get("settings")
        return settings if isinstance(settings, Mapping) else {}

    @cached_property
    def nodes(self) -> list[Node]:
        """All nodes, in the order of the file."""
        return [self._node(node) for node in self.content["nodes"]]

    @cached_property
    def working_nodes(self) -> list[Node]:
        """The nodes that run: all but the notes."""
        return [node for node in self.nodes if not node.is_note]

    @cached_property
    def wires(self) -> list[Wire]:
        """All wires between nodes that exist."""
        return list(self._wires())

    @property
    def handles_errors(self) -> bool:
        """Whether it is started by the failure of another workflow."""
        return any(node.type == ERROR_TRIGGER for node in self.nodes)

    def reachable(self, starts: Iterable[Node]) -> set[str]:
        """Names of the nodes that run when `starts` run: downstream, and what serves as a part of those."""
        reached: set[str] = set()
        waiting = [node.name for node in starts]
        while waiting:
            name = waiting.pop()
            if name in reached:
                continue
            reached.add(name)
            waiting += [wire.target.name for wire in self.wires if wire.kind == "main" and wire.source.name == name]
            waiting += [wire.source.name for wire in self.wires if wire.kind != "main" and wire.target.name == name]
        return reached

    def problem(self, rule: str, node: Node | None, message: str) -> Problem:
        """A problem of this file."""
        return Problem(self.file, node.name if node else "", rule, message)

    def _node(self, node: Mapping[str, Any]) -> Node:
        x, y = node["position"]
        facts = self.facts.get(node["name"], NodeFacts())
        return Node(node["name"], node["type"], (x, y), node.get("parameters", {}), facts, node)

    def _wires(self) -> Iterator[Wire]:
        by_name = {node.name: node for node in self.nodes}
        for source, kinds in self.content["connections"].items():
            for kind, outputs in kinds.items():
                for output, bucket in enumerate(outputs):
                    for end in bucket or []:
                        if source in by_name and end["node"] in by_name:
                            yield Wire(by_name[source], kind, output, by_name[end["node"]])
