"""Numbers as models write them: separators, fractions, LaTeX, powers of ten, currencies and units."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

_MAX_CHARACTERS = 120
_MAX_POWER = 300

_TYPOGRAPHY = str.maketrans({0x2212: "-", 0x2013: "-", 0x2009: " ", 0x202F: " ", 0xA0: " ", 0xD7: "*", 0xB7: "*"})
_CURRENCIES = {"us$": "usd", "usd": "usd", "$": "usd", "€": "eur", "eur": "eur", "£": "gbp", "¥": "jpy", "₹": "inr"}
_MULTIPLIERS = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12}
# One name for each measure. Two numbers with different ones are different answers; a word that is
# not here ("apples") is taken for what is counted and says nothing.
_UNITS = {
    spelling: names.split()[0]
    for names in (
        "% percent pct prozent", "usd $ dollar dollars bucks", "cent cents", "eur € euro euros", "gbp £",
        "° degrees degree deg grad", "s sec secs second seconds sekunden", "min mins minute minutes minuten",
        "h hr hrs hour hours stunden", "days day tage", "weeks week", "months month", "years year yrs jahre",
        "mm", "cm", "m meter meters metre metres", "km kilometer kilometers kilometre kilometres", "in inch inches",
        "ft feet foot", "yd yards yard", "mi mile miles", "mg", "g gram grams", "kg kilogram kilograms", "lb lbs",
        "ml", "l liter liters litre litres",
        "km/h kmh kph", "mph", "m/s", "kb", "mb", "gb", "w", "kw", "kwh", "°c", "°f",
    )
    for spelling in names.split()
}  # fmt: skip
_NO_COUNTED_THING = frozenset(
    [
        "and",
        "or",
        "to",
        "plus",
        "minus",
        "times",
        "over",
        "than",
        "from",
        "sqrt",
        "mod",
        "more",
        "less",
        "log",
        "sin",
        "cos",
        "tan",
    ]
)

_MONEY = re.compile(rf"([-+]?)\s*({'|'.join(map(re.escape, _CURRENCIES))})\s*(?=[-\d.,])")
_NUMBER = re.compile(
    r"(?P<sign>[-+]?)\s*(?:(?P<whole>\d+)\s+(?P<n>\d+)/(?P<d>\d+)|(?P<top>\d[\d,]*)\s*/\s*(?P<bottom>\d[\d,]*)"
    r"|(?P<ten>10\^\{?[-+]?\d+\}?)"
    r"|(?P<plain>\d+(?:[,.' _]\d+)*|[.,]\d+)\.?(?:e(?P<e>[-+]?\d+)|\s*[*x]\s*10\^?\{?(?P<power>[-+]?\d+)\}?)?)"
)
_COUNTER = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{1,4}")
_GROUPED = re.compile(r"\d{1,3}([,.' _])\d{3}(?:\1\d{3})*|\d{1,2}(?:,\d{2})+,\d{3}")
_LATEX_FRACTION = re.compile(r"\\[dtc]?frac\s*(?:\{\s*(-?\d+)\s*\}\s*\{\s*(\d+)\s*\}|(\d)\s*(\d))")
_LATEX_WRAP = re.compile(r"\\(?:text|mathrm|mathbf|textbf|mbox)\s*\{([^{}]*)\}")
_LATEX_SPACE = re.compile(r"\\left|\\right|\\[()\[\]!,;: ]|\\q?quad|\$|~")
_LATEX_NAMES = ((r"\$", "\0"), (r"\cdot", "*"), (r"\times", "*"), (r"^\circ", "°"), (r"^{\circ}", "°"), (r"\%", "%"))


@dataclass(frozen=True)
class Number:
    """A number: its exact value, how many decimal places it was written with, and its unit ("" for none).

    `places` is None for fractions and powers, which are exact.
    """

    value: Fraction
    places: int | None
    unit: str

    def same(self, other: Number) -> bool:
        """Equal, or one is the other rounded to two or more places; known units must not differ."""
        if self.unit and other.unit and self.unit != other.unit:
            return False
        return self.value == other.value or self._rounds_to(other) or other._rounds_to(self)

    def _rounds_to(self, coarse: Number) -> bool:
        if coarse.places is None or coarse.places < 2 or (self.places is not None and self.places <= coarse.places):
            return False
        return bool(abs(self.value - coarse.value) * 10**coarse.places <= Fraction(1, 2))


def plain_latex(text: str) -> str:
    r"""`text` with LaTeX's common marks in plain characters: "\frac{3}{4}" as "3/4", no dollar signs."""
    if "\\" not in text and "$" not in text:
        return text.strip()
    for mark, plain in _LATEX_NAMES:
        text = text.replace(mark, plain)
    text = _LATEX_FRACTION.sub(lambda m: f" {m[1] or m[3]}/{m[2] or m[4]}", text)
    return _LATEX_SPACE.sub("", _LATEX_WRAP.sub(r"\1", text)).replace("\0", "$").strip()


def read_number(text: str) -> Number | None:
    """The number that the whole of `text` is, with its currency or unit; None when it is anything else."""
    if len(text) > _MAX_CHARACTERS:
        return None
    text = text.translate(_TYPOGRAPHY).strip().lstrip("~≈ ")
    if text.count("$") == 1:  # money, where a pair is LaTeX
        text = text.replace("\\$", "$").replace("$", "\\$")
    plain = plain_latex(text).casefold()
    money = _MONEY.match(plain)
    if money is None:
        return _with_unit(plain)
    number = _with_unit(money[1] + plain[money.end() :])
    return replace(number, unit=_CURRENCIES[money[2]]) if number else None


def _with_unit(text: str) -> Number | None:
    match = _NUMBER.match(text)
    number = match and _value(match)
    if match is None or number is None:
        return None
    rest = text[match.end() :]
    first = rest.split(maxsplit=1)[0] if rest.strip() else ""
    if first in _MULTIPLIERS:
        number, rest = Number(number.value * _MULTIPLIERS[first], None, ""), rest.lstrip().removeprefix(first)
    unit = _unit(rest)
    return None if unit is None else replace(number, unit=unit)


def _value(match: re.Match[str]) -> Number | None:
    sign = -1 if match["sign"] == "-" else 1
    if match["whole"]:
        return _ratio(sign, match["n"], match["d"], int(match["whole"]))
    if match["top"]:
        return _ratio(sign, match["top"], match["bottom"])
    digits = "1" if match["ten"] else _decimal_digits(match["plain"])
    power = int((match["ten"] or "").removeprefix("10^").strip("{}") or match["e"] or match["power"] or 0)
    if digits is None or abs(power) > _MAX_POWER:
        return None
    places = None if power else len(digits.partition(".")[2])
    return Number(sign * Fraction(Decimal(digits)) * Fraction(10) ** power, places, "")


def _ratio(sign: int, top: str, bottom: str, whole: int = 0) -> Number | None:
    over, under = int(top.replace(",", "")), int(bottom.replace(",", ""))
    return Number(sign * (whole + Fraction(over, under)), None, "") if under else None


def _decimal_digits(text: str) -> str | None:
    """Plain digits with a point, from either convention: "1,234.5", "1.234,5", "1 234"; "1,234" is a thousand."""
    if "," in text and "." in text:
        whole, _, part = text.rpartition(max(",.", key=text.rfind))
        grouped = _ungrouped(whole)
        return f"{grouped}.{part}" if grouped is not None and part.isdigit() else None
    if re.fullmatch(r"\d*(?:\.\d+)?", text):
        return text
    if not text.startswith("0") and (grouped := _ungrouped(text)) is not None:
        return grouped
    whole, _, part = text.rpartition(",")
    return f"{whole or 0}.{part}" if part.isdigit() and (not whole or whole.isdigit()) else None


def _ungrouped(text: str) -> str | None:
    if text.isdigit():
        return text
    return re.sub(r"\D", "", text) if _GROUPED.fullmatch(text) else None


def _unit(rest: str) -> str | None:
    """The unit after a number; "" for none or for the thing that is counted, None when it is something else."""
    words = rest.strip().rstrip(".!").split()
    name = " ".join(words).replace("^2", "²").replace("^3", "³")
    if not name:
        return ""
    if name.rstrip("²³") in _UNITS:
        return _UNITS[name.rstrip("²³")] + name[len(name.rstrip("²³")) :]
    if _COUNTER.fullmatch(name):
        return ""
    # Without a space it belongs to the number, as in 9n or 4pi.
    if not rest[0].isspace() or len(words) > 3 or _NO_COUNTED_THING & set(words):
        return None
    return "" if all(len(word) > 2 and word.isalpha() for word in words) else None
