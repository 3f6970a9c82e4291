"""A bounded load on one path, and the CPU time that a process spends on it."""

from __future__ import annotations

import http.client
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import uuid4


@dataclass(frozen=True)
class Measured:
    """One block of requests: CPU of the watched process in ms a request, times to answer in ms."""

    requests: int
    cpu_ms: float
    p50_ms: float
    p99_ms: float
    per_second: float


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its threads so far, in seconds."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(pid: int, port: int, path: str, key: str, *, requests: int, clients: int, expect: int = 200) -> Measured:
    """Send `requests` from `clients` keep-alive connections; fails on any other status than `expect`."""
    before, begun = cpu_seconds(pid), time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        jobs = [pool.submit(_client, port, path, key, requests // clients, expect) for _ in range(clients)]
        times = sorted(seconds for job in jobs for seconds in job.result())
    elapsed = time.perf_counter() - begun
    time.sleep(1.0)  # what a flow does after its answer counts too
    cpu = cpu_seconds(pid) - before
    at = [times[int(len(times) * share)] * 1000 for share in (0.5, 0.99)]
    return Measured(len(times), cpu / len(times) * 1000, at[0], at[1], len(times) / elapsed)


def _client(port: int, path: str, key: str, requests: int, expect: int) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = json.dumps({"prompt": "What is Python?"})
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json", "cache-control": "no-store"}
    times = []
    for _ in range(requests):
        begun = time.perf_counter()
        connection.request("POST", path, body, headers | {"x-request-id": str(uuid4())})
        response = connection.getresponse()
        text = response.read()
        times.append(time.perf_counter() - begun)
        if response.status != expect:
            raise RuntimeError(f"{path} answered {response.status}: {text[:200]!r}")
    connection.close()
    return times
