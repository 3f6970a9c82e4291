"""Calls to something outside: what happens when they fail, or take for ever. And code, which stays short."""

from __future__ import annotations

from collections.abc import Iterator

from workflows.graph import Workflow
from workflows.problems import Problem

HTTP_REQUEST = "n8n-nodes-base.httpRequest"
CODE = "n8n-nodes-base.code"
MOST_CODE_LINES = 15


def call_without_word_on_errors(workflow: Workflow) -> Iterator[Problem]:
    """A node that calls out says in `onError` what happens when the call fails."""
    for node in workflow.working_nodes:
        if node.facts.calls_out and "onError" not in node.json:
            choices = "stopWorkflow (the error workflow sees it), continueRegularOutput or continueErrorOutput"
            yield workflow.problem("on-error", node, f"it calls out: set onError to {choices}")


def call_without_wired_error(workflow: Workflow) -> Iterator[Problem]:
    """An error output that is switched on leads somewhere, or failures vanish."""
    for node in workflow.working_nodes:
        if not node.facts.known or node.json.get("onError") != "continueErrorOutput":
            continue
        last = node.facts.outputs - 1
        if not any(wire.source.name == node.name and wire.output == last for wire in workflow.wires):
            yield workflow.problem("error-output", node, f"its error output ({last}) leads nowhere: wire it")


def call_without_timeout(workflow: Workflow) -> Iterator[Problem]:
    """An HTTP Request node has a timeout."""
    for node in workflow.working_nodes:
        options = node.parameters.get("options")
        if node.type == HTTP_REQUEST and not (isinstance(options, dict) and options.get("timeout")):
            yield workflow.problem("timeout", node, "set options.timeout, in milliseconds")


def long_code(workflow: Workflow) -> Iterator[Problem]:
    """A Code node has at most 15 lines: logic belongs in a service, where it has tests."""
    for node in workflow.working_nodes:
        if node.type != CODE:
            continue
        code = str(node.parameters.get("jsCode") or node.parameters.get("pythonCode") or "")
        lines = len(code.strip().splitlines())
        if lines > MOST_CODE_LINES:
            advice = f"{lines} lines of code, at most {MOST_CODE_LINES}: move the logic into a service"
            yield workflow.problem("code-length", node, advice)


def missing_webhook_id(workflow: Workflow) -> Iterator[Problem]:
    """A node with a webhook has a fixed webhookId.

    The import from the command line adds none, and without it n8n puts the workflow's id before the path.
    """
    for node in workflow.working_nodes:
        if node.facts.has_webhooks and not node.json.get("webhookId"):
            yield workflow.problem("webhook-id", node, "add a fixed webhookId (a UUID), or n8n changes the path")
