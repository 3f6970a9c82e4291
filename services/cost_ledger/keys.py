"""API keys of callers. Only a key's hash is ever stored."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from services.cost_ledger.times import format_time

KEY_START = "hai-"
_SHOWN_CHARACTERS = 10
_LONG_ENOUGH = 32

State = Literal["active", "expired", "revoked"]


@dataclass(frozen=True)
class ApiKey:
    """A key as the ledger knows it. `prefix` is its visible beginning, None when it was never seen whole.

    `rate_limit` is in requests a minute. No `expires_at`, `rate_limit` or `allowed_models`: no such limit.
    """

    id: UUID
    name: str
    key_hash: str
    prefix: str | None
    created_at: datetime
    revoked_at: datetime | None
    expires_at: datetime | None = None
    rate_limit: int | None = None
    allowed_models: tuple[str, ...] | None = None

    def state(self, now: datetime) -> State:
        """Whether the key opens the gate at a moment, and if not, why. It expires at `expires_at` sharp."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"

    def document(self, now: datetime) -> dict[str, Any]:
        """As people see it: without the hash."""
        return {
            "id": str(self.id),
            "name": self.name,
            "prefix": self.prefix,
            "state": self.state(now),
            "created_at": format_time(self.created_at),
            "revoked_at": _optional_time(self.revoked_at),
            **self._limits(),
        }

    def credential(self) -> dict[str, Any]:
        """What a gate needs to know a caller by, and what it is to hold them to."""
        return {"id": str(self.id), "name": self.name, "key_hash": self.key_hash, **self._limits()}

    def _limits(self) -> dict[str, Any]:
        return {
            "expires_at": _optional_time(self.expires_at),
            "rate_limit": self.rate_limit,
            "allowed_models": None if self.allowed_models is None else list(self.allowed_models),
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> ApiKey:
        """The key of a row of ledger.api_keys."""
        models = row["allowed_models"]
        return cls(**{**row, "allowed_models": None if models is None else tuple(models)})


def generate_key() -> str:
    """A new secret key: 'hai-' and 32 random bytes, safe in a URL."""
    return KEY_START + secrets.token_urlsafe(32)


def hash_key(key: str) -> str:
    """SHA-256 of the key in hex. The keys are random and long, so no slow hash is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


def visible_prefix(key: str) -> str | None:
    """The beginning of a key, to tell it apart by; None for a key too short to show any of it."""
    return key[:_SHOWN_CHARACTERS] if len(key) >= _LONG_ENOUGH else None


def _optional_time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)
