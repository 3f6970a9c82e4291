"""How far the ledger was read, on disk."""

from __future__ import annotations

import os
import re
from pathlib import Path

from services.tw_bridge.errors import StoreUnusable

_CURSOR = re.compile(r"[\x21-\x7e]{1,200}")


class CursorFile:
    """A file with the cursor behind the last entry that is in Taskwarrior."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> str | None:
        """The cursor; None when there is none yet or the file is not usable: all entries are read again then."""
        try:
            text = self.path.read_text("ascii").strip()
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        except OSError as error:
            raise StoreUnusable(f"The cursor cannot be read: {error}") from error
        return text if is_cursor(text) else None

    def save(self, cursor: str) -> None:
        """Replace the cursor: after a crash at any moment the file holds the old one or the new one."""
        new = self.path.with_name(self.path.name + ".new")
        try:
            with new.open("w", encoding="ascii") as file:
                file.write(cursor + "\n")
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
        except OSError as error:
            raise StoreUnusable(f"The cursor cannot be saved: {error}") from error


def is_cursor(value: object) -> bool:
    """Whether a value can be kept as a cursor: a short word of printable ASCII."""
    return isinstance(value, str) and _CURSOR.fullmatch(value) is not None
