"""Giving out, registering and revoking API keys."""

from __future__ import annotations

from uuid import UUID

from services.cost_ledger.errors import KeyRevoked, UnknownKey
from services.cost_ledger.keys import ApiKey, generate_key, hash_key, visible_prefix
from services.cost_ledger.store import LedgerStore


class KeyRing:
    """The keys that the ledger knows."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store

    def make(self, name: str) -> tuple[ApiKey, str]:
        """A new key and its secret text, which nobody can ask for again."""
        key = generate_key()
        return self._store.register_key(name, hash_key(key), visible_prefix(key))[0], key

    def register(self, name: str, key_hash: str, prefix: str | None = None) -> tuple[ApiKey, bool]:
        """The key with this hash, and whether it is new; a known one keeps its name.

        Raises KeyRevoked when it was revoked: a key never comes back.
        """
        key, is_new = self._store.register_key(name, key_hash, prefix)
        if key.revoked_at is not None:
            raise KeyRevoked
        return key, is_new

    def revoke(self, key_id: UUID) -> None:
        """Revoke a key for good; a second time changes nothing. UnknownKey when there is none."""
        if not self._store.revoke_key(key_id):
            raise UnknownKey

    def all(self) -> list[ApiKey]:
        """All keys, revoked ones too, the oldest first."""
        return self._store.all_keys()

    def active(self) -> list[ApiKey]:
        """The keys that are not revoked."""
        return self._store.active_keys()
