"""What a check has to say about a workflow."""

from __future__ import annotations

from dataclasses import dataclass


class CheckUnavailable(Exception):
    """The check cannot run at all; the message says what to do."""


@dataclass(frozen=True, order=True)
class Problem:
    """One broken rule: which one, where, and how to mend it. `node` is empty for the workflow as a whole."""

    file: str
    node: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.node or '-'}: {self.rule}: {self.message}"
