"""API keys."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.cost_ledger.keys import ApiKey, generate_key, hash_key, visible_prefix

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
KEY = ApiKey(
    UUID("9f4c0c0e-6b0a-4bb0-9a53-0a1a45a1d001"), "ada", "ab" * 32, "hai-abcdef", datetime(2026, 1, 2, tzinfo=UTC), None
)


def test_keys_are_random_and_safe_in_a_url() -> None:
    keys = {generate_key() for _ in range(50)}
    assert len(keys) == 50
    assert all(re.fullmatch(r"hai-[A-Za-z0-9_-]{43}", key) for key in keys)  # 43 characters are 32 bytes


def test_the_hash_is_plain_sha256_so_that_a_shell_can_make_it() -> None:
    assert hash_key("hai-x") == hashlib.sha256(b"hai-x").hexdigest()


def test_only_the_beginning_of_a_long_key_is_shown() -> None:
    key = generate_key()
    assert visible_prefix(key) == key[:10]
    assert visible_prefix("short-secret") is None


def test_the_document_of_a_key_holds_no_hash() -> None:
    assert KEY.document(NOW) == {
        "id": "9f4c0c0e-6b0a-4bb0-9a53-0a1a45a1d001",
        "name": "ada",
        "prefix": "hai-abcdef",
        "state": "active",
        "created_at": "2026-01-02T00:00:00.000000Z",
        "revoked_at": None,
        "expires_at": None,
        "rate_limit": None,
        "allowed_models": None,
    }


def test_a_gate_knows_a_key_by_its_hash_and_what_to_hold_it_to() -> None:
    key = replace(KEY, expires_at=NOW, rate_limit=60, allowed_models=("tinyllama",))
    assert key.credential() == {
        "id": str(KEY.id),
        "name": "ada",
        "key_hash": "ab" * 32,
        "expires_at": "2026-11-22T03:00:00.000000Z",
        "rate_limit": 60,
        "allowed_models": ["tinyllama"],
    }


@pytest.mark.parametrize(
    ("expires_at", "revoked_at", "state"),
    [
        (None, None, "active"),
        (NOW + timedelta(microseconds=1), None, "active"),
        (NOW, None, "expired"),
        (NOW, NOW, "revoked"),
        (None, NOW, "revoked"),
    ],
)
def test_a_key_is_active_until_it_expires_or_is_revoked(
    expires_at: datetime | None, revoked_at: datetime | None, state: str
) -> None:
    assert replace(KEY, expires_at=expires_at, revoked_at=revoked_at).state(NOW) == state
