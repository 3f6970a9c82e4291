"""What ends a recalibration without a result."""

from __future__ import annotations


class Refused(Exception):
    """There is no result; the message says why, and `status` is the exit status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
