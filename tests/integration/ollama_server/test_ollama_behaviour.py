"""What the SDK does not see: timing, cancelling, overload, and how the process starts and ends."""

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.ollama_server.ollama_processes import RunningServer, Start, launch

MODEL = "smollm2:135m"
# An answer that goes on for thousands of tokens, whatever the model would like to say.
ENDLESS = {"type": "array", "items": {"type": "integer"}, "minItems": 3000}


def body(**fields: object) -> dict[str, object]:
    return {"model": MODEL, "prompt": "Count.", **fields}


def lines(response: requests.Response) -> Iterator[dict[str, Any]]:
    for line in response.iter_lines():
        yield json.loads(line)


@contextmanager
def endless_answer(server: RunningServer) -> Iterator[Iterator[dict[str, Any]]]:
    """A stream that is under way, and is dropped at the end."""
    with requests.post(f"{server.url}/api/generate", json=body(format=ENDLESS), stream=True, timeout=60) as response:
        assert response.status_code == 200
        answer = lines(response)
        next(answer)
        yield answer


def seconds_in_line(server: RunningServer) -> float:
    """How long a short request waits for the model."""
    short = body(stream=False, options={"num_predict": 2})
    answer = requests.post(f"{server.url}/api/generate", json=short, timeout=60).json()
    return float(answer["load_duration"]) / 1e9


def test_a_stream_arrives_piece_by_piece(server: RunningServer) -> None:
    arrivals: list[float] = []
    answer = body(prompt="Tell me a story.", options={"num_predict": 40, "temperature": 0})
    with requests.post(f"{server.url}/api/generate", json=answer, stream=True, timeout=60) as response:
        assert response.headers["Transfer-Encoding"] == "chunked"
        for document in lines(response):
            arrivals.append(time.monotonic())
            last = document
    span = arrivals[-1] - arrivals[0]
    gaps = [later - earlier for earlier, later in pairwise(arrivals)]
    assert len(arrivals) > 30
    # As long as the engine says that it wrote, and in even steps: nothing was held back.
    assert span == pytest.approx(last["eval_duration"] / 1e9, rel=0.3, abs=0.1)
    assert max(gaps) < span / 3


def test_a_dropped_stream_stops_the_generation(server: RunningServer) -> None:
    with endless_answer(server):
        pass
    assert seconds_in_line(server) < 2
    assert "the client went away" in server.log


@pytest.mark.parametrize("prompt", ["Count.", "one two three four " * 700], ids=["writing", "reading"])
def test_a_dropped_whole_request_stops_the_generation(server: RunningServer, prompt: str) -> None:
    raw = json.dumps(body(prompt=prompt, format=ENDLESS, stream=False)).encode()
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST /api/generate HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(raw)}\r\n\r\n"
        connection.sendall(head.encode() + raw)
        time.sleep(0.5)
    # The engine ends the batch it is at; left alone it would go on for half a minute and more.
    assert seconds_in_line(server) < 12


def test_a_waiting_client_that_goes_away_leaves_the_line(server: RunningServer) -> None:
    with endless_answer(server):
        for _ in range(4):
            with pytest.raises(requests.Timeout):
                requests.post(f"{server.url}/api/generate", json=body(), timeout=0.6)
    assert seconds_in_line(server) < 2


def test_a_full_line_is_a_503_while_short_questions_are_answered(server: RunningServer) -> None:
    waiting: list[int] = []

    def wait_in_line() -> None:
        short = body(stream=False, options={"num_predict": 1})
        waiting.append(requests.post(f"{server.url}/api/generate", json=short, timeout=60).status_code)

    threads = [threading.Thread(target=wait_in_line) for _ in range(2)]
    with endless_answer(server):
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        refused = requests.post(f"{server.url}/api/generate", json=body(), timeout=5)
        started = time.monotonic()
        assert requests.get(f"{server.url}/api/tags", timeout=5).ok
        assert time.monotonic() - started < 1
    for thread in threads:
        thread.join(60)
    assert refused.status_code == 503
    assert "maximum pending requests exceeded" in refused.json()["error"]
    assert waiting == [200, 200]


def test_bad_bodies_are_a_400_with_a_reason(server: RunningServer) -> None:
    for raw in (b"", b"{", b"[1]", b'{"model": 5}'):
        answer = requests.post(f"{server.url}/api/chat", data=raw, timeout=5)
        assert answer.status_code == 400
        assert list(answer.json()) == ["error"]


def test_a_body_beyond_the_limit_is_a_413(server: RunningServer) -> None:
    answer = requests.post(f"{server.url}/api/chat", data=b" " * (16 * 1024 * 1024 + 1), timeout=10)
    assert answer.status_code == 413


def test_two_answers_run_side_by_side(start: Start) -> None:
    server = start("--parallel", "2")
    with endless_answer(server), endless_answer(server) as second:
        assert next(second)["done"] is False
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 2
        assert list(second)[-1] == {"error": "the server is stopping"}
    assert server.process.returncode == 0


def test_threads_that_wait_do_not_spin(start: Start) -> None:
    server = start(OMP_DISPLAY_ENV="VERBOSE")
    assert re.search(r"OMP_WAIT_POLICY = 'PASSIVE'", server.log)
    assert re.search(r"GOMP_SPINCOUNT = '0'", server.log)
    assert server.stop() < 2
    assert server.process.returncode == 0


def test_a_taken_port_ends_the_start_with_a_reason(server: RunningServer, tmp_path: Path) -> None:
    port = server.url.rpartition(":")[2]
    second = launch(tmp_path, "--port", port)
    assert second.process.wait(30) == 1
    assert f"127.0.0.1:{port}" in second.log
    assert "Traceback" not in second.log


def test_a_context_beyond_the_model_ends_the_start_with_a_reason(tmp_path: Path) -> None:
    server = launch(tmp_path, "--context", "9000")
    assert server.process.wait(30) == 1
    assert "--context 9000 is more than the 8192 tokens" in server.log


def test_a_file_that_is_no_model_ends_the_start_with_a_reason(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.gguf"
    wrong.write_bytes(b"not a model")
    server = launch(tmp_path, "--model", str(wrong))
    assert server.process.wait(30) == 1
    assert "wrong.gguf is not a GGUF model" in server.log
    assert "Traceback" not in server.log
