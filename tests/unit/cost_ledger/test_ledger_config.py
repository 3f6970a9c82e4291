"""The ledger's settings."""

from __future__ import annotations

from decimal import Decimal

import pytest
from psycopg.conninfo import conninfo_to_dict

from services.catalog import load_catalogue
from services.cost_ledger.app import check_baseline
from services.cost_ledger.config import Config
from services.cost_ledger.times import utc_now
from services.runtime import ConfigError, Env

TOKEN = {"SERVICE_TOKEN": "a-token-for-tests"}
URL = {"DATABASE_URL": "postgresql://ledger:hunter22@db:5433/books"}


def config(**settings: str) -> Config:
    return Config.from_env(Env(TOKEN | settings))


def test_the_defaults_need_only_a_token_and_a_database() -> None:
    read = config(**URL)
    assert (read.service.port, read.baseline_model, read.machine_cost_monthly) == (8102, "claude-sonnet", Decimal(0))
    assert read.database == URL["DATABASE_URL"]


def test_the_database_can_be_named_in_parts() -> None:
    read = config(POSTGRES_USER="ledger", POSTGRES_PASSWORD="p @'ss", POSTGRES_PORT="5433")
    assert conninfo_to_dict(read.database) == {
        "host": "127.0.0.1",
        "port": "5433",
        "user": "ledger",
        "password": "p @'ss",
        "dbname": "ledger",
    }


def test_the_url_goes_before_the_parts() -> None:
    assert config(POSTGRES_USER="other", **URL).database == URL["DATABASE_URL"]


def test_the_database_never_shows_in_the_settings_text() -> None:
    assert "hunter22" not in repr(config(**URL))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://ledger:hunter22@db/books"),
        ("DATABASE_URL", "postgresql+psycopg://ledger:hunter22@db/books"),
        ("DATABASE_URL", "postgresql://ledger:hunter22@db:port/books"),
        ("DATABASE_URL", "postgresql://ledger:hunter22@db/books?color=red"),
        ("LEDGER_PORT", "70000"),
        ("MACHINE_COST_MONTHLY", "-1"),
        ("MACHINE_COST_MONTHLY", "NaN"),
        ("SERVICE_TOKEN", "short"),
    ],
)
def test_a_wrong_setting_is_named_and_no_password_told(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name) as caught:
        config(**{**URL, name: value})
    assert "hunter22" not in str(caught.value)


def test_without_a_database_both_ways_to_name_it_are_told() -> None:
    with pytest.raises(ConfigError, match="POSTGRES_USER: must be set, or else DATABASE_URL"):
        config()


def test_the_baseline_must_be_a_model_of_the_catalogue() -> None:
    check_baseline("claude-sonnet", load_catalogue(), utc_now())
    with pytest.raises(ConfigError, match=r"BASELINE_MODEL: Unknown model 'gpt-9'"):
        check_baseline("gpt-9", load_catalogue(), utc_now())
