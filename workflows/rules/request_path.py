"""What stands between a request and its answer must be cheap."""

from __future__ import annotations

from collections.abc import Iterator

from workflows.graph import Node, Workflow
from workflows.problems import Problem

OUR_TRIGGERS = "n8n-nodes-hybrid-ai."


def expression_on_request_path(workflow: Workflow) -> Iterator[Problem]:
    """No node behind one of our triggers has an expression, given or by default.

    The first expression of an execution builds an isolate: about 45 ms of CPU, seven times the rest of a request.
    """
    triggers = [node for node in workflow.nodes if _is_ours(node)]
    reached = workflow.reachable(triggers)
    for node in workflow.working_nodes:
        for path in node.facts.expressions if node.name in reached else ():
            advice = "is an expression on the request path: let the node read the item, or move it off the path"
            yield workflow.problem("expression", node, f"{path} {advice}")


def _is_ours(node: Node) -> bool:
    return node.type.startswith(OUR_TRIGGERS) and node.type.endswith("Trigger")
