"""The cues of `cues.toml`, and looking for them as whole words in a text."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("cues.toml")

# Latin words are told apart from other scripts, which may stand beside them without a space.
_WORD = re.compile(r"[0-9a-z_]+(?:'[a-z]+)?(?:\+\+|#)?|[^\W0-9a-z_]+")
_ACCENTS = re.compile("[\u0300-\u036f]+")
# Short quotations are what the task is about, not the task.
_QUOTES = "\"'\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb\u300c\u300d\u300e\u300f"
_QUOTATION = re.compile(rf"(?<!\w)[{_QUOTES}][^{_QUOTES}\n]{{1,80}}[{_QUOTES}](?!\w)")
_OPENING_WORDS = 6
_COURTESY_WORDS = 12
_UNSPACED_OPENING = 30
_LONG_TEXT_WORDS = 60


@dataclass(frozen=True)
class Passage:
    """A text made ready for looking for cues: folded, split into words, its openings known."""

    folded: str
    words: frozenset[str]
    length: int
    line: str
    openings: tuple[str, ...]
    only_courtesy: bool

    @classmethod
    def of(cls, text: str, courtesy: Phrases) -> Passage:
        """Read `text`; leading words of `courtesy` do not count as its opening."""
        folded = fold(text)
        folded = _QUOTATION.sub(" ", folded).strip() or folded
        words = _WORD.findall(folded)
        rest = courtesy.without_leading(words)
        openings = [_spaced(rest[:_OPENING_WORDS])]
        if len(words) > _LONG_TEXT_WORDS:
            last_line = _WORD.findall(folded[folded.rstrip().rfind("\n") + 1 :])
            openings.append(_spaced(courtesy.without_leading(last_line)[:_OPENING_WORDS]))
        only_courtesy = bool(words) and not rest
        return cls(folded, frozenset(words), len(words), _spaced(words), tuple(openings), only_courtesy)


@dataclass(frozen=True)
class Phrases:
    """Words and phrases of several words, folded."""

    words: frozenset[str]
    phrases: tuple[str, ...]

    @classmethod
    def of(cls, listed: str) -> Phrases:
        """From a list separated by bars."""
        entries = [_spaced(_WORD.findall(fold(entry))) for entry in listed.split("|") if entry.strip()]
        single = frozenset(entry.strip() for entry in entries if entry.count(" ") == 2)
        return cls(single, tuple(dict.fromkeys(entry for entry in entries if entry.count(" ") > 2)))

    def count_in(self, passage: Passage) -> int:
        """How many of them stand anywhere in the text as whole words."""
        return len(self.words & passage.words) + sum(map(passage.line.__contains__, self.phrases))

    def open(self, opening: str) -> bool:
        """Whether a text that begins with `opening` begins with one of them."""
        first = opening.split(" ", 2)[1] if len(opening) > 2 else ""
        return first in self.words or opening.startswith(self.phrases)

    def without_leading(self, words: list[str]) -> list[str]:
        """The words that are left when leading ones that are listed here are taken off."""
        begin = 0
        while begin < min(len(words), _COURTESY_WORDS):
            opening = _spaced(words[begin : begin + _OPENING_WORDS])
            phrase = max((p for p in self.phrases if opening.startswith(p)), key=len, default="")
            if not phrase and words[begin] not in self.words:
                break
            begin += max(1, phrase.count(" ") - 1)
        return words[begin:]


@dataclass(frozen=True)
class Cue:
    """A list of words and what finding them does to the complexity."""

    name: str
    text: str
    effect: float
    each_further: float
    limit: float
    opening: bool
    fades_after: int
    phrases: Phrases
    unspaced: re.Pattern[str] | None

    def effect_in(self, passage: Passage) -> float:
        """What the words found in a text do to its complexity; 0 when there are none."""
        hits = self._opens(passage) if self.opening else self._hits(passage)
        if not hits:
            return 0.0
        if self.fades_after:
            return round(self.effect * min(1.0, self.fades_after / passage.length), 2)
        return round(min(self.effect + self.each_further * (hits - 1), max(self.limit, self.effect)), 4)

    def _opens(self, passage: Passage) -> bool:
        if any(self.phrases.open(opening) for opening in passage.openings):
            return True
        return bool(self.unspaced and self.unspaced.search(passage.folded, 0, _UNSPACED_OPENING))

    def _hits(self, passage: Passage) -> int:
        hits = self.phrases.count_in(passage)
        # Most texts are ASCII and need no second search.
        if self.unspaced and not passage.folded.isascii():
            hits += len(set(self.unspaced.findall(passage.folded)))
        return hits


@dataclass(frozen=True)
class Cues:
    """All cues, and the complexity that a prompt has before any is found."""

    start: float
    courtesy: Phrases
    cues: tuple[Cue, ...]

    def found_in(self, passage: Passage) -> Iterator[tuple[Cue, float]]:
        """The cues that a text has, each with its effect; of the opening ones only the first."""
        opened = False
        for cue in self.cues:
            effect = 0.0 if cue.opening and opened else cue.effect_in(passage)
            if effect:
                opened = opened or cue.opening
                yield cue, effect


def fold(text: str) -> str:
    """`text` without case, accents or typographic variants, so that equal words compare equal."""
    if text.isascii():
        return text.casefold()
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    # Some characters expand eighteenfold.
    return unicodedata.normalize("NFC", plain)[: 2 * len(text)].replace("\u2019", "'")


@cache
def load_cues() -> Cues:
    """The cues of `cues.toml`, read once."""
    document = tomllib.loads(_FILE.read_text("utf-8"))
    return Cues(document["start"], Phrases.of(document["courtesy"]), tuple(map(_cue, document["cue"])))


def _cue(row: dict[str, Any]) -> Cue:
    unspaced = [re.escape(fold(word.strip())) for word in row.get("unspaced", "").split("|") if word.strip()]
    # Longest first: an alternation takes the first that fits.
    pattern = re.compile("|".join(sorted(unspaced, key=len, reverse=True))) if unspaced else None
    further, limit = row.get("each_further", 0.0), row.get("limit", row["effect"])
    opening, fades_after = row.get("opening", False), row.get("fades_after", 0)
    phrases = Phrases.of(row["words"])
    return Cue(row["name"], row["text"], row["effect"], further, limit, opening, fades_after, phrases, pattern)


def _spaced(words: Iterable[str]) -> str:
    """The words with a space on either side of each: a phrase found in it is made of whole words."""
    return f" {' '.join(words)} "
