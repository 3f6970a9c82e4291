"""The canvas: a grid, left to right, nothing on top of anything, and a note that says what it is for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from workflows.graph import Node, Workflow
from workflows.problems import Problem

COLUMN, ROW = 240, 160
NOTE_STEP = 16  # the editor's own grid
LABEL_HEIGHT = 32  # a node's name stands below it


def off_grid(workflow: Workflow) -> Iterator[Problem]:
    """Nodes stand on a grid of 240 x 160, notes on the editor's grid of 16; parts of AI nodes too."""
    for node in workflow.nodes:
        x, y = node.position
        columns, rows = (NOTE_STEP, NOTE_STEP) if node.is_note else (COLUMN, ROW)
        if x % columns or y % rows:
            near = [round(x / columns) * columns, round(y / rows) * rows]
            yield workflow.problem("grid", node, f"[{x}, {y}] is off the {columns} x {rows} grid: move it to {near}")


def leftward_wire(workflow: Workflow) -> Iterator[Problem]:
    """Work flows to the right: every main wire ends in a column to the right of where it begins."""
    for wire in workflow.wires:
        if wire.kind == "main" and wire.target.position[0] <= wire.source.position[0]:
            advice = f"{wire.target.name!r} is not to the right of it: move it there (a loop belongs in a sub-workflow)"
            yield workflow.problem("direction", wire.source, advice)


def overlap(workflow: Workflow) -> Iterator[Problem]:
    """No node covers another or its name; a node with many outputs is taller."""
    for one, other in combinations(workflow.working_nodes, 2):
        if _overlap(one, other):
            yield workflow.problem("overlap", one, f"it lies on {other.name!r}: move one of them")


def missing_header_note(workflow: Workflow) -> Iterator[Problem]:
    """A note above all nodes has a heading, says what the flow is for, and names its endpoints."""
    top = min((node.position[1] for node in workflow.working_nodes), default=0)
    above = [node for node in workflow.nodes if node.is_note and node.position[1] < top]
    headers = [note for note in above if str(note.parameters.get("content", "")).startswith("#")]
    if not headers:
        advice = "add a sticky note above all nodes: a heading, the purpose, what comes in and what goes out"
        yield workflow.problem("header-note", None, advice)
        return
    header = min(headers, key=lambda note: (note.position[1], note.position[0]))
    heading, _, body = str(header.parameters["content"]).partition("\n")
    if len(heading.lstrip("# ")) < 3 or len(body.split()) < 10:
        yield workflow.problem("header-note", header, "say under the heading in ten words or more what it is for")
    for endpoint in sorted({endpoint for node in workflow.nodes for endpoint in node.facts.endpoints}):
        path = endpoint.split(" ", 1)[1]
        if path not in body and "{{" not in path:
            yield workflow.problem(
                "header-note", header, f"it does not name {endpoint}: say what comes in and goes out"
            )


def _overlap(one: Node, other: Node) -> bool:
    (x, y), (width, height) = one.position, one.facts.size
    (other_x, other_y), (other_width, other_height) = other.position, other.facts.size
    beside = x + width <= other_x or other_x + other_width <= x
    above = y + height + LABEL_HEIGHT <= other_y or other_y + other_height + LABEL_HEIGHT <= y
    return not beside and not above
