"""The one error shape of the HTTP interfaces: {"error": {"code", "message"}}."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """Something went wrong."""

    status = 500
    code = "internal_error"

    def __init__(
        self, message: str | None = None, *, code: str | None = None, status: int | None = None, **details: Any
    ) -> None:
        """`message` defaults to the class docstring; `details` become fields beside code and message."""
        self.message = message or (type(self).__doc__ or ApiError.__doc__ or "").strip().splitlines()[0]
        super().__init__(self.message)
        self.code = code or self.code
        self.status = status or self.status
        self.details = details

    def body(self) -> dict[str, Any]:
        """The JSON document that the caller sees."""
        return {"error": {"code": self.code, "message": self.message, **self.details}}


class BadRequest(ApiError):
    """The request is not valid."""

    status = 400
    code = "bad_request"


class Unauthorized(ApiError):
    """The service token is missing or wrong: send it as 'Authorization: Bearer TOKEN'."""

    status = 401
    code = "unauthorized"


class NotFound(ApiError):
    """There is nothing here."""

    status = 404
    code = "not_found"


class Unavailable(ApiError):
    """A part that this request needs does not answer; try again later."""

    status = 503
    code = "unavailable"
