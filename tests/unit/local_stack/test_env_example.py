"""`.env.example` against the names that the code reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from compose.local import settings as settings_module
from compose.local.layout import PROJECT
from compose.local.programs import (
    BRIDGE_SETTINGS,
    LEDGER_COMMAND_SETTINGS,
    LEDGER_SETTINGS,
    SCORER_SETTINGS,
    SERVICE_SETTINGS,
)
from compose.local.settings import PORTS, Settings
from services.catalog import load_catalogue
from services.cost_ledger.config import Config as LedgerConfig
from services.cost_ledger.reconcile.usage_api import UsageApi
from services.runtime import ConfigError, Env
from services.scorer.config import ScorerConfig
from services.scorer.policy import read_policy
from services.tw_bridge.config import Config as BridgeConfig

EXAMPLE = (PROJECT / ".env.example").read_text("utf-8")
BY_HAND = "# --- For a service that is run by hand"
TOKEN = "a token of more than 16 characters"


def listed(text: str) -> dict[str, str]:
    """The names that a part of the example shows, with their defaults."""
    return dict(re.findall(r"(?m)^# ([A-Z][A-Z0-9_]+)=(.*)$", text))


FOR_USERS, FOR_SERVICES = map(listed, EXAMPLE.split(BY_HAND))


class Recorder(Env):
    """Remembers which names were asked for."""

    names: set[str]

    def optional(self, name: str) -> str | None:
        self.names.add(name)
        return super().optional(name)


def recorder(**values: str) -> Recorder:
    env = Recorder(values)
    env.names = set()
    return env


def names_of_services() -> dict[str, set[str]]:
    read = {}
    for name, config in (("scorer", ScorerConfig), ("cost_ledger", LedgerConfig), ("tw_bridge", BridgeConfig)):
        env = recorder(SERVICE_TOKEN=TOKEN, POSTGRES_USER="ledger")
        config.from_env(env)
        read[name] = env.names
    return read


def names_of_commands() -> set[str]:
    env = recorder(ANTHROPIC_ADMIN_KEY="sk-ant-admin")
    UsageApi.from_env(env)
    return env.names


def names_of_the_stack(project: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    seen: list[Recorder] = []

    def make(values: dict[str, str]) -> Recorder:
        seen.append(recorder(**values))
        return seen[-1]

    monkeypatch.setattr(settings_module, "Env", make)
    Settings.read({}, project)
    return set().union(*(env.names for env in seen))


def names_of_the_nodes() -> set[str]:
    sources = (PROJECT / "n8n-custom-nodes").glob("[!n]*/**/*.ts")
    text = "".join(path.read_text("utf-8") for path in sources)
    # n8n's own, which every n8n process has.
    return set(re.findall(r"process\.env\.([A-Z0-9_]+)", text)) - {"N8N_USER_FOLDER", "EXECUTIONS_MODE"}


def test_every_name_that_is_read_is_listed_and_the_other_way_round(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = names_of_the_stack(project, monkeypatch).union(*names_of_services().values(), names_of_the_nodes())
    read |= names_of_commands()
    assert set(FOR_USERS) | set(FOR_SERVICES) == read


def test_every_name_listed_for_users_works_in_the_embedded_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passed_on = {*SERVICE_SETTINGS, *SCORER_SETTINGS, *LEDGER_SETTINGS, *LEDGER_COMMAND_SETTINGS, *BRIDGE_SETTINGS}
    assert set(FOR_USERS) == names_of_the_stack(project, monkeypatch) | passed_on


@pytest.mark.parametrize(
    ("service", "passed_on"),
    [("scorer", SCORER_SETTINGS), ("cost_ledger", LEDGER_SETTINGS), ("tw_bridge", BRIDGE_SETTINGS)],
)
def test_services_get_every_setting_of_users_that_they_read(service: str, passed_on: tuple[str, ...]) -> None:
    made_by_the_stack = {port.name for port in PORTS} | {"OLLAMA_URL", "ANTHROPIC_API_KEY"}
    wanted = (names_of_services()[service] & FOR_USERS.keys()) - made_by_the_stack
    assert wanted == {*SERVICE_SETTINGS, *passed_on}


def test_no_name_is_listed_twice() -> None:
    names = re.findall(r"(?m)^# ([A-Z][A-Z0-9_]+)=", EXAMPLE)
    assert sorted(set(names)) == sorted(names)


def test_every_line_is_a_comment() -> None:
    assert all(line.startswith("#") for line in EXAMPLE.splitlines() if line)


def test_taking_every_line_as_it_stands_changes_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    plain, set_by_hand = Settings.read({}, project), Settings.read(FOR_USERS, project)
    for name in ("layout", "gateway_host", "ollama_url", "anthropic_url", "owner_email", "start_timeout"):
        assert getattr(set_by_hand, name) == getattr(plain, name), name
    assert set_by_hand.ports == {port.name: port.usual for port in PORTS}
    assert policy_of(FOR_USERS) == policy_of({})
    for config in (ScorerConfig, LedgerConfig):
        assert scalars(config, FOR_USERS) == scalars(config, {})


def scalars(config: type[ScorerConfig | LedgerConfig], values: dict[str, str]) -> dict[str, object]:
    made = config.from_env(Env({"SERVICE_TOKEN": TOKEN, "POSTGRES_USER": "ledger", **values}))
    special = {"policy_file", "policy_overrides", "ollama_url", "tuning_file"}
    return {name: value for name, value in vars(made).items() if name not in special}


def policy_of(values: dict[str, str]) -> dict[str, object]:
    config = ScorerConfig.from_env(Env({"SERVICE_TOKEN": TOKEN, **values}))
    policy = read_policy(config.policy_file, config.policy_overrides, load_catalogue())
    return {name: value for name, value in vars(policy).items() if name != "sources"}


def test_listed_settings_are_checked_when_they_are_wrong(project: Path) -> None:
    with pytest.raises(ConfigError, match="START_TIMEOUT"):
        Settings.read({"START_TIMEOUT": "soon"}, project)
