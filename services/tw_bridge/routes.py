"""The bridge's HTTP interface."""

from __future__ import annotations

from typing import Any, cast

from flask import Blueprint, current_app

from services.tw_bridge.bridge import Bridge

routes = Blueprint("tw_bridge", __name__)


def _bridge() -> Bridge:
    return cast(Bridge, current_app.extensions["tw_bridge"])


@routes.post("/v1/sync")
def synchronise() -> dict[str, Any]:
    """Bring Taskwarrior level with the ledger."""
    return _bridge().synchronise()


@routes.get("/v1/status")
def status() -> dict[str, Any]:
    """What is recorded, and where."""
    return _bridge().status()
