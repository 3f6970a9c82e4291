"""The secrets of a stack: made once, kept in a file that only its user can read, never shown."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import bcrypt

from compose.local.errors import StackError
from compose.local.layout import write_private
from compose.local.settings import read_env_file, write_env_lines

KEY_PREFIX = "hai-"


@dataclass(frozen=True)
class Secrets:
    """Passwords and keys between the parts, n8n's encryption key, the owner's password, the first API key."""

    service_token: str = field(repr=False)
    postgres_password: str = field(repr=False)
    n8n_database_password: str = field(repr=False)
    ledger_database_password: str = field(repr=False)
    redis_password: str = field(repr=False)
    n8n_encryption_key: str = field(repr=False)
    owner_password: str = field(repr=False)
    owner_password_hash: str = field(repr=False)
    first_api_key: str = field(repr=False)

    @property
    def scorer_database_password(self) -> str:
        """Derived from the superuser's, so that a stack from before the scorer had a database gets one too."""
        return hmac.new(self.postgres_password.encode(), b"scorer database", hashlib.sha256).hexdigest()

    @property
    def first_api_key_hash(self) -> str:
        """What the ledger keeps of the first API key: its SHA-256 in hex."""
        return hashlib.sha256(self.first_api_key.encode()).hexdigest()


def make_secrets() -> Secrets:
    """New random secrets, 128 bits or more each."""
    # n8n wants a capital letter and a digit in a password.
    owner_password = f"H1-{secrets.token_urlsafe(18)}"
    return Secrets(
        service_token=secrets.token_urlsafe(32),
        postgres_password=secrets.token_urlsafe(24),
        n8n_database_password=secrets.token_urlsafe(24),
        ledger_database_password=secrets.token_urlsafe(24),
        redis_password=secrets.token_urlsafe(24),
        n8n_encryption_key=secrets.token_urlsafe(32),
        owner_password=owner_password,
        owner_password_hash=bcrypt.hashpw(owner_password.encode(), bcrypt.gensalt(10)).decode(),
        first_api_key=f"{KEY_PREFIX}{secrets.token_urlsafe(32)}",
    )


def load_secrets(path: Path) -> Secrets:
    """The secrets in `path`; StackError when it is missing, incomplete or open to other users."""
    if not path.exists():
        raise StackError(f"there are no secrets yet ({path}): run ./deploy-all.sh first")
    if path.stat().st_mode & 0o077:
        raise StackError(f"{path} is open to other users: run chmod 600 {path}")
    values = read_env_file(path)
    missing = [f.name.upper() for f in fields(Secrets) if not values.get(f.name.upper())]
    if missing:
        raise StackError(f"{path} lacks {', '.join(missing)}: restore the file from a backup")
    return Secrets(**{f.name: values[f.name.upper()] for f in fields(Secrets)})


def ensure_secrets(path: Path, *, data: Path) -> Secrets:
    """The secrets in `path`, made on the first run.

    StackError when they are gone while `data`, the databases that were made with them, exists.
    """
    if not path.exists():
        if data.exists():
            raise StackError(
                f"{path} is gone, but the databases in {data.parent} were made with it. Restore the file, "
                f"or remove {data.parent} to begin anew (all books and changed workflows are lost)"
            )
        made = make_secrets()
        write_private(path, write_env_lines({name.upper(): value for name, value in asdict(made).items()}))
    return load_secrets(path)
