"""What every service needs once: configuration, logs, errors, health, metrics, the token, start-up."""

from services.runtime.app import Check, create_service_app
from services.runtime.config import ConfigError, Env, ServiceConfig
from services.runtime.errors import ApiError
from services.runtime.logs import configure_logging, request_id
from services.runtime.server import run_service, serve
from services.runtime.validation import load_schema, parse_body

__all__ = [
    "ApiError",
    "Check",
    "ConfigError",
    "Env",
    "ServiceConfig",
    "configure_logging",
    "create_service_app",
    "load_schema",
    "parse_body",
    "request_id",
    "run_service",
    "serve",
]
