"""Files that must fit together: ids and endpoints of their own, and references to what is there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from workflows.graph import Node, Workflow
from workflows.problems import Problem


def duplicate_identity(workflows: Sequence[Workflow]) -> Iterator[Problem]:
    """No two workflows share an id or a name, and no two webhook nodes a webhookId."""
    yield from _duplicates("id", ((flow, None, flow.id) for flow in workflows))
    yield from _duplicates("name", ((flow, None, str(flow.content.get("name", ""))) for flow in workflows))
    nodes = ((workflow, node) for workflow in workflows for node in workflow.nodes)
    yield from _duplicates("webhookId", ((flow, node, str(node.json.get("webhookId", ""))) for flow, node in nodes))


def duplicate_endpoint(workflows: Sequence[Workflow]) -> Iterator[Problem]:
    """No two triggers take the same method and path: n8n would publish only the first."""
    endpoints = (
        (workflow, node, endpoint)
        for workflow in workflows
        for node in workflow.nodes
        if node.facts.trigger
        for endpoint in node.facts.endpoints
    )
    yield from _duplicates("endpoint", endpoints)


def dangling_reference(workflows: Sequence[Workflow]) -> Iterator[Problem]:
    """A workflow that is called, or that takes the errors, is among the files."""
    ids = {workflow.id for workflow in workflows}
    handlers = {workflow.id for workflow in workflows if workflow.handles_errors}
    for workflow in workflows:
        handler = workflow.settings.get("errorWorkflow")
        if handler is not None and handler not in handlers:
            advice = f"settings.errorWorkflow {handler!r} is the id of no file with an Error Trigger"
            yield workflow.problem("reference", None, f"{advice}: name one of {_listed(handlers)}")
        for node in workflow.nodes:
            called = node.facts.sub_workflow
            if called is not None and called not in ids and not called.startswith("="):
                yield workflow.problem("reference", node, f"it calls {called!r}, the id of no file: mend the id")


def _duplicates(what: str, uses: Iterable[tuple[Workflow, Node | None, str]]) -> Iterator[Problem]:
    users: dict[str, list[tuple[Workflow, Node | None]]] = defaultdict(list)
    for workflow, node, value in uses:
        if value:
            users[value].append((workflow, node))
    for value, places in users.items():
        first = places[0][0].file
        for workflow, node in places[1:]:
            yield workflow.problem("unique", node, f"the {what} {value!r} is already used in {first}: choose another")


def _listed(ids: set[str]) -> str:
    return ", ".join(sorted(ids)) or "(there is none yet: add one)"
