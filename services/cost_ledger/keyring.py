"""Giving out, registering, changing and revoking API keys."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from services.cost_ledger.errors import AmbiguousKey, KeyRevoked, UnknownKey
from services.cost_ledger.key_terms import KeyBudgets, KeyChanges, NewKey
from services.cost_ledger.keys import ApiKey, generate_key, hash_key, visible_prefix
from services.cost_ledger.store import LedgerStore


class KeyRing:
    """The keys that the ledger knows."""

    def __init__(self, store: LedgerStore, budgets: KeyBudgets) -> None:
        self._store = store
        self._budgets = budgets

    def make(self, new: NewKey) -> tuple[ApiKey, str]:
        """A new key and its secret text, which nobody can ask for again."""
        text = generate_key()
        return self._add(uuid4(), new, hash_key(text), visible_prefix(text)), text

    def register(self, new: NewKey, key_hash: str, prefix: str | None = None) -> tuple[ApiKey, bool]:
        """The key with this hash, and whether it is new; a known one stays as it is.

        Raises KeyRevoked when it was revoked: a key never comes back.
        """
        key_id = uuid4()
        key = self._store.key_by_hash(key_hash) or self._add(key_id, new, key_hash, prefix)
        if key.revoked_at is not None:
            raise KeyRevoked
        return key, key.id == key_id

    def change(self, key_id: UUID, changes: KeyChanges) -> ApiKey:
        """The key after the changes; UnknownKey when there is none, KeyRevoked when it was revoked."""
        key = self._store.change_key(key_id, changes)
        if key is None:
            raise UnknownKey
        if key.revoked_at is not None:
            raise KeyRevoked
        return key

    def revoke(self, key_id: UUID) -> None:
        """Revoke a key for good; a second time changes nothing. UnknownKey when there is none."""
        if not self._store.revoke_key(key_id):
            raise UnknownKey

    def find(self, beginning: str) -> ApiKey:
        """The one key whose id or visible part begins so; UnknownKey or AmbiguousKey otherwise."""
        found = [
            key
            for key in self._store.all_keys()
            if str(key.id).startswith(beginning.lower()) or (key.prefix or "").startswith(beginning)
        ]
        if not found:
            raise UnknownKey(f"There is no key that begins with {beginning!r}.")
        if len(found) > 1:
            raise AmbiguousKey(f"Several keys begin with {beginning!r}: {', '.join(str(key.id) for key in found)}")
        return found[0]

    def all(self) -> list[ApiKey]:
        """All keys, revoked ones too, the oldest first."""
        return self._store.all_keys()

    def active(self, now: datetime) -> list[ApiKey]:
        """The keys that are neither revoked nor expired."""
        return self._store.active_keys(now)

    def _add(self, key_id: UUID, new: NewKey, key_hash: str, prefix: str | None) -> ApiKey:
        # Budgets come first: a failure in between leaves a budget without a key, never a key without its budget.
        for period, limit in new.budgets.items():
            self._budgets.set(str(key_id), period, limit)
        return self._store.register_key(key_id, new.name, key_hash, prefix, new.terms)
