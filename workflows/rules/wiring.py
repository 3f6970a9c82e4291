"""Wires: something starts the flow, every node takes part, and no output of ours leads nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from workflows.graph import Node, Workflow
from workflows.problems import Problem


def missing_trigger(workflow: Workflow) -> Iterator[Problem]:
    """A flow without a trigger never runs."""
    if not _starts(workflow):
        yield workflow.problem("trigger", None, "no trigger starts this flow: add one")


def idle_node(workflow: Workflow) -> Iterator[Problem]:
    """Every node but the notes is reached from a trigger."""
    starts = _starts(workflow)
    reached = workflow.reachable(starts)
    for node in workflow.working_nodes:
        if starts and node.name not in reached:
            yield workflow.problem("connected", node, "no trigger leads to this node: wire it or remove it")


def unwired_output(workflow: Workflow) -> Iterator[Problem]:
    """No wire leaves an output that is not there; a node of ours with several outputs has all of them wired."""
    for node in workflow.working_nodes:
        if not node.facts.known:
            continue
        wired = {wire.output for wire in workflow.wires if wire.source.name == node.name and wire.kind == "main"}
        for output in sorted(wired - set(range(node.facts.outputs))):
            advice = f"there is no output {output} (it has {node.facts.outputs}): remove the wire or set onError"
            yield workflow.problem("outputs", node, advice)
        if node.facts.own and node.facts.outputs > 1:
            for output in sorted(set(range(node.facts.outputs)) - wired):
                yield workflow.problem("outputs", node, f"output {output} leads nowhere, its items are lost: wire it")


def _starts(workflow: Workflow) -> list[Node]:
    """The triggers, and nodes of unknown types that may be one."""
    fed = {wire.target.name for wire in workflow.wires}
    unknown = [node for node in workflow.working_nodes if not node.facts.known and node.name not in fed]
    return [node for node in workflow.nodes if node.facts.trigger] + unknown
