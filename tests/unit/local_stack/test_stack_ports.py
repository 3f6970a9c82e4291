import socket
from contextlib import closing
from pathlib import Path

import pytest

from compose.local import ports as ports_module
from compose.local.errors import StackError
from compose.local.ports import PortBusy, choose_ports, is_free, recall_ports, remember_ports
from compose.local.settings import PORTS, Settings
from tests.ports import free_port
from tests.unit.local_stack.stack_plans import OpenSettings

EVERYTHING = {port.program for port in PORTS}
USUAL = {port.name: port.usual for port in PORTS}


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The ports that other programs hold; all others are free, whatever this machine does."""
    held: set[int] = set()
    monkeypatch.setattr(ports_module, "is_free", lambda host, port: port not in held)
    return held


@pytest.fixture
def settings(open_settings: OpenSettings) -> Settings:
    return open_settings()


@pytest.fixture
def remembered(settings: Settings) -> Path:
    settings.layout.stack.mkdir()
    return settings.layout.ports_file


def test_usual_ports_are_taken_when_free(settings: Settings, busy: set[int]) -> None:
    assert choose_ports(settings, EVERYTHING, ()) == USUAL


def test_busy_internal_port_moves_to_the_next_free_one(settings: Settings, busy: set[int]) -> None:
    busy |= {5432, 5433, 6379}
    chosen = choose_ports(settings, EVERYTHING, ())
    assert chosen == USUAL | {"POSTGRES_PORT": 5434, "REDIS_PORT": 6380}


def test_moved_port_does_not_take_the_port_of_another_program(settings: Settings, busy: set[int]) -> None:
    busy.add(8101)
    chosen = choose_ports(settings, EVERYTHING, ())
    assert len(set(chosen.values())) == len(PORTS)
    assert chosen["SCORER_PORT"] != 8102


def test_moved_port_is_remembered(settings: Settings, busy: set[int], remembered: Path) -> None:
    busy.add(5432)
    remember_ports(remembered, choose_ports(settings, EVERYTHING, ()))
    busy.clear()
    assert choose_ports(settings, EVERYTHING, ())["POSTGRES_PORT"] == 5433


def test_busy_gateway_port_is_an_error_that_names_its_setting(settings: Settings, busy: set[int]) -> None:
    busy.add(8080)
    with pytest.raises(PortBusy, match=r"port 8080 .* GATEWAY_PORT"):
        choose_ports(settings, EVERYTHING, ())


def test_gateway_port_is_never_remembered(settings: Settings, busy: set[int], remembered: Path) -> None:
    remember_ports(remembered, USUAL | {"GATEWAY_PORT": 9999})
    assert choose_ports(settings, EVERYTHING, ())["GATEWAY_PORT"] == 8080


def test_busy_port_that_was_set_by_hand_does_not_move(open_settings: OpenSettings, busy: set[int]) -> None:
    busy.add(7777)
    with pytest.raises(PortBusy, match="REDIS_PORT"):
        choose_ports(open_settings(REDIS_PORT="7777"), EVERYTHING, ())


def test_port_set_by_hand_pushes_another_program_aside(open_settings: OpenSettings, busy: set[int]) -> None:
    chosen = choose_ports(open_settings(REDIS_PORT="5432"), EVERYTHING, ())
    assert (chosen["REDIS_PORT"], chosen["POSTGRES_PORT"]) == (5432, 5433)


def test_ports_of_running_programs_are_kept(settings: Settings, busy: set[int], remembered: Path) -> None:
    remember_ports(remembered, USUAL)
    busy |= set(USUAL.values())
    assert choose_ports(settings, EVERYTHING, EVERYTHING) == USUAL
    with pytest.raises(PortBusy):
        choose_ports(settings, EVERYTHING, EVERYTHING - {"n8n"})


def test_programs_that_do_not_run_get_no_port(settings: Settings, busy: set[int]) -> None:
    assert "LOCAL_MODEL_PORT" not in choose_ports(settings, EVERYTHING - {"local_model"}, ())


def test_own_model_server_takes_the_place_of_the_missing_ollama(open_settings: OpenSettings, busy: set[int]) -> None:
    settings = open_settings(OLLAMA_URL="http://localhost:12345")
    assert choose_ports(settings, EVERYTHING, ())["LOCAL_MODEL_PORT"] == 12345
    settings = open_settings(OLLAMA_URL="http://10.0.0.5:12345")
    assert choose_ports(settings, EVERYTHING, ())["LOCAL_MODEL_PORT"] == 11434


def test_no_free_port_is_an_error(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports_module, "is_free", lambda host, port: port == 8080)
    with pytest.raises(StackError, match="no free port"):
        choose_ports(settings, EVERYTHING, ())


def test_held_port_is_seen() -> None:
    port = free_port()
    assert is_free("127.0.0.1", port)
    with closing(socket.create_server(("127.0.0.1", port))):
        assert not is_free("127.0.0.1", port)


def test_nonsense_in_the_ports_file_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "ports.env"
    path.write_text("REDIS_PORT=abc\nSCORER_PORT=1\n", "utf-8")
    assert recall_ports(path) == {"SCORER_PORT": 1}
