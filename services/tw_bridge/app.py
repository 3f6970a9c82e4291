"""The bridge's application factory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask

from services.runtime import create_service_app
from services.tw_bridge.bridge import Bridge
from services.tw_bridge.config import Config
from services.tw_bridge.cursor import CursorFile
from services.tw_bridge.folder import StoreFolder
from services.tw_bridge.follower import Follower
from services.tw_bridge.ledger import LedgerReader
from services.tw_bridge.metrics import BridgeMetrics
from services.tw_bridge.routes import routes
from services.tw_bridge.sync import Sync
from services.tw_bridge.taskwarrior import TaskStore


def create_app(
    config: Config,
    *,
    store: TaskStore | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Flask:
    """The bridge as a Flask app that follows the ledger, on the store of `config` unless one is given.

    Neither the ledger nor Taskwarrior has to be there. `app.extensions["tw_bridge"].stop()` ends it.
    """
    store = store or TaskStore(StoreFolder(config.store))
    metrics = BridgeMetrics()
    ledger = LedgerReader(config.ledger_url, config.service.service_token)
    cursor = CursorFile(store.folder.path / "ledger.cursor")
    sync = Sync(ledger, store, cursor, metrics, clock or _utc_now)
    follower = Follower(sync, config.sync_seconds) if config.enabled and config.sync_seconds > 0 else None
    bridge = Bridge(sync, follower, config.enabled)
    checks = {"taskwarrior": store.problem, "sync": bridge.sync_problem} if config.enabled else {}
    app = create_service_app("tw_bridge", config.service, routes, optional=checks, registry=metrics.registry)
    app.extensions["tw_bridge"] = bridge
    if follower is not None:
        follower.start()
    return app


def _utc_now() -> datetime:
    return datetime.now(UTC)
