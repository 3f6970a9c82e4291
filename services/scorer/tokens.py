"""How many tokens a text has, near enough to choose a context window and to estimate a price."""

from __future__ import annotations

from math import ceil

_DIGITS = b"0123456789"
_PUNCTUATION = bytes([*range(33, 48), *range(58, 65), *range(91, 97), *range(123, 127)])
_BEYOND_ASCII = bytes(range(0x80, 0x100))
# The first byte of a UTF-8 sequence tells its length, and so roughly its script.
_TWO_BYTES = bytes(range(0xC2, 0xE0))  # accented Latin, Greek, Cyrillic, Hebrew, Arabic
_THREE_BYTES = bytes(range(0xE0, 0xF0))  # Chinese, Japanese, Korean, Indic, Thai
_FOUR_BYTES = bytes(range(0xF0, 0xF8))  # emoji, rare ideographs


def estimate_tokens(text: str) -> int:
    """About how many tokens `text` has; 0 for an empty text, never less than 1 otherwise.

    An approximation without a vocabulary: 4.5 ASCII letters or spaces a token, and per character 0.8
    for a digit, 0.55 for ASCII punctuation, 1 for accented letters and short alphabets, 1.5 for
    Chinese, Japanese, Korean and Indic scripts, 3 beyond those. Fitted to SmolLM2's tokeniser:
    0.9 to 1.3 of the true count for English, Markdown, JSON and code, 0.6 to 1.2 for other
    languages. Linear, under 1 ms for 100,000 characters.
    """
    data = text.encode("utf-8", "surrogatepass")
    digits, punctuation = _count(data, _DIGITS), _count(data, _PUNCTUATION)
    plain = len(data) - digits - punctuation
    tokens = digits * 0.8 + punctuation * 0.55
    if not text.isascii():
        plain -= _count(data, _BEYOND_ASCII)
        tokens += _count(data, _TWO_BYTES) + _count(data, _THREE_BYTES) * 1.5 + _count(data, _FOUR_BYTES) * 3
    return ceil(tokens + plain / 4.5)


def _count(data: bytes, wanted: bytes) -> int:
    return len(data) - len(data.translate(None, wanted))
