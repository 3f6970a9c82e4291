"""The ledger's settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from services.runtime import Env, ServiceConfig
from services.runtime.conninfo import database_from_env

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
