import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from compose.local.errors import StackError
from compose.local.n8n_api import N8nApi
from compose.local.n8n_content import (
    CREDENTIAL_ID,
    apply_workflows,
    credential_is_applied,
    load_workflows,
    stack_credential,
    update_credential,
)
from compose.local.stamps import Applied
from tests.unit.local_stack.stack_plans import SECRETS, OpenSettings, plan_of


class FakeApi:
    """Remembers what was put into n8n."""

    def __init__(self, *, knows_credential: bool = True, refuses: str = "") -> None:
        self.workflows: list[str] = []
        self.credentials: list[Mapping[str, Any]] = []
        self.knows_credential = knows_credential
        self.refuses = refuses

    def put_workflow(self, workflow: Mapping[str, Any]) -> None:
        if workflow["id"] == self.refuses:
            raise StackError("n8n refuses it")
        self.workflows.append(workflow["id"])

    def put_credential(self, credential: Mapping[str, Any]) -> bool:
        if self.knows_credential:
            self.credentials.append(credential)
        return self.knows_credential


def api_of(fake: FakeApi) -> N8nApi:
    return cast(N8nApi, fake)


def workflow(identity: str, *, calls: str = "", on_error: str = "", name: str = "") -> dict[str, Any]:
    nodes = [{"parameters": {"workflowId": {"__rl": True, "mode": "id", "value": calls}}}] if calls else []
    settings = {"errorWorkflow": on_error} if on_error else {}
    return {"id": identity, "name": name or identity, "nodes": nodes, "connections": {}, "settings": settings}


def write(folder: Path, *workflows: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    for one in workflows:
        (folder / f"{one['id']}.json").write_text(json.dumps(one), "utf-8")
    return folder


def test_workflows_that_others_call_come_first(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        workflow("a", calls="c", on_error="z"),
        workflow("b", on_error="z"),
        workflow("c", calls="d", on_error="z"),
        workflow("d"),
        workflow("z"),
    )
    order = [one["id"] for one in load_workflows(folder)]
    assert sorted(order) == ["a", "b", "c", "d", "z"]
    for caller, callee in (("a", "c"), ("c", "d"), ("a", "z"), ("b", "z"), ("c", "z")):
        assert order.index(callee) < order.index(caller)


def test_workflows_that_call_each_other_are_all_loaded(tmp_path: Path) -> None:
    folder = write(tmp_path, workflow("a", calls="b"), workflow("b", calls="a"), workflow("c", calls="elsewhere"))
    assert {one["id"] for one in load_workflows(folder)} == {"a", "b", "c"}


@pytest.mark.parametrize("text", ["{", "[]", '{"id": "x", "name": "y", "nodes": []}'])
def test_broken_workflow_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "broken.json").write_text(text, "utf-8")
    with pytest.raises(StackError, match=r"broken\.json"):
        load_workflows(tmp_path)


def test_only_changed_workflows_are_imported(tmp_path: Path) -> None:
    fake, applied = FakeApi(), Applied(tmp_path / "applied.json")
    first = [workflow("a"), workflow("b")]
    assert apply_workflows(first, api_of(fake), applied) == ["a", "b"]
    assert apply_workflows(first, api_of(fake), Applied(tmp_path / "applied.json")) == []
    second = [workflow("a"), workflow("b", name="Renamed")]
    assert apply_workflows(second, api_of(fake), applied) == ["Renamed"]
    assert fake.workflows == ["a", "b", "b"]


def test_interrupted_import_goes_on_where_it_stopped(tmp_path: Path) -> None:
    workflows, path = [workflow("a"), workflow("b")], tmp_path / "applied.json"
    with pytest.raises(StackError):
        apply_workflows(workflows, api_of(FakeApi(refuses="b")), Applied(path))
    fake = FakeApi()
    assert apply_workflows(workflows, api_of(fake), Applied(path)) == ["b"]
    assert fake.workflows == ["b"]


def test_credential_holds_what_the_nodes_need(open_settings: OpenSettings) -> None:
    plan = plan_of(open_settings(ANTHROPIC_API_KEY="sk-x", ANTHROPIC_BASE_URL="http://127.0.0.1:1/"))
    assert stack_credential(plan) == {
        "id": CREDENTIAL_ID,
        "name": "Hybrid AI API",
        "type": "hybridAiApi",
        "data": {
            "serviceToken": SECRETS.service_token,
            "scorerUrl": "http://127.0.0.1:18101",
            "ledgerUrl": "http://127.0.0.1:18102",
            "ollamaUrl": "http://127.0.0.1:21434",
            "anthropicUrl": "http://127.0.0.1:1",
            "anthropicApiKey": "sk-x",
        },
    }


def test_credential_is_updated_only_when_it_changed(tmp_path: Path, open_settings: OpenSettings) -> None:
    plan, applied, fake = plan_of(open_settings()), Applied(tmp_path / "applied.json"), FakeApi()
    assert not credential_is_applied(plan, applied)
    assert update_credential(plan, api_of(fake), applied)
    assert credential_is_applied(plan, applied)
    assert not credential_is_applied(plan_of(open_settings(ANTHROPIC_API_KEY="sk-y")), applied)
    assert "made-up" not in (tmp_path / "applied.json").read_text("utf-8")


def test_credential_that_is_gone_is_not_taken_for_applied(tmp_path: Path, open_settings: OpenSettings) -> None:
    plan, applied = plan_of(open_settings()), Applied(tmp_path / "applied.json")
    assert not update_credential(plan, api_of(FakeApi(knows_credential=False)), applied)
    assert not credential_is_applied(plan, applied)
