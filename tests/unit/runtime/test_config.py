from decimal import Decimal
from pathlib import Path

import pytest

from services.runtime import ConfigError, Env, ServiceConfig

TOKEN = "t" * 16


def test_blank_counts_as_missing() -> None:
    assert Env({"A": "  "}).optional("A") is None
    assert Env({"A": " x "}).text("A") == "x"
    assert Env({}).text("A", "preset") == "preset"


@pytest.mark.parametrize("text", ["true", "YES", "on", "1"])
def test_flags_take_the_usual_words_for_true(text: str) -> None:
    assert Env({"A": text}).flag("A", default=False) is True


@pytest.mark.parametrize("text", ["false", "No", "off", "0"])
def test_flags_take_the_usual_words_for_false(text: str) -> None:
    assert Env({"A": text}).flag("A", default=True) is False


def test_numbers_are_read_with_their_type() -> None:
    env = Env({"I": "7", "R": "0.5", "U": "0.1"})
    assert env.integer("I", low=1, high=9) == 7
    assert env.real("R", low=0, high=1) == 0.5
    assert env.usd("U") == Decimal("0.1")
    assert env.url("X", "http://host:1/") == "http://host:1"


@pytest.mark.parametrize(
    "read",
    [
        lambda env: env.flag("BAD", default=True),
        lambda env: env.integer("BAD", low=0, high=9),
        lambda env: env.real("BAD", low=0, high=9),
        lambda env: env.usd("BAD"),
        lambda env: env.url("BAD"),
        lambda env: env.choice("BAD", ("A", "B"), "A"),
        lambda env: env.secret("BAD"),
        lambda env: env.path("BAD", Path("/")),
    ],
)
@pytest.mark.parametrize("text", ["maybe", "nan", "-1", "1e999"])
def test_a_bad_value_names_the_variable(read: object, text: str) -> None:
    with pytest.raises(ConfigError, match=r"^BAD: "):
        read(Env({"BAD": text}))  # type: ignore[operator]


def test_a_missing_value_without_default_names_the_variable() -> None:
    with pytest.raises(ConfigError, match=r"^SERVICE_TOKEN: must be set"):
        ServiceConfig.from_env(Env({}), port_name="PORT", port=1)


def test_an_error_never_shows_a_secret() -> None:
    with pytest.raises(ConfigError) as caught:
        Env({"SERVICE_TOKEN": "short"}).secret("SERVICE_TOKEN")
    assert "short" not in str(caught.value)


def test_services_listen_on_loopback_unless_told() -> None:
    config = ServiceConfig.from_env(Env({"SERVICE_TOKEN": TOKEN}), port_name="PORT", port=8101)
    assert (config.host, config.port, config.log_level) == ("127.0.0.1", 8101, "INFO")
