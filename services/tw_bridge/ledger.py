"""Reading the ledger over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import requests

from services.runtime import request_id
from services.tw_bridge.cursor import is_cursor
from services.tw_bridge.errors import CursorAhead, LedgerUnavailable, LedgerUnreadable

PAGE = 1000
"""Entries in a page: the most that the ledger gives at once."""

_TIMEOUT = (3.0, 30.0)
"""Seconds to connect, and to wait for the next bytes."""


@dataclass(frozen=True)
class Page:
    """Entries in booking order, and the cursor behind the last of them."""

    entries: Sequence[dict[str, Any]]
    cursor: str

    @property
    def is_last(self) -> bool:
        """Whether the ledger had no more at that moment."""
        return len(self.entries) < PAGE


class LedgerReader:
    """A connection to the ledger. Not to be used by two threads at once."""

    def __init__(self, url: str, token: str) -> None:
        self._url = f"{url}/v1/entries"
        self._session = requests.Session()
        # The ledger is on this machine or beside it: no proxy, no .netrc.
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {token}"

    def read(self, after: str | None) -> Page:
        """The page behind `after`, or the first one.

        Raises LedgerUnavailable, LedgerUnreadable, and CursorAhead when the ledger was replaced.
        """
        parameters = {"limit": str(PAGE)} | ({"after": after} if after else {})
        headers = {"X-Request-ID": request_id.get() or "tw-bridge-sync"}
        try:
            with self._session.get(
                self._url, params=parameters, headers=headers, timeout=_TIMEOUT, allow_redirects=False
            ) as response:
                return _page(response, after)
        except requests.exceptions.JSONDecodeError:
            raise LedgerUnreadable from None
        except requests.RequestException:
            raise LedgerUnavailable from None

    def close(self) -> None:
        """Close the connection."""
        self._session.close()


def _page(response: requests.Response, after: str | None) -> Page:
    if response.status_code == 409 and after is not None:
        raise CursorAhead
    if response.status_code == 401:
        raise LedgerUnavailable("The ledger refuses the bridge's SERVICE_TOKEN: both need the same one.")
    if response.status_code != 200:
        raise LedgerUnavailable(f"The ledger answers with status {response.status_code}; the bridge will try again.")
    body = response.json()
    entries = body.get("entries") if isinstance(body, dict) else None
    if not isinstance(entries, list) or not is_cursor(body.get("cursor")):
        raise LedgerUnreadable
    return Page(entries, body["cursor"])
