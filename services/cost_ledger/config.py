"""The ledger's settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.runtime import ConfigError, Env, ServiceConfig
from services.runtime.conninfo import database_from_env

DEFAULT_BASELINE = "claude-sonnet"
UTC_ZONE = ZoneInfo("UTC")
DEFAULT_GATEWAY = "http://localhost:8080"


@dataclass(frozen=True)
class Config:
    """Where the ledger listens, where its database is, and what savings are measured against.

    `machine_cost_monthly` is the rent of the machine in USD; `baseline_model` the model that would
    have answered everything without routing; `budget_zone` is where the days and months of budgets begin;
    `gateway_url` is where people send prompts to, for an example on the page of an empty ledger.
    """

    service: ServiceConfig
    database: str = field(repr=False)
    baseline_model: str = DEFAULT_BASELINE
    machine_cost_monthly: Decimal = Decimal(0)
    budget_zone: ZoneInfo = UTC_ZONE
    gateway_url: str = DEFAULT_GATEWAY

    @classmethod
    def from_env(cls, env: Env) -> Config:
        """Read the service's settings, the database's, and those that are the ledger's own."""
        return cls(
            service=ServiceConfig.from_env(env, port_name="LEDGER_PORT", port=8102),
            database=database_from_env(env),
            baseline_model=env.text("BASELINE_MODEL", DEFAULT_BASELINE),
            machine_cost_monthly=env.usd("MACHINE_COST_MONTHLY", Decimal(0), high=Decimal(1_000_000)),
            budget_zone=_zone(env.text("BUDGET_TIME_ZONE", UTC_ZONE.key)),
            gateway_url=env.url("GATEWAY_URL", DEFAULT_GATEWAY),
        )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError("BUDGET_TIME_ZONE", f"no such time zone: {name!r}; write it like Europe/Berlin") from None
