"""The part of n8n's own HTTP interface that the set-up needs, as the owner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

from compose.local.errors import StackError

_SECONDS = 30.0
_COOKIE = "n8n-auth"
_WORKFLOW_FIELDS = ("name", "nodes", "connections", "settings", "meta", "description")


class N8nApi:
    """A session of the owner with the n8n at `url`; it logs in at the first call."""

    def __init__(self, url: str, email: str, password: str) -> None:
        self._url = url
        self._email = email
        self._password = password
        self._token: str | None = None

    def put_workflow(self, workflow: Mapping[str, Any]) -> None:
        """Create or replace the workflow with this id, and publish it: it is live on return."""
        fields = {name: workflow[name] for name in _WORKFLOW_FIELDS if name in workflow}
        identity = workflow["id"]
        if self._exists("workflows", identity):
            saved = self._call("PATCH", f"workflows/{identity}?forceSave=true", fields)
        else:
            saved = self._call("POST", "workflows", {"id": identity, **fields})
        self._call("POST", f"workflows/{identity}/activate", {"versionId": saved["versionId"]})

    def put_credential(self, credential: Mapping[str, Any]) -> bool:
        """Replace the data of an existing credential; False when there is none with this id."""
        identity = credential["id"]
        if not self._exists("credentials", identity):
            return False
        self._call("PATCH", f"credentials/{identity}", {k: credential[k] for k in ("name", "type", "data")})
        return True

    def _exists(self, kind: str, identity: str) -> bool:
        response = self._send("GET", f"{kind}/{identity}", None)
        if response.status_code in (403, 404):
            return False
        _check(response, f"GET {kind}")
        return True

    def _call(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        response = self._send(method, path, body)
        _check(response, f"{method} {path.split('?')[0]}")
        return response.json()["data"]

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> requests.Response:
        if self._token is None:
            self._token = self._login()
        # The cookie goes by hand: marked secure, a cookie jar would not send it over plain HTTP.
        headers = {"Cookie": f"{_COOKIE}={self._token}"}
        try:
            return requests.request(method, f"{self._url}/rest/{path}", json=body, headers=headers, timeout=_SECONDS)
        except requests.RequestException as error:
            raise StackError(f"n8n does not answer {method} {path}: {error}") from error

    def _login(self) -> str:
        body = {"emailOrLdapLoginId": self._email, "password": self._password}
        try:
            response = requests.post(f"{self._url}/rest/login", json=body, timeout=_SECONDS)
        except requests.RequestException as error:
            raise StackError(f"n8n does not answer: {error}") from error
        _check(response, f"the login of {self._email}")
        token = response.cookies.get(_COOKIE)
        if not token:
            raise StackError("n8n's login gives no session")
        return str(token)


def _check(response: requests.Response, what: str) -> None:
    if response.ok:
        return
    try:
        message = str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        message = response.text[:200]
    raise StackError(f"n8n refuses {what} ({response.status_code}): {message[:500]}")
