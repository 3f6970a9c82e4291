"""The language of a text by its script and its commonest words, and answers in another one than the prompt's."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from services.scorer.checks.expressions import expression
from services.scorer.checks.verdict import Case, Reason

_FILE = Path(__file__).with_name("languages.toml")

_SCRIPTS = {
    "kana": "\u3040-\u30ff\uff66-\uff9d",
    "han": "\u3400-\u4dbf\u4e00-\u9fff",
    "ko": "\uac00-\ud7af\u1100-\u11ff",
    "latin": "A-Za-z\u00c0-\u024f",
    "ru": "\u0400-\u04ff",
    "ar": "\u0600-\u06ff",
    "hi": "\u0900-\u097f",
    "el": "\u0370-\u03ff",
    "he": "\u0590-\u05ff",
    "th": "\u0e00-\u0e7f",
}
_IN_SCRIPT = {name: re.compile(f"[{characters}]") for name, characters in _SCRIPTS.items()}
# An alphabet writes a word with several characters, where one Han character is nearly a word.
_WEIGHT = {"han": 3, "kana": 2, "ko": 2}

_SAMPLE = 2_000
_LEADING_SHARE = 0.7
_MIN_KANA_SHARE = 0.1
_PROSE_WORDS = 4
_MIN_STOP_WORDS = 2

# Longer than a name, and with nothing around it that says that it is one.
_RUN = re.compile(
    "[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af][\u3001\u3002\uff0c,\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{9,}"
)
# Pasted code and logs have words of a language of their own.
_CODE_LINE = re.compile(r"^.*(?:[{};=<>\\]|\(\)|\w\(\w|://|^\s*#).*$", re.MULTILINE)
_BRACKETED = re.compile(r"[(\uff08][^()\uff08\uff09\n]{1,200}[)\uff09]")

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_NOT_PROSE = re.compile(r"https?://\S+|\\[a-z]+|\$[^$\n]{1,300}\$|[\"“„«「『][^\"“”„«»「」『』\n]{1,300}[\"”“»」』]")


@dataclass(frozen=True)
class _Bar:
    """What it takes to name a language: letters and words, the share of its stop words, its lead over the next."""

    letters: int
    words: int
    share: float
    lead: float


# A question is short, and an answer must not be rejected for three foreign words.
_OF_PROMPT = _Bar(letters=8, words=4, share=0.3, lead=1.5)
_OF_ANSWER = _Bar(letters=24, words=8, share=0.22, lead=1.5)


@dataclass(frozen=True)
class _Languages:
    stop: dict[str, frozenset[str]]
    names: re.Pattern[str]


def find_wrong_language(case: Case) -> Iterator[Reason]:
    """Whether the answer is in, or turns to, a language that the prompt is not in, does not quote or ask for."""
    problem = _problem(case)
    if problem is None or expression("prompt.about_translation").search(case.task):
        return
    if not load_languages().names.search(case.task):
        yield Reason("wrong_language", problem)


def _problem(case: Case) -> str | None:
    spoken = language_of(case.answer.prose)
    asked = _languages_in(case.prompt.text) if spoken is not None else set()
    if not asked:
        return None
    if not _is_among(spoken, asked) and not _has_script_of(spoken, case.prompt.text, asked):
        return "The answer is in another language than the prompt."
    if spoken not in ("zh", "ja", "ko") and _turns_east_asian(case):
        return "The answer turns to another language in the middle."
    return None


def language_of(text: str, bar: _Bar = _OF_ANSWER) -> str | None:
    """The ISO 639-1 code of the language that most of a text is in; None when it is short or mixed.

    "latin" when it is in Latin letters and in no language known for sure. What shares a script that is
    not Latin goes by one code: "ru" for all in Cyrillic, "ar" for all in Arabic letters.
    """
    plain = _NOT_PROSE.sub(" ", _sample(text))
    weights = Counter({name: len(found.findall(plain)) * _WEIGHT.get(name, 1) for name, found in _IN_SCRIPT.items()})
    least = max(bar.letters, _LEADING_SHARE * weights.total())
    if weights["kana"] + weights["han"] >= least:
        return "ja" if weights["kana"] >= _MIN_KANA_SHARE * weights.total() else "zh"
    script, weight = weights.most_common(1)[0]
    if weight < least:
        return None
    return _latin(plain, bar) if script == "latin" else script


@cache
def load_languages() -> _Languages:
    """The languages of `languages.toml`, read once."""
    document = tomllib.loads(_FILE.read_text("utf-8"))
    rows = document["language"]
    names = "|".join([*(row["names"] for row in rows), *document["scripts"].values()])
    # East Asian names stand without spaces around them.
    spaced, unspaced = _split_names(names.split("|"))
    pattern = re.compile(rf"\b(?:{'|'.join(spaced)})\b|{'|'.join(unspaced)}", re.IGNORECASE)
    return _Languages({row["code"]: frozenset(row["stop"].split()) for row in rows}, pattern)


def _split_names(names: list[str]) -> tuple[list[str], list[str]]:
    unspaced = [name for name in names if re.match(r"[\u3040-\u9fff\uac00-\ud7af]", name)]
    return [name for name in names if name not in unspaced], unspaced


def _sample(text: str) -> str:
    """The beginning and the end of a long text."""
    return text if len(text) <= 2 * _SAMPLE else f"{text[:_SAMPLE]}\n{text[-_SAMPLE:]}"


def _latin(text: str, bar: _Bar) -> str:
    """The language by its stop words in lines of prose: names, titles and lists of words are of no language."""
    words: list[str] = []
    for line in text.casefold().splitlines():
        in_line = _WORD.findall(line)
        if len(in_line) >= _PROSE_WORDS:
            words += in_line
    if len(words) < bar.words:
        return "latin"
    count = Counter(words)
    stops = load_languages().stop.items()
    shares = sorted(((sum(map(count.__getitem__, stop)) / len(words), code) for code, stop in stops), reverse=True)
    (share, code), (next_share, _) = shares[:2]
    told = share >= bar.share and share >= bar.lead * next_share
    return code if told and len(load_languages().stop[code] & count.keys()) >= _MIN_STOP_WORDS else "latin"


def _languages_in(prompt: str) -> set[str]:
    """The languages of the prompt as a whole and of its first and last paragraphs."""
    plain = _CODE_LINE.sub("", _sample(prompt))
    parts = re.split(r"\n\s*\n", plain)
    found = {language_of(part, _OF_PROMPT) for part in (plain, *parts[:8], *parts[-4:])} - {None}
    known = found - {"latin"}
    return {code for code in (known or found) if code}


def _is_among(spoken: str | None, asked: set[str]) -> bool:
    """Whether a language may be one of those that the prompt is in; "latin" may be any in Latin letters."""
    in_latin = {*load_languages().stop, "latin"}
    return spoken in asked or (spoken in in_latin and "latin" in {spoken, *asked} and bool(asked & in_latin))


def _has_script_of(spoken: str | None, prompt: str, asked: set[str]) -> bool:
    """Whether the prompt quotes the script of a language that is not written in Latin letters."""
    script = {"zh": "han", "ja": "kana"}.get(spoken or "", spoken or "")
    if script not in _IN_SCRIPT or (spoken == "zh" and "ja" in asked):
        return False
    return len(_IN_SCRIPT[script].findall(_sample(prompt))) >= 2


def _turns_east_asian(case: Case) -> bool:
    """Whether a text in another script has a run of Chinese, Japanese or Korean that is no name and no quotation."""
    run = _RUN.search(_NOT_PROSE.sub(" ", _BRACKETED.sub(" ", case.answer.prose)))
    return run is not None and _RUN.search(case.prompt.text) is None
