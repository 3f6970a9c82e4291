"""Names on the canvas: what the node does, said as a person would."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from workflows.graph import Node, Workflow
from workflows.problems import Problem

# Short words stay small: "Reply to Caller".
SMALL_WORD = re.compile(r"an?|and|as|at|by|for|from|if|in|into|is|not|of|on|or|over|per|the|to|when|with")

VERBS = frozenset(json.loads(Path(__file__).with_name("verbs.json").read_text(encoding="utf-8")))


def odd_name(workflow: Workflow) -> Iterator[Problem]:
    """A node is called by a verb phrase of its own ("Ask Claude"), not by what n8n calls it at first."""
    for node in workflow.nodes:
        fault = _fault_of_note(node) if node.is_note else _fault(node)
        if fault:
            yield workflow.problem("name", node, fault)


def _fault(node: Node) -> str:
    words = node.name.split(" ")
    if re.search(r"\d$", words[-1]):
        return "the name ends in a number: say what this node does that its namesake does not"
    if node.facts.default_name and not node.facts.own:
        return "this is n8n's default name: say what the node does here"
    if words[0] not in VERBS:
        return f"{words[0]!r} is no verb of ours: begin with one, or add it to rules/verbs.json"
    if not 2 <= len(words) <= 7 or len(node.name) > 40:
        return "a name has two to seven words and at most 40 characters"
    if any(word[:1].islower() and not SMALL_WORD.fullmatch(word) for word in words):
        return "begin its words with capitals, but for small ones such as 'to'"
    return ""


def _fault_of_note(node: Node) -> str:
    return "give the note a name that says what it is about" if node.facts.default_name else ""
