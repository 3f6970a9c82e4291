import threading
import time

import pytest

from compose.local.ollama_server.errors import BusyError, ClientGoneError
from compose.local.ollama_server.gate import Gate


def stay() -> None:
    """A check that never ends the wait."""


class Visitor(threading.Thread):
    """Enters the gate, notes its turn and stays until released."""

    def __init__(self, gate: Gate, turns: list[str], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._gate = gate
        self._turns = turns
        self.release = threading.Event()

    def run(self) -> None:
        with self._gate.place(stay):
            self._turns.append(self.name)
            self.release.wait(5)


def eventually(turns: list[str], expected: list[str]) -> bool:
    deadline = time.monotonic() + 3
    while turns != expected and time.monotonic() < deadline:
        time.sleep(0.005)
    return turns == expected


def test_requests_pass_in_the_order_they_came() -> None:
    gate, turns = Gate(running=1, waiting=3), list[str]()
    visitors = [Visitor(gate, turns, name) for name in "abc"]
    for visitor in visitors:
        visitor.start()
        time.sleep(0.02)
    for count, visitor in enumerate(visitors, start=1):
        assert eventually(turns, list("abc"[:count]))
        visitor.release.set()
        visitor.join(3)


def test_a_full_line_refuses_at_once() -> None:
    gate = Gate(running=1, waiting=0)
    with gate.place(stay), pytest.raises(BusyError, match="server busy"), gate.place(stay):
        pass
    with gate.place(stay):
        pass


def test_a_waiting_client_that_goes_away_leaves_the_line() -> None:
    gate = Gate(running=1, waiting=1)

    def gone() -> None:
        raise ClientGoneError

    with gate.place(stay):
        with pytest.raises(ClientGoneError), gate.place(gone):
            pass
        turns = list[str]()
        next_one = Visitor(gate, turns, "next")
        next_one.start()
    assert eventually(turns, ["next"])
    next_one.release.set()
    next_one.join(3)


def test_a_failed_request_gives_its_place_back() -> None:
    gate = Gate(running=1, waiting=0)
    with pytest.raises(RuntimeError), gate.place(stay):
        raise RuntimeError
    with gate.place(stay):
        pass
