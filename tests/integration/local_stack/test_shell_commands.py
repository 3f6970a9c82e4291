"""install.sh and deploy-all.sh as a user calls them, short of starting a stack."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from compose.local.layout import PROJECT
from compose.local.ports import remember_ports
from compose.local.secrets import ensure_secrets


def run(script: str, *arguments: str, folder: Path = PROJECT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PROJECT / script), *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("script", ["install.sh", "deploy-all.sh"])
def test_help_is_printed_from_any_folder(script: str, tmp_path: Path) -> None:
    result = run(script, "--help", folder=tmp_path)
    assert result.returncode == 0
    assert result.stdout.startswith(f"Usage: ./{script}")


@pytest.mark.parametrize("words", [("docker",), ("aws", "2"), ("gcp", "4")])
def test_other_targets_are_not_part_of_this_release(words: tuple[str, ...]) -> None:
    result = run("deploy-all.sh", *words)
    assert result.returncode == 2
    assert "not part of this release yet" in result.stderr


@pytest.mark.parametrize("words", [("nonsense",), ("--nonsense",), ("key", "more"), ("stop", "--dry-run")])
def test_wrong_words_end_with_2(words: tuple[str, ...]) -> None:
    result = run("deploy-all.sh", *words)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")


def test_key_prints_the_first_key_and_nothing_else(tmp_path: Path) -> None:
    secrets = ensure_secrets(tmp_path / "secrets.env", data=tmp_path / "data")
    result = run("deploy-all.sh", "key", STACK_DIR=str(tmp_path))
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{secrets.first_api_key}\n", "")


def test_password_prints_the_owners_password_and_nothing_else(tmp_path: Path) -> None:
    secrets = ensure_secrets(tmp_path / "secrets.env", data=tmp_path / "data")
    result = run("deploy-all.sh", "password", STACK_DIR=str(tmp_path))
    assert (result.returncode, result.stdout) == (0, f"{secrets.owner_password}\n")


def test_costs_prints_where_the_page_is_and_its_token(tmp_path: Path) -> None:
    secrets = ensure_secrets(tmp_path / "secrets.env", data=tmp_path / "data")
    remember_ports(tmp_path / "ports.env", {"LEDGER_PORT": 8112})
    result = run("deploy-all.sh", "costs", STACK_DIR=str(tmp_path))
    assert (result.returncode, result.stdout, result.stderr) == (
        0,
        f"page   http://localhost:8112/\ntoken  {secrets.service_token}\n",
        "",
    )


def test_costs_of_a_stack_that_never_ran_says_what_to_do(tmp_path: Path) -> None:
    ensure_secrets(tmp_path / "secrets.env", data=tmp_path / "data")
    result = run("deploy-all.sh", "costs", STACK_DIR=str(tmp_path))
    assert result.returncode == 1
    assert "run ./deploy-all.sh first" in result.stderr


@pytest.mark.parametrize("words", [("recalibrate", "--apply", "--quality", "0.95"), ("ledger", "keys", "list")])
def test_commands_without_a_stack_say_what_to_do(tmp_path: Path, words: tuple[str, ...]) -> None:
    result = run("deploy-all.sh", *words, STACK_DIR=str(tmp_path / "none"))
    assert result.returncode == 1
    assert "run ./deploy-all.sh first" in result.stderr
    assert not (tmp_path / "none").exists()


def test_stop_without_a_stack_is_fine(tmp_path: Path) -> None:
    result = run("deploy-all.sh", "stop", STACK_DIR=str(tmp_path / "none"))
    assert result.returncode == 0
    assert "nothing was running" in result.stdout
    assert not (tmp_path / "none").exists()


def test_dry_run_makes_nothing(tmp_path: Path) -> None:
    result = run("deploy-all.sh", "--dry-run", STACK_DIR=str(tmp_path / "none"), GATEWAY_PORT="18080")
    assert result.returncode == 0, result.stderr
    assert "http://localhost:18080" in result.stdout
    assert not (tmp_path / "none").exists()


def test_second_install_is_done_within_a_second() -> None:
    assert run("install.sh").returncode == 0
    begin = time.monotonic()
    result = run("install.sh")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert time.monotonic() - begin < 1.5  # a second, and some room for a busy machine
