"""The body of POST /v1/admit: the fields of a route request, and those of the key."""

from __future__ import annotations

from typing import Any

from services.runtime.errors import BadRequest
from services.scorer.limits.admission import Admit
from services.scorer.request import read_request

_OWN = ("rate_limit", "max_concurrent", "waited", "takes_cached")
_MOST = 10**9
_LONGEST_ID = 128


def read_admit(body: dict[str, Any]) -> Admit:
    """The chat of a JSON object; BadRequest names the field that is wrong."""
    own = {name: body[name] for name in _OWN if body.get(name) is not None}
    request_id, key_id = body.get("request_id"), body.get("key_id")
    if not isinstance(request_id, str) or not 1 <= len(request_id) <= _LONGEST_ID:
        raise _wrong("request_id", f"a string of 1 to {_LONGEST_ID} characters")
    if key_id is not None and not (isinstance(key_id, str) and len(key_id) <= _LONGEST_ID):
        raise _wrong("key_id", f"a string of up to {_LONGEST_ID} characters")
    for name in ("rate_limit", "max_concurrent"):
        if name in own and not (type(own[name]) is int and 1 <= own[name] <= _MOST):
            raise _wrong(name, f"a whole number from 1 to {_MOST}")
    for name in ("waited", "takes_cached"):
        if not isinstance(own.get(name, False), bool):
            raise _wrong(name, "true or false")
    # Its own fields must not be part of the cache key, which the route's request has without them.
    request = read_request({name: value for name, value in body.items() if name not in _OWN})
    return Admit(
        request=request,
        request_id=request_id,
        key_id=key_id,
        rate_limit=own.get("rate_limit"),
        most_at_once=own.get("max_concurrent"),
        waited=own.get("waited", False),
        takes_cached=own.get("takes_cached", True),
    )


def _wrong(field: str, wanted: str) -> BadRequest:
    return BadRequest(f"{field} must be {wanted}.", field=field)
