import json
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from compose.local import launch
from compose.local.layout import Layout
from compose.local.plan import Plan
from compose.local.programs import Program, ledger_environment, plan_programs, scorer_environment
from compose.local.settings import Settings
from compose.local.supervisord import launch_fingerprint, launch_path, render_conf, write_conf
from tests.unit.local_stack.stack_plans import SECRETS, OpenSettings, plan_of

ORDER = ["postgres", "valkey", "local_model", "scorer", "cost_ledger", "tw_bridge", "n8n"]


def programs_of(plan: Plan) -> dict[str, Program]:
    return {program.name: program for program in plan_programs(plan)}


def changed(before: Plan, after: Plan) -> set[str]:
    """The names of the programs that would be restarted."""
    old, new = programs_of(before), programs_of(after)
    return {name for name in new if name not in old or old[name].fingerprint != new[name].fingerprint}


@pytest.fixture
def plan(open_settings: OpenSettings) -> Plan:
    return plan_of(open_settings())


def test_databases_start_first_and_n8n_last(plan: Plan) -> None:
    assert [program.name for program in plan_programs(plan)] == ORDER


def test_own_model_server_and_bridge_run_only_when_needed(open_settings: OpenSettings) -> None:
    names = programs_of(plan_of(open_settings(), own_model=False, bridge=False))
    assert "local_model" not in names
    assert "tw_bridge" not in names


def test_every_program_carries_the_mark_of_its_stack(plan: Plan) -> None:
    for program in plan_programs(plan):
        assert program.environment["HYBRID_AI_STACK"] == str(plan.layout.stack)
        assert program.environment["HYBRID_AI_STACK_PROGRAM"] == program.name


def test_nothing_of_the_callers_environment_reaches_the_programs(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMETHING_PRIVATE", "x")
    assert not any("SOMETHING_PRIVATE" in program.environment for program in plan_programs(plan))


def test_secrets_are_on_no_command_line(plan: Plan) -> None:
    for program in plan_programs(plan):
        assert "made-up" not in " ".join(program.command)
        assert "made-up" not in repr(program)


def test_cloud_key_reaches_the_scorer_only(open_settings: OpenSettings) -> None:
    plan = plan_of(open_settings(ANTHROPIC_API_KEY="sk-x"))
    having = {program.name for program in plan_programs(plan) if "sk-x" in program.environment.values()}
    assert having == {"scorer"}  # n8n has it in its encrypted credential


def test_ledger_and_scorer_have_databases_of_their_own(plan: Plan) -> None:
    places = {}
    for name in ("scorer", "cost_ledger"):
        environment = programs_of(plan)[name].environment
        places[name] = {key: environment[f"POSTGRES_{key}"] for key in ("USER", "PASSWORD", "DB", "HOST", "PORT")}
    assert (places["scorer"]["USER"], places["scorer"]["DB"]) == ("scorer", "scorer")
    assert (places["cost_ledger"]["USER"], places["cost_ledger"]["DB"]) == ("ledger", "ledger")
    assert places["scorer"]["PASSWORD"] != places["cost_ledger"]["PASSWORD"]


def test_what_is_learned_lies_with_the_data_unless_the_user_says_where(open_settings: OpenSettings) -> None:
    plan = plan_of(open_settings())
    file = programs_of(plan)["scorer"].environment["SCORER_TUNING_FILE"]
    assert file == str(plan.layout.data / "scorer-tuning.json")
    chosen = programs_of(plan_of(open_settings(SCORER_TUNING_FILE="/srv/tuning.json")))["scorer"]
    assert chosen.environment["SCORER_TUNING_FILE"] == "/srv/tuning.json"


def test_the_recalibration_sees_what_the_scorer_sees_and_is_no_program_of_the_stack(plan: Plan) -> None:
    environment = scorer_environment(plan)
    assert environment["POSTGRES_DB"] == "scorer"
    assert not any(name.startswith("HYBRID_AI_STACK") for name in environment)


def test_commands_of_the_ledger_see_its_books_and_the_key_for_the_usage_report(open_settings: OpenSettings) -> None:
    plan = plan_of(open_settings(ANTHROPIC_ADMIN_KEY="sk-ant-admin-x", BASELINE_MODEL="claude-opus"))
    environment = ledger_environment(plan)
    assert (environment["POSTGRES_DB"], environment["BASELINE_MODEL"]) == ("ledger", "claude-opus")
    assert environment["ANTHROPIC_ADMIN_KEY"] == "sk-ant-admin-x"
    assert "ANTHROPIC_ADMIN_KEY" not in programs_of(plan)["cost_ledger"].environment
    assert not any(name.startswith("HYBRID_AI_STACK") for name in environment)


def test_changed_setting_restarts_only_the_program_that_reads_it(open_settings: OpenSettings, plan: Plan) -> None:
    assert changed(plan, plan_of(open_settings())) == set()
    assert changed(plan, plan_of(open_settings(COMPLEXITY_THRESHOLD="0.5"))) == {"scorer"}
    assert changed(plan, plan_of(open_settings(SCORER_KEEP_PROMPTS="true"))) == {"scorer"}
    assert changed(plan, plan_of(open_settings(BASELINE_MODEL="claude-opus"))) == {"cost_ledger"}
    assert changed(plan, plan_of(open_settings(TW_SYNC_SECONDS="5"))) == {"tw_bridge"}
    assert changed(plan, plan_of(open_settings(EXECUTIONS_TIMEOUT="60"))) == {"n8n"}
    assert changed(plan, plan_of(open_settings(UNRELATED="1"))) == set()


def test_changed_code_restarts_the_services_that_run_it(plan: Plan, project: Path) -> None:
    before = {name: program.fingerprint for name, program in programs_of(plan).items()}
    (project / "services" / "catalog").mkdir(parents=True)
    (project / "services" / "catalog" / "models.toml").write_text("# edited", "utf-8")
    after = {name: program.fingerprint for name, program in programs_of(plan).items()}
    assert {name for name in after if after[name] != before[name]} == {"scorer", "cost_ledger", "tw_bridge"}


def test_user_may_change_n8n_but_not_what_the_stack_needs(open_settings: OpenSettings) -> None:
    plan = plan_of(open_settings(N8N_METRICS="true", N8N_PORT="1", GENERIC_TIMEZONE="Europe/Berlin", N8N_DIR="x"))
    environment = programs_of(plan)["n8n"].environment
    assert environment["N8N_METRICS"] == "true"
    assert environment["GENERIC_TIMEZONE"] == "Europe/Berlin"
    assert environment["N8N_PORT"] == "18080"
    assert "N8N_DIR" not in environment


@pytest.mark.parametrize(
    ("host", "listens", "named", "secure_cookie"),
    [
        ("127.0.0.1", "127.0.0.1", "http://localhost:18080", "false"),
        ("::1", "::1", "http://localhost:18080", "false"),
        ("0.0.0.0", "0.0.0.0", "http://localhost:18080", "true"),  # noqa: S104
        ("192.168.1.2", "192.168.1.2", "http://192.168.1.2:18080", "true"),
    ],
)
def test_gateway_host_decides_where_n8n_listens(
    open_settings: OpenSettings, host: str, listens: str, named: str, secure_cookie: str
) -> None:
    plan = plan_of(open_settings(GATEWAY_HOST=host))
    environment = programs_of(plan)["n8n"].environment
    assert environment["N8N_LISTEN_ADDRESS"] == listens
    assert environment["N8N_SECURE_COOKIE"] == secure_cookie
    assert plan.gateway_url == named


def test_internal_programs_listen_on_loopback(plan: Plan) -> None:
    programs = programs_of(plan)
    assert "listen_addresses=127.0.0.1" in programs["postgres"].command
    assert "bind 127.0.0.1\n" in "".join(programs["valkey"].files.values())
    for name in ("scorer", "cost_ledger", "tw_bridge"):
        assert programs[name].environment["SERVICE_HOST"] == "127.0.0.1"


@pytest.mark.parametrize(("folder", "over_socket"), [("stack", True), ("d" * 100, False), ("a,b", False)])
def test_n8n_reaches_its_database_over_a_unix_socket_where_there_can_be_one(
    open_settings: OpenSettings, folder: str, over_socket: bool
) -> None:
    with tempfile.TemporaryDirectory() as parent:
        stack = Path(parent) / folder
        programs = programs_of(plan_of(open_settings(STACK_DIR=str(stack))))
        place = str(stack / "data" / "postgres") if over_socket else ""
        assert f"unix_socket_directories={place}" in programs["postgres"].command
        assert programs["n8n"].environment["DB_POSTGRESDB_HOST"] == (place or "127.0.0.1")


def test_conf_is_what_supervisord_reads_back(open_settings: OpenSettings, project: Path) -> None:
    settings = open_settings(STACK_DIR=str(project / "a stack"))
    layout, plan = settings.layout, plan_of(settings)
    layout.prepare()
    programs = plan_programs(plan)
    write_conf(layout, programs)
    options = ServerOptions()
    options.realize(args=["-c", str(layout.supervisor_conf)], doc="")
    read = {group.name: group.process_configs[0] for group in options.process_group_configs}
    assert sorted(read) == sorted(ORDER)
    for program in programs:
        config = read[program.name]
        assert config.command.endswith(program.fingerprint)
        assert f"'{launch_path(layout, program.name)}'" in config.command
        assert (config.autostart, config.stopwaitsecs) == (False, program.stop_seconds)
        assert config.stdout_logfile == str(layout.logs / f"{program.name}.log")
        assert config.stdout_logfile_backups == 3
    priorities = {name: config.priority for name, config in read.items()}
    assert sorted(priorities, key=priorities.__getitem__) == ORDER
    assert options.configroot.supervisord.server_configs[0]["chmod"] == 0o600


def test_written_files_are_private_and_secrets_are_not_in_the_conf(plan: Plan) -> None:
    plan.layout.prepare()
    write_conf(plan.layout, plan_programs(plan))
    files = [path for path in plan.layout.run.iterdir() if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert "made-up" not in plan.layout.supervisor_conf.read_text("utf-8")
    assert SECRETS.redis_password in (plan.layout.run / "valkey.conf").read_text("utf-8")


def test_last_written_fingerprint_is_known(plan: Plan) -> None:
    plan.layout.prepare()
    programs = plan_programs(plan)
    assert launch_fingerprint(plan.layout, "scorer") is None
    write_conf(plan.layout, programs)
    for program in programs:
        assert launch_fingerprint(plan.layout, program.name) == program.fingerprint


def test_percent_signs_are_kept_from_supervisords_expansion(tmp_path: Path) -> None:
    layout = Layout(tmp_path, tmp_path / "stack", tmp_path / "n8n")
    program = Program("echo", ("/bin/echo",), {}, Path("/"), code="")
    assert "%(" not in render_conf(layout, [program])


def test_launch_gives_a_program_its_variables_and_no_others(tmp_path: Path) -> None:
    leftover, target = tmp_path / "crash.journal", tmp_path / "program.json"
    leftover.touch()
    script = "import os, json; print(json.dumps([dict(os.environ), os.getcwd()]))"
    description = {
        "command": [sys.executable, "-S", "-E", "-c", script],
        "environment": {"ONLY": "this"},
        "folder": str(tmp_path),
        "account": None,
        "discard": [str(leftover), str(tmp_path / "never there")],
    }
    target.write_text(json.dumps(description), "utf-8")
    command = [sys.executable, "-S", "-E", launch.__file__, str(target), "fingerprint"]
    result = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=30, env={**os.environ, "OTHER": "x"}
    )
    environment, folder = json.loads(result.stdout)
    environment.pop("LC_CTYPE", None)  # Python adds it to its own environment
    assert environment == {"ONLY": "this"}
    assert folder == str(tmp_path)
    assert not leftover.exists()


def test_settings_of_the_tests_own_machine_do_not_leak(open_settings: OpenSettings) -> None:
    settings: Settings = open_settings()
    assert settings.values == {}
