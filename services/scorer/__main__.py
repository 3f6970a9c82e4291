"""`python -m services.scorer`: serve until SIGTERM."""

import sys
from contextlib import ExitStack
from operator import attrgetter

from flask import Flask

from services.runtime import run_service
from services.runtime.migrate import MigrationError
from services.scorer.app import create_app
from services.scorer.config import ScorerConfig


def main() -> int:
    """The exit status: 0, 1 when the start failed, 2 when a setting is wrong."""
    with ExitStack() as cleanup:

        def start(config: ScorerConfig) -> Flask:
            app = create_app(config)
            recorder = app.extensions["scorer_recorder"]
            if recorder is not None:
                cleanup.callback(recorder.close)
            return app

        try:
            return run_service(ScorerConfig.from_env, start, attrgetter("service"))
        except MigrationError as error:
            print(f"cannot start: {error}", file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main())
