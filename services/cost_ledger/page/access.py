"""Who may see the cost page: the bearer of the service token, or of a cookie that was got with it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta

from itsdangerous import BadSignature, TimestampSigner

COOKIE = "hybrid_ai_costs"
VALID = timedelta(days=30)
_CONTENT = b"costs"


class Access:
    """Lets in those who know the service token. The cookie's key is derived from it: a new token ends all cookies."""

    def __init__(self, token: str, clock: Callable[[], datetime]) -> None:
        self._token = _bytes(token)
        key = hmac.digest(self._token, b"cost page: cookie", hashlib.sha256)
        self._signer = _Signer(key, clock)

    def knows_token(self, text: str) -> bool:
        """Whether `text` is the service token; takes the same time wherever it differs."""
        return hmac.compare_digest(_bytes(text), self._token)

    def knows_header(self, header: str) -> bool:
        """Whether an Authorization header carries the service token."""
        return hmac.compare_digest(_bytes(header), b"Bearer " + self._token)

    def issue(self) -> str:
        """The text of a new cookie, which says when it was made and nothing else."""
        return self._signer.sign(_CONTENT).decode()

    def knows_cookie(self, text: str) -> bool:
        """Whether this is a cookie of ours that is not older than VALID."""
        try:
            return self._signer.unsign(_bytes(text), max_age=int(VALID.total_seconds())) == _CONTENT
        except BadSignature:
            return False


class _Signer(TimestampSigner):
    """Signs with SHA-256, at the time of a clock that is given."""

    def __init__(self, key: bytes, clock: Callable[[], datetime]) -> None:
        super().__init__(key, salt=b"cost page", key_derivation="hmac", digest_method=hashlib.sha256)
        self._clock = clock

    def get_timestamp(self) -> int:
        return int(self._clock().timestamp())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
