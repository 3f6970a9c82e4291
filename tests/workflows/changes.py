"""Ways to spoil a workflow. Each gives a function that makes the change in the workflow it is called with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Flow = dict[str, Any]
Change = Callable[[Flow], object]


def node(flow: Flow, name: str) -> Flow:
    return next(one for one in flow["nodes"] if one["name"] == name)


def workflow(**fields: Any) -> Change:
    return lambda flow: flow.update(fields)


def workflow_without(field: str) -> Change:
    return lambda flow: flow.pop(field)


def settings(**fields: Any) -> Change:
    return lambda flow: flow["settings"].update(fields)


def field(name: str, /, **fields: Any) -> Change:
    return lambda flow: node(flow, name).update(fields)


def field_without(name: str, key: str) -> Change:
    return lambda flow: node(flow, name).pop(key)


def position(name: str, x: int, y: int) -> Change:
    return field(name, position=[x, y])


def parameter(name: str, /, **values: Any) -> Change:
    return lambda flow: node(flow, name)["parameters"].update(values)


def parameter_without(name: str, key: str) -> Change:
    return lambda flow: node(flow, name)["parameters"].pop(key)


def option(name: str, /, **values: Any) -> Change:
    return lambda flow: node(flow, name)["parameters"]["options"].update(values)


def header(name: str, value: str) -> Change:
    headers = {"parameters": [{"name": name, "value": value}]}
    return parameter("Fetch Status", sendHeaders=True, headerParameters=headers)


def wire(source: str, output: int, *targets: str) -> Change:
    """The output leads to `targets` and nowhere else."""

    def change(flow: Flow) -> None:
        outputs = flow["connections"].setdefault(source, {"main": []})["main"]
        outputs.extend([] for _ in range(output + 1 - len(outputs)))
        outputs[output] = [{"node": target, "type": "main", "index": 0} for target in targets]

    return change


def name(old: str, new: str) -> Change:
    """The node is called `new`, in its wires too."""

    def change(flow: Flow) -> None:
        node(flow, old)["name"] = new
        if old in flow["connections"]:
            flow["connections"][new] = flow["connections"].pop(old)
        ends = [end for kinds in flow["connections"].values() for bucket in kinds["main"] for end in bucket]
        for end in ends:
            end["node"] = new if end["node"] == old else end["node"]

    return change


def without(*names: str) -> Change:
    """The nodes are gone, with the wires that leave them."""

    def change(flow: Flow) -> None:
        flow["nodes"] = [one for one in flow["nodes"] if one["name"] not in names]
        flow["connections"] = {source: wires for source, wires in flow["connections"].items() if source not in names}

    return change
