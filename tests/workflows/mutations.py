"""Mistakes, one each, to be made in the good flow of fixtures/, and the rule that must notice each."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass

from tests.workflows import changes as give
from tests.workflows.changes import Change, Flow
from workflows.documents import Document, canonical, parse_document


@dataclass(frozen=True)
class Mutation:
    """A mistake: `change` makes it in the flow, or `write` in its text, or `file` in its name."""

    mistake: str
    rule: str
    node: str = ""
    change: Change = lambda flow: None
    write: Callable[[Flow], str] = canonical
    file: str = ""

    def document(self, good: Flow, number: int) -> Document:
        """The good flow with this mistake in it."""
        flow = copy.deepcopy(good)
        self.change(flow)
        return parse_document(self.file or f"case-n{number}.json", self.write(flow))


M = Mutation
NOTE, TRIGGER, ROUTE, ANSWER, LOG = "About this flow", "Receive Prompt", "Route Prompt", "Send Answer", "Log Cost"
EVERY_HOUR, FETCH, PICK, KEEP = "Start Every Hour", "Fetch Status", "Pick Branch", "Keep Failure"
PREPARE, WRITE = "Prepare Report", "Write Report"

HEADER_WITHOUT_WORDS = "## Good flow\nSee v1/example/completions and v1/example/messages/count_tokens"
HEADER_WITH_KEY = "## Good flow\nTry v1/example/completions, v1/example/messages/count_tokens with hai-9f3KqLmT2xZ"
SLACK = {"slackApi": {"id": "1", "name": "Slack"}}
NO_SUCH_WORKFLOW = {"__rl": True, "mode": "id", "value": "nobodyKnowsThis1"}
# Its parameter `output` is an expression unless it is given.
SWITCH = {"type": "n8n-nodes-base.switch", "typeVersion": 3.4, "parameters": {"mode": "expression", "numberOutputs": 1}}


def out_of_order(flow: Flow) -> str:
    return json.dumps(dict(sorted(flow.items(), reverse=True)), indent=2, ensure_ascii=False) + "\n"


def key_twice(flow: Flow) -> str:
    return canonical(flow).replace('"name": "Good flow"', '"name": "Good flow",\n  "name": "Other flow"')


FORM = [
    M("broken JSON", "json", write=lambda flow: canonical(flow)[:-5]),
    M("the same key twice", "json", write=key_twice),
    M("a list in place of a workflow", "json", write=lambda flow: "[]"),
    M("keys out of order", "form", write=out_of_order),
    M("no newline at the end", "form", write=lambda flow: canonical(flow).rstrip("\n")),
    M("four spaces", "form", write=lambda flow: json.dumps(flow, indent=4, sort_keys=True) + "\n"),
    M("a file name with capitals", "file-name", file="Good Flow.json"),
]

SCHEMA = [
    M("a field that n8n does not know", "n8n-schema", change=give.workflow(colour="red")),
    M("a node field that n8n does not know", "n8n-schema", LOG, give.field(LOG, retry=1)),
    M("a setting that n8n does not know", "n8n-schema", change=give.settings(timeout=5)),
    M("pinned data", "schema", change=give.workflow(pinData={})),
    M("static data", "schema", change=give.workflow(staticData=None)),
    M("a version id", "schema", change=give.workflow(versionId="1")),
    M("an active flag", "schema", change=give.workflow(active=True)),
    M("times of a database", "schema", change=give.workflow(createdAt="2026-11-22T00:00:00Z")),
    M("the id of an instance", "schema", change=give.workflow(meta={"instanceId": "abc"})),
    M("no id", "schema", change=give.workflow_without("id")),
    M("an id that is too short", "schema", change=give.workflow(id="short")),
    M("no error workflow", "schema", change=lambda flow: flow["settings"].pop("errorWorkflow")),
    M("the old execution order", "schema", change=give.settings(executionOrder="v0")),
    M("a tag with the id of an instance", "schema", change=give.workflow(tags=[{"name": "a", "id": "1"}])),
    M("a node without an id", "schema", LOG, give.field_without(LOG, "id")),
    M("a random node id", "schema", LOG, give.field(LOG, id="Xy7_aaB")),
    M("an unknown word in onError", "schema", LOG, give.field(LOG, onError="ignore")),
    M("continueOnFail in place of onError", "schema", LOG, give.field(LOG, continueOnFail=True)),
    M("an error trigger and an error workflow", "schema", change=give.field(KEEP, type="n8n-nodes-base.errorTrigger")),
]

STRUCTURE = [
    M("no connections", "structure", change=give.workflow_without("connections")),
    M("two nodes of one name", "structure", LOG, give.field(KEEP, name=LOG)),
    M("two nodes of one id", "structure", KEEP, give.field(KEEP, id="log-cost")),
    M("a wire to nowhere", "structure", ANSWER, give.wire(ANSWER, 0, "Lag Cost")),
    M("a wire from nowhere", "structure", "Log Coast", give.wire("Log Coast", 0, LOG)),
]

NODE_TYPES = [
    M("an unknown node type", "node-type", LOG, give.field(LOG, type="n8n-nodes-x.y")),
    M("an unknown version", "node-type", FETCH, give.field(FETCH, typeVersion=9)),
    M("an unknown version of ours", "node-type", LOG, give.field(LOG, typeVersion=7)),
    M("a retired node", "node-type", KEEP, give.field(KEEP, type="n8n-nodes-base.function", typeVersion=1)),
]

PARAMETERS = [
    M("an unknown parameter", "parameter", FETCH, give.parameter(FETCH, jsonParameters=True)),
    M("an unknown option", "parameter", FETCH, give.option(FETCH, tmeout=5)),
    M("a parameter without effect", "parameter", FETCH, give.parameter(FETCH, sendBody=False)),
    M("a required parameter left out", "parameter", FETCH, give.parameter_without(FETCH, "url")),
    M("a list that is none", "parameter", EVERY_HOUR, give.parameter(EVERY_HOUR, rule={"interval": 5})),
    M("an unknown parameter of ours", "parameter", LOG, give.parameter(LOG, operaton="log")),
    M("a wrong value of ours", "parameter", LOG, give.parameter(LOG, operation="logg")),
    M("a wrong type of ours", "parameter", ANSWER, give.parameter(ANSWER, cacheAnswer="yes")),
    M("a threshold above 1", "parameter", ROUTE, give.parameter(ROUTE, thresholds={"small": 2})),
    M("a threshold of no tier", "parameter", ROUTE, give.parameter(ROUTE, thresholds={"huge": 0.2})),
    M("a required path of ours left out", "parameter", TRIGGER, give.parameter(TRIGGER, nativePath="")),
    M("a wrong value of a stock node", "n8n-validator", FETCH, give.parameter(FETCH, method="FETCH")),
    M("a wrong type of a stock node", "n8n-validator", FETCH, give.option(FETCH, timeout="soon")),
    M("no credential", "credential", LOG, give.field_without(LOG, "credentials")),
    M("a credential that is not used", "credential", KEEP, give.field(KEEP, credentials=SLACK)),
    M(
        "a chosen credential left out",
        "credential",
        FETCH,
        give.parameter(FETCH, authentication="genericCredentialType", genericAuthType="httpHeaderAuth"),
    ),
]

CANVAS = [
    M("n8n's default name", "name", "HTTP Request1", give.name(FETCH, "HTTP Request1")),
    M("a default name that has a verb", "name", "Execute Workflow", give.name(WRITE, "Execute Workflow")),
    M("a name without a verb", "name", "Status Request", give.name(FETCH, "Status Request")),
    M("a name of one word", "name", "Fetch", give.name(FETCH, "Fetch")),
    M("a name that ends in a number", "name", "Fetch Status 2", give.name(FETCH, "Fetch Status 2")),
    M("a name in small letters", "name", "Fetch status", give.name(FETCH, "Fetch status")),
    M("a note with the default name", "name", "Sticky Note", give.name(NOTE, "Sticky Note")),
    M("a node off the grid", "grid", LOG, give.position(LOG, 720, 20)),
    M("a note off its grid", "grid", NOTE, give.position(NOTE, -75, -320)),
    M("a node left of what feeds it", "direction", ANSWER, give.position(LOG, 240, -480)),
    M("a loop", "direction", LOG, give.wire(LOG, 0, ANSWER)),
    M("two nodes in one place", "overlap", KEEP, give.position(KEEP, 480, 480)),
    M("a node on the lower half of a tall one", "overlap", ROUTE, give.position(FETCH, 240, 160)),
    M("no header note", "header-note", change=give.without(NOTE)),
    M("a header note below the nodes", "header-note", change=give.position(NOTE, 0, 960)),
    M("a header note without a purpose", "header-note", NOTE, give.parameter(NOTE, content=HEADER_WITHOUT_WORDS)),
    M("a header note without an endpoint", "header-note", NOTE, give.parameter(TRIGGER, openaiPath="v1/other")),
]

WIRING = [
    M("no trigger", "trigger", change=give.without(TRIGGER, EVERY_HOUR)),
    M("a node that nothing leads to", "connected", LOG, give.wire(ANSWER, 0)),
    M("an output of ours that leads nowhere", "outputs", ROUTE, give.wire(ROUTE, 3)),
    M("an output that is not there", "outputs", ANSWER, give.wire(ANSWER, 1, LOG)),
    M("an output of a Switch that is not there", "outputs", PICK, give.wire(PICK, 2, PREPARE)),
    M("an error output that leads nowhere", "error-output", FETCH, give.wire(FETCH, 1)),
    M("an input that is not there", "n8n-validator", TRIGGER, give.wire(ANSWER, 0, TRIGGER)),
]

BEHAVIOUR = [
    M("a call without a word on errors", "on-error", FETCH, give.field_without(FETCH, "onError")),
    M("a call of ours without a word on errors", "on-error", LOG, give.field_without(LOG, "onError")),
    M("a sub-workflow without a word on errors", "on-error", WRITE, give.field_without(WRITE, "onError")),
    M("a request without a timeout", "timeout", FETCH, give.parameter(FETCH, options={})),
    M("sixteen lines of code", "code-length", PREPARE, give.parameter(PREPARE, jsCode="let a;\n" * 15 + "return [];")),
    M("no webhook id", "webhook-id", TRIGGER, give.field_without(TRIGGER, "webhookId")),
    M("an expression behind our trigger", "expression", LOG, give.parameter(LOG, operation="={{ $json.a }}")),
    M("an expression in our trigger", "expression", TRIGGER, give.parameter(TRIGGER, nativePath="={{ 'v1/example' }}")),
    M("braces of an expression", "expression", TRIGGER, give.parameter(TRIGGER, nativePath="{{ path }}")),
    M("expressions joined to the request path", "expression", KEEP, give.wire(ANSWER, 0, LOG, KEEP)),
    M("an expression by default on the request path", "expression", LOG, give.field(LOG, **SWITCH)),
]

SECRETS = [
    M("an Anthropic key", "secret", FETCH, give.header("x-api-key", "-".join(["sk", "ant", "api03", "abcdef"]))),
    M("a key of ours", "secret", NOTE, give.parameter(NOTE, content=HEADER_WITH_KEY)),
    M("a bearer token", "secret", FETCH, give.header("Authorization", "Bearer abc123def456")),
    M("a long hexadecimal text", "secret", PREPARE, give.parameter(PREPARE, jsCode="return '" + "0a1b2c3d" * 5 + "';")),
    M(
        "a long random text",
        "secret",
        PREPARE,
        give.parameter(PREPARE, jsCode="return 'Zm9vYmFyQ" + "mF6Y3V4MT" * 3 + "';"),
    ),
    M("a password in a URL", "secret", FETCH, give.parameter(FETCH, url="https://ann:pass1word@example.com/")),
    M("a header authorised by hand", "n8n-validator", FETCH, give.header("Authorization", "token-of-mine")),
]

SET = [
    M("the id of another workflow", "unique", change=give.workflow(id="goodReport000001")),
    M("the name of another workflow", "unique", change=give.workflow(name="Good report")),
    M("one path twice", "unique", TRIGGER, give.parameter(TRIGGER, openaiPath="v1/example")),
    M("an error workflow that is no file", "reference", change=give.settings(errorWorkflow="nobodyKnowsThis1")),
    M("an error workflow without a trigger", "reference", change=give.settings(errorWorkflow="goodReport000001")),
    M("a sub-workflow that is no file", "reference", WRITE, give.parameter(WRITE, workflowId=NO_SUCH_WORKFLOW)),
]

MUTATIONS = [*FORM, *SCHEMA, *STRUCTURE, *NODE_TYPES, *PARAMETERS, *CANVAS, *WIRING, *BEHAVIOUR, *SECRETS, *SET]
