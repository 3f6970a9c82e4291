"""`python -m services.cost_ledger` as a process: how it starts, ends, and looks after keys."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from services.cost_ledger.keys import hash_key
from tests.integration.cost_ledger.service import ROOT, Service, entry, environment, running_ledger
from tests.ports import free_port

COMMAND = [sys.executable, "-m", "services.cost_ledger"]


def run(*arguments: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(**settings),
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_cleanly(database_url: str, signum: signal.Signals) -> None:
    with running_ledger(database_url) as service:
        service.client().book(entry("last"))
        started = time.monotonic()
        service.process.send_signal(signum)
        assert service.process.wait(5) == 0
        assert time.monotonic() - started < 2


def test_a_signal_ends_the_service_cleanly_without_its_database() -> None:
    url = f"postgresql://ledger@127.0.0.1:{free_port()}/books"
    with running_ledger(url, alive=True) as service:
        started = time.monotonic()
        service.process.terminate()
        assert service.process.wait(5) == 0
        assert time.monotonic() - started < 2


def test_a_signal_ends_a_start_that_waits_for_the_database() -> None:
    url = f"postgresql://ledger@127.0.0.1:{free_port()}/books"
    process = subprocess.Popen(
        COMMAND, env=environment(DATABASE_URL=url, LEDGER_PORT=str(free_port())), cwd=ROOT, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    with process, process.stderr:
        assert b"not ready" in process.stderr.readline()
        started = time.monotonic()
        process.terminate()
        assert process.wait(5) == 0
        assert time.monotonic() - started < 2
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"LEDGER_PORT": "http"}, "LEDGER_PORT"),
        ({"DATABASE_URL": "sqlite:///books:hunter22"}, "DATABASE_URL"),
        ({"DATABASE_URL": ""}, "POSTGRES_USER"),
        ({"BASELINE_MODEL": "gpt-9"}, "BASELINE_MODEL"),
        ({"MACHINE_COST_MONTHLY": "cheap"}, "MACHINE_COST_MONTHLY"),
        ({"SERVICE_TOKEN": ""}, "SERVICE_TOKEN"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
    ],
)
def test_a_wrong_setting_ends_the_start_with_2_and_is_named(settings: dict[str, str], named: str) -> None:
    ended = run(**{"DATABASE_URL": "postgresql://ledger@127.0.0.1/books", **settings})
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"configuration error: {named}: ")
    assert len(ended.stderr.splitlines()) == 1
    assert "hunter22" not in ended.stderr


def test_a_taken_port_ends_the_start_with_1(service: Service) -> None:
    ended = run(DATABASE_URL=service.database_url, LEDGER_PORT=str(service.port))
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr


def test_keys_are_made_listed_and_revoked_from_the_terminal(service: Service) -> None:
    made = run("keys", "create", "from the terminal", DATABASE_URL=service.database_url, SERVICE_TOKEN="")
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip()
    (found,) = (each for each in service.client().get("/v1/keys/active")["keys"] if each["key_hash"] == hash_key(key))
    assert found["name"] == "from the terminal"
    listed = run("keys", "list", DATABASE_URL=service.database_url)
    assert f"{found['id'][:8]}  {key[:10]}  active " in listed.stdout
    assert key not in listed.stdout
    assert run("keys", "revoke", found["id"], DATABASE_URL=service.database_url).returncode == 0
    assert found not in service.client().get("/v1/keys/active")["keys"]
    assert (
        f"{found['id'][:8]}  {key[:10]}  revoked  20" in run("keys", "list", DATABASE_URL=service.database_url).stdout
    )


def test_an_existing_key_is_registered_from_standard_input(service: Service) -> None:
    key = "hai-" + "k" * 43
    command = ("keys", "create", "deploy", "--key-hash-of-stdin")
    for said in ("registered key", "already there: key"):
        ended = run(*command, stdin=f"{key}\n", DATABASE_URL=service.database_url)
        assert (ended.returncode, ended.stdout) == (0, "")
        assert ended.stderr.startswith(said)
    hashes = [each["key_hash"] for each in service.client().get("/v1/keys/active")["keys"]]
    assert hashes.count(hash_key(key)) == 1


@pytest.mark.parametrize(
    ("arguments", "stdin", "status"),
    [
        (["keys"], "", 2),
        (["keys", "create", " "], "", 2),
        (["keys", "create", "x", "--key-hash-of-stdin"], "short\n", 2),
        (["keys", "revoke", "all"], "", 2),
        (["keys", "revoke", "9f4c0c0e-6b0a-4bb0-9a53-0a1a45a1d001"], "", 1),
    ],
)
def test_wrong_key_commands_fail_in_one_line(service: Service, arguments: list[str], stdin: str, status: int) -> None:
    ended = run(*arguments, stdin=stdin, DATABASE_URL=service.database_url)
    assert ended.returncode == status
    assert "Traceback" not in ended.stderr


def test_key_commands_say_when_the_database_is_away() -> None:
    ended = run("keys", "list", DATABASE_URL=f"postgresql://ledger@127.0.0.1:{free_port()}/books")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("error: The ledger's database does not answer.")


def test_each_request_leaves_no_line_in_the_log_but_an_unpriced_one_does(database_url: str) -> None:
    settings = environment(DATABASE_URL=database_url, LEDGER_PORT=str(free_port()))
    process = subprocess.Popen(COMMAND, env=settings, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    service = Service(process, int(settings["LEDGER_PORT"]), database_url)
    try:
        service.wait_ready()
        client = service.client()
        for number in range(20):
            client.book(entry(f"quiet-{number}"))
        client.book(entry("loud", model="claude-next-9"))
    finally:
        service.close_clients()
        process.terminate()
        log = process.communicate(timeout=10)[1]
    assert "quiet-" not in log
    assert log.count("booked as unpriced") == 1
    assert len(log.splitlines()) <= 5
