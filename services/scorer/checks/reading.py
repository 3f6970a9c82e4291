"""Reading an answer once: what the user sees of it, its code blocks, and its prose."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

_THINKING = re.compile(r"\A\s*<(think|thinking|reasoning)>")
_SPECIAL_TOKEN = re.compile(r"<\|[a-z_]{2,24}\|>|</?s>|\[/?INST\]|<(?:start|end)_of_turn>")
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad]")
_FENCE = re.compile(r"^[ \t>]*(`{3,}|~{3,})[ \t]*([^\n`]*)$", re.MULTILINE)
# Beyond these the rest is read as prose.
_MAX_FENCES = 400
_END = 20_000
_INLINE = re.compile(r"`[^`\n]{1,200}`")


@dataclass(frozen=True)
class Block:
    """A fenced code block: its label in lower case ("" for none), its text, and whether its fence is closed."""

    label: str
    text: str
    closed: bool


@dataclass(frozen=True)
class Reading:
    """An answer or a prompt, as a reader sees it."""

    text: str

    @classmethod
    def of(cls, text: str) -> Reading:
        """Read `text`, leaving out a model's thinking and special tokens."""
        return cls(visible(text))

    @cached_property
    def _parts(self) -> tuple[tuple[Block, ...], str]:
        return _split_fences(self.text)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The fenced code blocks, in order."""
        return self._parts[0]

    @cached_property
    def prose(self) -> str:
        """What is outside of fenced blocks, inline code blanked."""
        return _INLINE.sub(" ", self._parts[1])

    @cached_property
    def lines(self) -> list[str]:
        """The last lines of the prose that are not empty, stripped."""
        return [line for line in map(str.strip, self.prose[-_END:].splitlines()) if line]


def visible(text: str) -> str:
    """`text` without a leading block of thinking, special tokens and invisible characters, stripped.

    Thinking that never ends leaves nothing.
    """
    opened = _THINKING.match(text)
    if opened:
        end = text.find(f"</{opened[1]}>")
        text = text[end + len(opened[1]) + 3 :] if end >= 0 else ""
    return _INVISIBLE.sub("", _SPECIAL_TOKEN.sub("", text)).strip()


def _split_fences(text: str) -> tuple[tuple[Block, ...], str]:
    """The blocks, and the rest: CommonMark's rule, a block ends at a bare fence of its kind at least as long."""
    blocks: list[Block] = []
    prose: list[str] = []
    opened: re.Match[str] | None = None
    after = 0
    for fence in islice(_FENCE.finditer(text), _MAX_FENCES):
        if opened is None:
            prose.append(text[after : fence.start()])
            opened, after = fence, fence.end()
        elif fence[1].startswith(opened[1]) and not fence[2].strip():
            blocks.append(Block(_label(opened), text[after : fence.start()].strip("\n"), closed=True))
            opened, after = None, fence.end()
    if opened is not None:
        blocks.append(Block(_label(opened), text[after:].strip("\n"), closed=False))
        return tuple(blocks), "\n".join(prose)
    return tuple(blocks), "\n".join([*prose, text[after:]])


def _label(fence: re.Match[str]) -> str:
    words = fence[2].split()
    return words[0].strip("{}.").casefold() if words else ""
