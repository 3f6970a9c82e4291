"""`python -m services.tw_bridge`: serve until SIGTERM, and follow the ledger meanwhile."""

import sys
from contextlib import ExitStack
from operator import attrgetter

from flask import Flask

from services.runtime import run_service
from services.tw_bridge.app import create_app
from services.tw_bridge.config import Config


def main() -> int:
    """The exit status: 0, 1 when the start failed, 2 when a setting is wrong."""
    with ExitStack() as cleanup:

        def start(config: Config) -> Flask:
            app = create_app(config)
            cleanup.callback(app.extensions["tw_bridge"].stop)
            return app

        return run_service(Config.from_env, start, attrgetter("service"))


if __name__ == "__main__":
    sys.exit(main())
