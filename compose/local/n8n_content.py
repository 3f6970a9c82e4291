"""What the stack puts into n8n: its credential and its workflows, each only when it changed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from compose.local.errors import StackError
from compose.local.layout import write_private
from compose.local.n8n_api import N8nApi
from compose.local.plan import Plan
from compose.local.programs import Program, n8n_command
from compose.local.stamps import Applied, fingerprint

CREDENTIAL_ID = "hybridAiApi00001"
_IMPORT_SECONDS = 180.0


def stack_credential(plan: Plan) -> dict[str, Any]:
    """The n8n credential that all nodes of the stack use."""
    return {
        "id": CREDENTIAL_ID,
        "name": "Hybrid AI API",
        "type": "hybridAiApi",
        "data": {
            "serviceToken": plan.secrets.service_token,
            "scorerUrl": plan.url("SCORER_PORT"),
            "ledgerUrl": plan.url("LEDGER_PORT"),
            "ollamaUrl": plan.ollama_url,
            "anthropicUrl": plan.settings.anthropic_url,
            "anthropicApiKey": plan.settings.anthropic_api_key,
        },
    }


def credential_is_applied(plan: Plan, applied: Applied) -> bool:
    """Whether n8n has the credential as it should be."""
    return applied.has("credential", fingerprint(stack_credential(plan)))


def import_credential(plan: Plan, program: Program, applied: Applied) -> None:
    """Put the credential into n8n's database from the command line; it also makes the tables of a new one.

    For an n8n that is not running.
    """
    credential = stack_credential(plan)
    path = plan.layout.run / "credential.json"
    try:
        write_private(path, json.dumps([credential]))
        command = [*n8n_command(plan.layout), "import:credentials", f"--input={path}"]
        result = subprocess.run(
            command,
            env=dict(program.environment),
            cwd=program.folder,
            capture_output=True,
            text=True,
            timeout=_IMPORT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise StackError(f"n8n's import of its credential takes longer than {_IMPORT_SECONDS:.0f} s") from None
    finally:
        path.unlink(missing_ok=True)
    # n8n ends with 0 even when it imported nothing: only its words tell.
    if result.returncode != 0 or "Successfully imported 1 credential" not in result.stdout:
        words = (result.stdout + result.stderr).strip().splitlines()[-8:]
        raise StackError("n8n did not import its credential:\n    " + "\n    ".join(words))
    applied.record("credential", fingerprint(credential))


def update_credential(plan: Plan, api: N8nApi, applied: Applied) -> bool:
    """Change the credential in a running n8n, where it is in force at once; False when it is not there."""
    credential = stack_credential(plan)
    if not api.put_credential(credential):
        return False
    applied.record("credential", fingerprint(credential))
    return True


def load_workflows(folder: Path) -> list[dict[str, Any]]:
    """The workflow files, those that others call first; StackError names a file that n8n could not take."""
    workflows = []
    for path in sorted(folder.glob("*.json")):
        try:
            workflow = json.loads(path.read_text("utf-8"))
            names = {"id", "name", "nodes", "connections"}
            complete = isinstance(workflow, dict) and names <= workflow.keys()
        except ValueError:
            complete = False
        if not complete:
            raise StackError(f"{path} is not a workflow: it must be JSON with id, name, nodes and connections")
        workflows.append(workflow)
    return _callees_first(workflows)


def apply_workflows(workflows: Iterable[Mapping[str, Any]], api: N8nApi, applied: Applied) -> list[str]:
    """Import and publish the workflows whose files changed since they were last imported; their names.

    Changes made in the editor stay until the file itself changes.
    """
    changed = []
    for workflow in workflows:
        name, stamp = f"workflow {workflow['id']}", fingerprint(workflow)
        if not applied.has(name, stamp):
            api.put_workflow(workflow)
            applied.record(name, stamp)
            changed.append(str(workflow["name"]))
    return changed


def _callees_first(workflows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_id = {workflow["id"]: workflow for workflow in workflows}
    ordered: dict[str, dict[str, Any]] = {}

    def visit(workflow: dict[str, Any], path: tuple[str, ...]) -> None:
        identity = workflow["id"]
        if identity in ordered or identity in path:
            return
        for callee in sorted(_callees(workflow) & by_id.keys()):
            visit(by_id[callee], (*path, identity))
        ordered[identity] = workflow

    for workflow in workflows:
        visit(workflow, ())
    return list(ordered.values())


def _callees(workflow: Mapping[str, Any]) -> set[str]:
    callees = {workflow.get("settings", {}).get("errorWorkflow")}
    for node in workflow["nodes"]:
        target = node.get("parameters", {}).get("workflowId")
        callees.add(target.get("value") if isinstance(target, dict) else target)
    return {callee for callee in callees if isinstance(callee, str)}
