"""The ledger's settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from services.runtime import ConfigError, Env, ServiceConfig

DEFAULT_BASELINE = "claude-sonnet"


@dataclass(frozen=True)
class Config:
    """Where the ledger listens, where its database is, and what savings are measured against.

    `machine_cost_monthly` is the rent of the machine in USD; `baseline_model` the model that would
    have answered everything without routing.
    """

    service: ServiceConfig
    database: str = field(repr=False)
    baseline_model: str = DEFAULT_BASELINE
    machine_cost_monthly: Decimal = Decimal(0)

    @classmethod
    def from_env(cls, env: Env) -> Config:
        """Read the service's settings, the database's, BASELINE_MODEL and MACHINE_COST_MONTHLY."""
        return cls(
            service=ServiceConfig.from_env(env, port_name="LEDGER_PORT", port=8102),
            database=database_from_env(env),
            baseline_model=env.text("BASELINE_MODEL", DEFAULT_BASELINE),
            machine_cost_monthly=env.usd("MACHINE_COST_MONTHLY", Decimal(0), high=Decimal(1_000_000)),
        )


def database_from_env(env: Env) -> str:
    """The libpq connection string of DATABASE_URL, or else of POSTGRES_HOST, _PORT, _USER, _PASSWORD, _DB."""
    url = env.optional("DATABASE_URL")
    if url is not None:
        return _checked_url(url)
    user = env.optional("POSTGRES_USER")
    if user is None:
        raise ConfigError("POSTGRES_USER", "must be set, or else DATABASE_URL")
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
