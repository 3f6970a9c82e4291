"""The settings that name a PostgreSQL database."""

from __future__ import annotations

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from services.runtime.config import ConfigError, Env


def database_from_env(env: Env) -> str:
    """The libpq connection string of DATABASE_URL, or else of POSTGRES_HOST, _PORT, _USER, _PASSWORD, _DB."""
    conninfo = optional_database_from_env(env)
    if conninfo is None:
        raise ConfigError("POSTGRES_USER", "must be set, or else DATABASE_URL")
    return conninfo


def optional_database_from_env(env: Env) -> str | None:
    """As `database_from_env`, but None when neither DATABASE_URL nor POSTGRES_USER is set."""
    url = env.optional("DATABASE_URL")
    if url is not None:
        return _checked_url(url)
    user = env.optional("POSTGRES_USER")
    if user is None:
        return None
    return make_conninfo(
        host=env.text("POSTGRES_HOST", "127.0.0.1"),
        port=env.integer("POSTGRES_PORT", 5432, low=1, high=65535),
        user=user,
        password=env.optional("POSTGRES_PASSWORD"),
        dbname=env.text("POSTGRES_DB", user),
    )


def _checked_url(url: str) -> str:
    # The value holds a password, so no error may repeat it, nor libpq's own words on it.
    problem = ConfigError("DATABASE_URL", "must be a URL such as postgresql://USER:PASSWORD@HOST:5432/DB")
    if not url.startswith(("postgresql://", "postgres://")):
        raise problem
    try:
        ports = str(conninfo_to_dict(url).get("port") or "5432").split(",")
    except ProgrammingError:
        raise problem from None
    if not all(port.isdecimal() and 0 < int(port) < 65536 for port in ports if port):
        raise problem
    return url
