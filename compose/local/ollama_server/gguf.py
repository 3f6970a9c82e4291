"""Reads the key-value header of a GGUF model file (versions 2 and 3, little endian).

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import struct
from pathlib import Path
from typing import BinaryIO

Value = int | float | bool | str | list["Value"]

# GGUF type number -> struct code.
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING = 8
ARRAY = 9
# Ollama shows no longer lists than this either (a vocabulary has tens of thousands of entries).
LONGEST_LIST = 5
# A longer text or list than this in a header means a damaged file, not a model.
SANE_COUNT = 1 << 28


class NotGgufError(ValueError):
    """The file is not a readable GGUF model."""


def read_header(path: Path) -> dict[str, Value]:
    """The model's metadata by key, such as `general.architecture`; lists over 5 entries come back empty.

    Raises NotGgufError, and OSError when the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) != b"GGUF" or _scalar(file, "I") not in (2, 3):
                raise NotGgufError(f"{path} is not a GGUF model of version 2 or 3")
            _scalar(file, "Q")  # the number of tensors
            return dict(_pair(file) for _ in range(_count(file)))
    except (struct.error, UnicodeDecodeError, KeyError) as error:
        raise NotGgufError(f"{path} has a damaged GGUF header") from error


def _pair(file: BinaryIO) -> tuple[str, Value]:
    return _text(file), _value(file, _count(file, "I"))


def _value(file: BinaryIO, kind: int) -> Value:
    if kind == STRING:
        return _text(file)
    if kind == ARRAY:
        return _list(file, _count(file, "I"), _count(file))
    return _scalar(file, SCALARS[kind])


def _list(file: BinaryIO, kind: int, count: int) -> list[Value]:
    if count <= LONGEST_LIST:
        return [_value(file, kind) for _ in range(count)]
    if kind in SCALARS:
        file.seek(count * struct.calcsize(SCALARS[kind]), 1)
    else:
        for _ in range(count):
            _value(file, kind)
    return []


def _text(file: BinaryIO) -> str:
    size = _count(file)
    text = file.read(size)
    if len(text) < size:
        raise struct.error("a text that is cut off")
    return text.decode()


def _count(file: BinaryIO, code: str = "Q") -> int:
    count = int(_scalar(file, code))
    if count > SANE_COUNT:
        raise struct.error(f"a count of {count}")
    return count


def _scalar(file: BinaryIO, code: str) -> int | float | bool:
    size = struct.calcsize(code)
    value: int | float | bool = struct.unpack("<" + code, file.read(size))[0]
    return value
