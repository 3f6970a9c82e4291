"""The query parameters of a request, checked."""

from __future__ import annotations

from flask import request

from services.cost_ledger.errors import InvalidField


def query_parameters(*names: str) -> dict[str, str]:
    """The query parameters; InvalidField for one that is not in `names`, or is there twice."""
    for name, values in request.args.lists():
        if name not in names:
            raise InvalidField(name[:100], f"unknown parameter; there are: {', '.join(names) or 'none'}")
        if len(values) > 1:
            raise InvalidField(name, "given more than once")
    return request.args.to_dict()
