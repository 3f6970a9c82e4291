"""`python -m services.scorer`: serve until SIGTERM."""

import sys

from services.runtime import run_service
from services.scorer.app import create_app
from services.scorer.config import ScorerConfig

if __name__ == "__main__":
    sys.exit(run_service(ScorerConfig.from_env, create_app, lambda config: config.service))
