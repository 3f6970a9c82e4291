"""The bridge's HTTP interface without a ledger and without Taskwarrior."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from services.runtime import ServiceConfig
from services.tw_bridge.app import create_app
from services.tw_bridge.config import Config

TOKEN = "test-token-of-16"
AUTH = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))
    service = ServiceConfig("127.0.0.1", 1, TOKEN, "INFO", 1)
    return Config(service, store=tmp_path / "store", ledger_url="http://127.0.0.1:9", sync_seconds=0)


@pytest.fixture
def client(config: Config) -> Iterator[FlaskClient]:
    app = create_app(config)
    yield app.test_client()
    app.extensions["tw_bridge"].stop()


def test_without_taskwarrior_it_is_ready_with_a_warning(client: FlaskClient) -> None:
    response = client.get("/readyz")
    assert (response.status_code, response.get_json()["status"]) == (200, "degraded")
    assert "apt install taskwarrior" in response.get_json()["warnings"]["taskwarrior"]


def test_without_taskwarrior_a_sync_is_a_503_and_leaves_no_trace(client: FlaskClient, config: Config) -> None:
    response = client.post("/v1/sync", headers=AUTH)
    assert (response.status_code, response.get_json()["error"]["code"]) == (503, "taskwarrior_missing")
    assert list(client.get("/readyz").get_json()["warnings"]) == ["taskwarrior"]
    assert not config.store.exists()


def test_the_status_of_a_bridge_that_has_done_nothing(client: FlaskClient, config: Config) -> None:
    assert client.get("/v1/status", headers=AUTH).json == {
        "enabled": True,
        "taskwarrior": None,
        "store": str(config.store),
        "taskrc": str(config.store / "taskrc"),
        "cursor": None,
        "imported": 0,
        "last_sync": None,
        "error": None,
    }


def test_switched_off_it_warns_of_nothing_and_refuses_to_sync(config: Config) -> None:
    app = create_app(Config(config.service, config.store, sync_seconds=0.1, enabled=False))
    client = app.test_client()
    assert client.get("/readyz").get_json()["status"] == "ok"
    response = client.post("/v1/sync", headers=AUTH)
    assert (response.status_code, response.get_json()["error"]["code"]) == (409, "taskwarrior_logging_off")
    assert client.get("/v1/status", headers=AUTH).get_json()["enabled"] is False
    app.extensions["tw_bridge"].stop()
    assert not config.store.exists()


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/sync"), ("GET", "/v1/status")])
def test_without_the_token_nothing_is_told(client: FlaskClient, method: str, path: str) -> None:
    assert client.open(path, method=method).status_code == 401
