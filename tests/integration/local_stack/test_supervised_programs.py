"""supervisord with real programs: PostgreSQL, Valkey and the two services that need no n8n."""

from __future__ import annotations

import os
import signal
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest
import requests

from compose.local import gateway
from compose.local.errors import StackError
from compose.local.health import health_checks, wait_until
from compose.local.plan import Plan
from compose.local.postgres import connect, ensure_cluster, ensure_databases
from compose.local.processes import end_processes, stack_processes, wait_for
from compose.local.programs import Program, plan_programs
from compose.local.supervisord import Supervisor, write_conf


def programs_of(plan: Plan, *names: str) -> list[Program]:
    return [program for program in plan_programs(plan) if program.name in names]


def supervise(plan: Plan, *names: str) -> Supervisor:
    """supervisord with the programs of these names, all ready."""
    supervisor = Supervisor(plan.layout)
    write_conf(plan.layout, programs_of(plan, *names))
    supervisor.start()
    for name in names:
        assert supervisor.start_program(name)
        ready(plan, supervisor, name)
    return supervisor


@pytest.fixture
def with_valkey(plan: Plan) -> Supervisor:
    return supervise(plan, "valkey")


@pytest.fixture
def with_databases(plan: Plan) -> Supervisor:
    assert ensure_cluster(plan.layout, plan.secrets)
    return supervise(plan, "postgres", "valkey")


def ready(plan: Plan, supervisor: Supervisor, name: str) -> None:
    wait_until(health_checks(plan)[name], supervisor, name, plan.layout.logs / f"{name}.log", 30)


def pid_of(supervisor: Supervisor, name: str) -> int:
    return supervisor.states()[name].pid


def test_program_stays_as_it_is_when_nothing_changed(plan: Plan, with_valkey: Supervisor) -> None:
    before = pid_of(with_valkey, "valkey")
    write_conf(plan.layout, programs_of(plan, "valkey"))
    with_valkey.apply()
    assert not with_valkey.start_program("valkey")
    assert pid_of(with_valkey, "valkey") == before


def test_changed_program_alone_is_restarted(plan: Plan, with_databases: Supervisor) -> None:
    before = {name: pid_of(with_databases, name) for name in ("postgres", "valkey")}
    conf = plan.layout.run / "valkey.conf"
    postgres, valkey = programs_of(plan, "postgres", "valkey")
    changed = replace(valkey, files={conf: valkey.files[conf].replace("maxmemory 128mb", "maxmemory 64mb")})
    write_conf(plan.layout, [postgres, changed])
    with_databases.apply()
    assert with_databases.start_program("valkey")
    ready(plan, with_databases, "valkey")
    assert pid_of(with_databases, "postgres") == before["postgres"]
    assert pid_of(with_databases, "valkey") != before["valkey"]


def test_killed_program_comes_back(plan: Plan, with_valkey: Supervisor) -> None:
    pid = pid_of(with_valkey, "valkey")
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: pid_of(with_valkey, "valkey") not in (0, pid), 10, "not restarted")
    ready(plan, with_valkey, "valkey")


def test_stop_leaves_no_process(plan: Plan, with_databases: Supervisor) -> None:
    assert {"postgres", "valkey"} <= set(stack_processes(plan.layout).values())
    with_databases.shutdown()
    assert stack_processes(plan.layout) == {}
    assert not with_databases.is_running()
    assert with_databases.states() == {}
    with_databases.shutdown()  # again, with nothing there


def test_what_a_crashed_supervisord_leaves_is_found_and_ended(plan: Plan, with_databases: Supervisor) -> None:
    parent = int((plan.layout.run / "supervisord.pid").read_text("ascii"))
    os.kill(parent, signal.SIGKILL)
    assert {"postgres", "valkey"} <= set(stack_processes(plan.layout).values())
    end_processes(plan.layout)
    assert stack_processes(plan.layout) == {}
    with_databases.start()
    assert with_databases.start_program("postgres")
    ready(plan, with_databases, "postgres")


def test_databases_are_made_once_and_each_role_sees_its_own_only(plan: Plan, with_databases: Supervisor) -> None:
    port = plan.ports["POSTGRES_PORT"]
    for _ in range(2):
        ensure_databases(port, plan.secrets)
    assert not ensure_cluster(plan.layout, plan.secrets)
    with closing(psycopg.connect(plan.n8n_database_url, connect_timeout=5)) as connection:
        connection.execute("CREATE TABLE mine (id int)")
    for name in ("ledger", "scorer"):
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(plan.n8n_database_url, dbname=name, connect_timeout=5)
    with closing(connect(port, plan.secrets)) as connection:
        encoding = connection.execute("SHOW server_encoding").fetchone()
        hosts = connection.execute("SHOW listen_addresses").fetchone()
    assert (encoding, hosts) == (("UTF8",), ("127.0.0.1",))
    other = replace(plan, secrets=replace(plan.secrets, postgres_password="another"))
    with pytest.raises(StackError, match="does not fit the databases"):
        health_checks(other)["postgres"]()


def test_program_that_gives_up_is_named_with_the_end_of_its_log(plan: Plan, with_valkey: Supervisor) -> None:
    with_valkey.stop_program("valkey")
    (plan.layout.logs / "valkey.log").write_text("the last words\n", "utf-8")
    with pytest.raises(StackError, match=r"valkey does not stay up[^$]*the last words"):
        ready(plan, with_valkey, "valkey")


def test_services_come_up_and_the_first_key_is_registered_once(plan: Plan, with_databases: Supervisor) -> None:
    ensure_databases(plan.ports["POSTGRES_PORT"], plan.secrets)
    names = ("scorer", "cost_ledger")
    write_conf(plan.layout, programs_of(plan, "postgres", "valkey", *names))
    with_databases.apply()
    for name in names:
        with_databases.start_program(name)
    for name in names:
        ready(plan, with_databases, name)
    for _ in range(2):
        gateway.register_first_key(plan)
    assert [key["name"] for key in ledger_keys(plan)] == ["first"]
    assert gateway.available_models(plan) == []


def ledger_keys(plan: Plan) -> list[dict[str, str]]:
    headers = {"Authorization": f"Bearer {plan.secrets.service_token}"}
    answer = requests.get(f"{plan.url('LEDGER_PORT')}/v1/keys", headers=headers, timeout=10)
    keys: list[dict[str, str]] = answer.json()["keys"]
    return keys


def test_wrong_setting_of_a_service_ends_the_start_at_once_with_its_name(plan: Plan) -> None:
    scorer = programs_of(plan, "scorer")[0]
    wrong = replace(scorer, environment={**scorer.environment, "REDIS_CACHE_TTL": "soon"})
    supervisor = Supervisor(plan.layout)
    write_conf(plan.layout, [wrong])
    supervisor.start()
    supervisor.start_program("scorer")
    with pytest.raises(StackError, match="REDIS_CACHE_TTL: must be a whole number"):
        ready(plan, supervisor, "scorer")
