"""The environment that n8n runs in: its database, its addresses, its owner, and no calls home."""

from __future__ import annotations

from collections.abc import Mapping

from compose.local.layout import PATH
from compose.local.postgres import database_settings
from compose.local.secrets import Secrets
from compose.local.settings import Settings

GRACE_SECONDS = 20
"""How long n8n may take to finish what runs when it is told to stop."""

# Settings of n8n itself that a user may give in .env; those of the stack go before them.
_USER_PREFIXES = ("N8N_", "EXECUTIONS_", "GENERIC_TIMEZONE")
_NOT_FOR_N8N = frozenset({"N8N_DIR", "N8N_OWNER_EMAIL"})
_LOG_LEVELS = {"DEBUG": "debug", "INFO": "info", "WARNING": "warn", "ERROR": "error"}

_DEFAULTS = {
    "GENERIC_TIMEZONE": "UTC",
    "EXECUTIONS_DATA_SAVE_ON_SUCCESS": "none",
    "EXECUTIONS_DATA_SAVE_ON_ERROR": "all",
    "EXECUTIONS_DATA_PRUNE": "true",
    "EXECUTIONS_DATA_MAX_AGE": "168",  # hours
    "EXECUTIONS_TIMEOUT": "600",  # seconds
    "N8N_PAYLOAD_SIZE_MAX": "32",  # MB, as much as Anthropic's API takes: images come with the messages
    "N8N_DIAGNOSTICS_ENABLED": "false",
    "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
    "N8N_TEMPLATES_ENABLED": "false",
    "N8N_PERSONALIZATION_ENABLED": "false",
    "N8N_HIRING_BANNER_ENABLED": "false",
    "N8N_DYNAMIC_BANNERS_ENABLED": "false",
    "N8N_LICENSE_AUTO_RENEW_ENABLED": "false",
    "N8N_VERIFIED_PACKAGES_ENABLED": "false",
    "N8N_UNVERIFIED_PACKAGES_ENABLED": "true",
    "N8N_REINSTALL_MISSING_PACKAGES": "false",
    # The first calls home at every start; the second needs a vendor's key. 35 MB less.
    "N8N_DISABLED_MODULES": "mcp-registry,instance-ai",
}

# What makes the request path quick: no isolate per execution, fewer statements, a pool of connections.
_FAST = {
    "NODE_ENV": "production",
    "N8N_EXPRESSION_ENGINE_LAZY_ACQUIRE": "true",
    "SKIP_STATISTICS_EVENTS": "1",
    "DB_POSTGRESDB_STATEMENT_TIMEOUT": "0",
    "DB_POSTGRESDB_POOL_SIZE": "8",
}


def n8n_environment(settings: Settings, ports: Mapping[str, int], secrets: Secrets) -> dict[str, str]:
    """Every variable of the n8n process; nothing else of the caller's environment reaches it."""
    return {
        **_DEFAULTS,
        "N8N_LOG_LEVEL": _LOG_LEVELS.get(settings.values.get("LOG_LEVEL", "").strip().upper(), "info"),
        "N8N_SECURE_COOKIE": str(not settings.gateway_is_local).lower(),
        **_from_user(settings.values),
        **_FAST,
        **_database(settings, ports, secrets),
        **_addresses(settings, ports),
        **_owner(settings, secrets),
        "PATH": f"{settings.layout.n8n / 'node_modules' / '.bin'}:{PATH}",
        "HOME": str(settings.layout.n8n_home),
        "N8N_USER_FOLDER": str(settings.layout.n8n_home),
        "N8N_ENCRYPTION_KEY": secrets.n8n_encryption_key,
        "N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS": "true",
        "N8N_GRACEFUL_SHUTDOWN_TIMEOUT": str(GRACE_SECONDS),
        "HYBRID_AI_SPOOL_DIR": str(settings.layout.spool),
    }


def _from_user(values: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in values.items() if k.startswith(_USER_PREFIXES) and k not in _NOT_FOR_N8N}


def _database(settings: Settings, ports: Mapping[str, int], secrets: Secrets) -> dict[str, str]:
    place = dict(database_settings("n8n", ports["POSTGRES_PORT"], secrets))
    # An execution has about 30 round trips; over a Unix socket they cost n8n a tenth less CPU in all.
    if settings.layout.postgres_socket_dir is not None:
        place["host"] = str(settings.layout.postgres_socket_dir)
    return {"DB_TYPE": "postgresdb"} | {f"DB_POSTGRESDB_{name.upper()}": value for name, value in place.items()}


def _addresses(settings: Settings, ports: Mapping[str, int]) -> dict[str, str]:
    port = str(ports["GATEWAY_PORT"])
    return {
        "N8N_HOST": "localhost" if settings.gateway_is_local else settings.gateway_host,
        "N8N_PORT": port,
        "N8N_LISTEN_ADDRESS": settings.gateway_host,
        "N8N_PROTOCOL": "http",
        "N8N_ENDPOINT_WEBHOOK": "api",
        "N8N_PUBLIC_API_ENDPOINT": "n8n-api",
        "N8N_RUNNERS_BROKER_PORT": str(ports["RUNNER_PORT"]),
    }


def _owner(settings: Settings, secrets: Secrets) -> dict[str, str]:
    return {
        "N8N_INSTANCE_OWNER_MANAGED_BY_ENV": "true",
        "N8N_INSTANCE_OWNER_EMAIL": settings.owner_email,
        "N8N_INSTANCE_OWNER_FIRST_NAME": "Stack",
        "N8N_INSTANCE_OWNER_LAST_NAME": "Owner",
        "N8N_INSTANCE_OWNER_PASSWORD_HASH": secrets.owner_password_hash,
    }
