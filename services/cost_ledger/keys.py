"""API keys of callers. Only a key's hash is ever stored."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.cost_ledger.times import format_time

KEY_START = "hai-"
_SHOWN_CHARACTERS = 10
_LONG_ENOUGH = 32


@dataclass(frozen=True)
class ApiKey:
    """A key as the ledger knows it. `prefix` is its visible beginning, None when it was never seen whole."""

    id: UUID
    name: str
    key_hash: str
    prefix: str | None
    created_at: datetime
    revoked_at: datetime | None

    def document(self) -> dict[str, Any]:
        """As people see it: without the hash."""
        return {
            "id": str(self.id),
            "name": self.name,
            "prefix": self.prefix,
            "created_at": format_time(self.created_at),
            "revoked_at": format_time(self.revoked_at) if self.revoked_at else None,
        }

    def credential(self) -> dict[str, str]:
        """What a gate needs to know a caller by."""
        return {"id": str(self.id), "name": self.name, "key_hash": self.key_hash}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> ApiKey:
        """The key of a row of ledger.api_keys."""
        return cls(**row)


def generate_key() -> str:
    """A new secret key: 'hai-' and 32 random bytes, safe in a URL."""
    return KEY_START + secrets.token_urlsafe(32)


def hash_key(key: str) -> str:
    """SHA-256 of the key in hex. The keys are random and long, so no slow hash is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


def visible_prefix(key: str) -> str | None:
    """The beginning of a key, to tell it apart by; None for a key too short to show any of it."""
    return key[:_SHOWN_CHARACTERS] if len(key) >= _LONG_ENOUGH else None
