"""Serving a Flask app with waitress, and ending cleanly on SIGTERM or Ctrl-C."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn, TypeVar

from flask import Flask
from waitress import create_server

from services.runtime.config import ConfigError, Env, ServiceConfig
from services.runtime.logs import configure_logging

log = logging.getLogger(__name__)

Config = TypeVar("Config")


def serve(app: Flask, config: ServiceConfig) -> None:
    """Serve until SIGTERM or SIGINT, then answer what has begun and return.

    Raises OSError when the port is taken.
    """
    server = create_server(
        app, host=config.host, port=config.port, threads=config.threads, ident=None, clear_untrusted_proxy_headers=True
    )
    # waitress leaves its loop, and waits for running requests, on SystemExit.
    signal.signal(signal.SIGTERM, _leave)
    log.info("listening", extra={"host": config.host, "port": config.port})
    server.run()
    server.close()
    log.info("stopped")


def run_service(
    read_config: Callable[[Env], Config],
    create_app: Callable[[Config], Flask],
    service: Callable[[Config], ServiceConfig],
) -> int:
    """Read the settings, make the app and serve it; the exit status for `sys.exit`.

    A wrong setting or a failed start prints one line that names the cause, and gives 2 or 1.
    """
    try:
        config = read_config(Env(os.environ))
    except ConfigError as error:
        print(f"configuration error: {error}", file=sys.stderr)  # noqa: T201 (logging is not set up yet)
        return 2
    configure_logging(service(config).log_level)
    try:
        serve(create_app(config), service(config))
    except OSError as error:
        log.error("cannot start: %s", error)
        return 1
    return 0


def _leave(signum: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)
