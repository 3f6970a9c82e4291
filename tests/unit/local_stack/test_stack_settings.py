from pathlib import Path

import pytest

from compose.local.errors import StackError
from compose.local.settings import is_loopback, read_env_file, write_env_lines
from services.runtime import ConfigError
from tests.unit.local_stack.stack_plans import OpenSettings


def test_defaults_need_no_setting(open_settings: OpenSettings, project: Path) -> None:
    settings = open_settings()
    assert settings.layout.stack == project / ".stack"
    assert settings.layout.n8n == project / ".stack" / "n8n"
    assert (settings.gateway_host, settings.ollama_url) == ("127.0.0.1", "http://127.0.0.1:11434")
    assert settings.ports == {}
    assert settings.anthropic_api_key == ""
    assert settings.gateway_is_local


def test_environment_goes_before_env_file(open_settings: OpenSettings, project: Path) -> None:
    (project / ".env").write_text("GATEWAY_PORT=1111\nSCORER_PORT=2222\nANTHROPIC_API_KEY=from-file\n", "utf-8")
    settings = open_settings(GATEWAY_PORT="3333", ANTHROPIC_API_KEY=" ")
    assert settings.ports == {"GATEWAY_PORT": 3333, "SCORER_PORT": 2222}
    assert settings.anthropic_api_key == "from-file"  # a blank variable says nothing


def test_relative_folders_are_in_the_project(open_settings: OpenSettings, project: Path) -> None:
    assert open_settings(STACK_DIR="elsewhere").layout.stack == project / "elsewhere"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_PORT", "eighty"),
        ("GATEWAY_PORT", "0"),
        ("POSTGRES_PORT", "65536"),
        ("OLLAMA_URL", "localhost:11434"),
        ("ANTHROPIC_BASE_URL", "ftp://somewhere"),
        ("N8N_OWNER_EMAIL", "nobody"),
        ("START_TIMEOUT", "-1"),
    ],
)
def test_bad_value_is_refused_by_the_name_of_its_variable(open_settings: OpenSettings, name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        open_settings(**{name: value})


def test_same_port_twice_is_refused_with_both_names(open_settings: OpenSettings) -> None:
    with pytest.raises(ConfigError, match=r"GATEWAY_PORT.*SCORER_PORT"):
        open_settings(GATEWAY_PORT="8101", SCORER_PORT="8101")


def test_folder_that_would_break_a_configuration_file_is_refused(open_settings: OpenSettings) -> None:
    with pytest.raises(StackError, match="use a folder without them"):
        open_settings(STACK_DIR="a;b")


def test_secret_settings_do_not_show_in_repr(open_settings: OpenSettings) -> None:
    assert "top-secret" not in repr(open_settings(ANTHROPIC_API_KEY="top-secret"))


def test_env_file_with_comments_quotes_and_export(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(
        "# a comment\n\nexport A=1\nB = two words \nC=\"quoted # kept\"\nD='x'\nE=value # a remark\nF=\nG=a#b\nH=#c\n",
        "utf-8",
    )
    assert read_env_file(path) == {
        "A": "1",
        "B": "two words",
        "C": "quoted # kept",
        "D": "x",
        "E": "value",
        "F": "",
        "G": "a#b",
        "H": "",
    }


def test_missing_env_file_is_empty(tmp_path: Path) -> None:
    assert read_env_file(tmp_path / ".env") == {}


def test_broken_line_is_named_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\nnot a setting\n", "utf-8")
    with pytest.raises(StackError, match="line 2"):
        read_env_file(path)


def test_written_lines_are_read_back(tmp_path: Path) -> None:
    values = {"A": "$2b$10$abc./DEF", "B": "7"}
    path = tmp_path / "values.env"
    path.write_text(write_env_lines(values), "utf-8")
    assert read_env_file(path) == values


def test_loopback_is_told_from_other_hosts() -> None:
    assert is_loopback("http://localhost:11434")
    assert is_loopback("http://[::1]:11434")
    assert not is_loopback("http://10.0.0.5:11434")
