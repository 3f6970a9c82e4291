"""A steady mix of requests, each with what came of it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from json import loads
from typing import Any

import requests

from tests.e2e.running import EASY, HARD, RunningStack

_MOST_AT_ONCE = 300
_WORDS = ("comma", "colon", "noun", "verb", "adverb")
_SHARES = {"easy": 50, "hard": 25, "cached": 15, "bad": 10}


@dataclass(frozen=True)
class Asked:
    """A request of a kind, and the status that it gets when nothing is wrong."""

    kind: str
    status: int
    arguments: Mapping[str, Any]


_BAD = (
    Asked("bad", 401, {"json": {"prompt": EASY}, "headers": {"authorization": "Bearer hai-wrong"}}),
    Asked("bad", 400, {"json": {"prompt": ""}}),
    Asked("bad", 400, {"json": {"prompt": EASY, "colour": "red"}}),
    Asked("bad", 413, {"json": {"prompt": "x" * 100_001}}),
    Asked("bad", 422, {"data": '{"prompt": ', "headers": {"content-type": "application/json"}}),
)


@dataclass(frozen=True)
class Result:
    """What came of a request, with its times in seconds on the monotonic clock.

    `status` is 0 and `problem` says why when there was no answer; `cost` is what the caller was told, in USD.
    """

    asked: Asked
    sent: float
    ended: float
    status: int
    request_id: str | None
    cost: Decimal | None
    problem: str

    @property
    def seconds(self) -> float:
        return self.ended - self.sent

    @property
    def answered(self) -> bool:
        return self.status == 200


def mixed(chance: random.Random) -> Iterator[Asked]:
    """Requests without end: easy and hard ones, some that are in the cache, and bad ones."""
    number = 0
    while True:
        number += 1
        kind = chance.choices(list(_SHARES), weights=list(_SHARES.values()))[0]
        if kind == "bad":
            yield chance.choice(_BAD)
            continue
        prompt = {
            "easy": f"{EASY} ({number})",
            "hard": f"{HARD} Variant {number}.",
            "cached": f"What is a {chance.choice(_WORDS)}?",
        }[kind]
        yield Asked(kind, 200, {"json": {"prompt": prompt}})


def send_steadily(running: RunningStack, mix: Iterator[Asked], rate: float, seconds: float) -> list[Result]:
    """Send `rate` requests a second for some seconds, however long their answers take; all results, in order."""
    with ThreadPoolExecutor(_MOST_AT_ONCE) as pool:
        begun, jobs = time.monotonic(), []
        for number in range(int(seconds * rate)):
            time.sleep(max(0.0, begun + number / rate - time.monotonic()))
            jobs.append(pool.submit(send, running, next(mix)))
        return [job.result() for job in jobs]


def send(running: RunningStack, asked: Asked, clock: Callable[[], float] = time.monotonic) -> Result:
    """One request and what came of it."""
    sent = clock()
    try:
        response = running.post(**asked.arguments)
    except requests.RequestException as error:
        return Result(asked, sent, clock(), 0, None, None, type(error).__name__)
    request_id = response.headers.get("x-request-id")
    cost, problem = None, ""
    if response.status_code == 200:
        cost = loads(response.text, parse_float=Decimal)["cost"]
    else:
        problem = response.text[:200]
    return Result(
        asked, sent, clock(), response.status_code, request_id, None if cost is None else Decimal(cost), problem
    )
