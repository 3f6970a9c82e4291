"""A load on one path for some seconds, and what came back."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PROGRAM = Path(__file__).with_name("load.mjs")
_LONGEST = 90.0  # seconds that the last answers of a block may take


@dataclass(frozen=True)
class Request:
    """One kind of request to a server on loopback; `{id}` in `headers` or `body` is a new UUID each time."""

    port: int
    path: str
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    expect: int = 200


@dataclass(frozen=True)
class Load:
    """What a block of requests came to. Times in ms; `errors` are those without the expected status, by what came.

    `events` is the mean number of streamed pieces of an answer.
    """

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    first_ms: float
    events: float
    errors: Mapping[str, int]

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


class LoadFailed(Exception):
    """Nothing was answered as it should be."""


def send_load(node: Path, request: Request, *, clients: int, seconds: float) -> Load:
    """Send `request` from `clients` connections for `seconds`; LoadFailed when not one answer is right."""
    order = {
        "host": "127.0.0.1",
        "port": request.port,
        "path": request.path,
        "headers": dict(request.headers),
        "body": json.dumps(request.body),
        "clients": clients,
        "seconds": seconds,
    }
    result = subprocess.run(
        [str(node), str(_PROGRAM)],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        timeout=seconds + _LONGEST,
        check=True,
    )
    found = json.loads(result.stdout)
    errors = {**found["statuses"], **found["failures"]}
    right = errors.pop(str(request.expect), 0)
    if not right:
        raise LoadFailed(f"{request.path} never answered {request.expect}: {errors}")
    times, first = sorted(found["times"]), sorted(found["first"])
    return Load(
        requests=len(times),
        seconds=found["seconds"],
        p50_ms=percentile(times, 0.50),
        p99_ms=percentile(times, 0.99),
        first_ms=percentile(first, 0.50),
        events=found["events"] / len(times),
        errors=errors,
    )


def percentile(ordered: list[float], share: float) -> float:
    """The value that `share` of an ordered list are not above."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
