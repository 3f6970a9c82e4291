"""Final answers: finding them, reading them, and whether several say the same."""

from __future__ import annotations

from fractions import Fraction

import pytest

from services.scorer.checks.agreement import agreement, compare_finals
from services.scorer.checks.final_answer import final_answer
from services.scorer.checks.numbers import Number, read_number
from services.scorer.checks.values import read_value


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("42", "42", ""),
        ("-3.5", "-7/2", ""),
        ("\u22125", "-5", ""),
        ("1,234.50", "2469/2", ""),
        ("1.234,50", "2469/2", ""),
        ("1 234", "1234", ""),
        ("1,234", "1234", ""),
        ("1.234.567", "1234567", ""),
        ("12,5", "25/2", ""),
        ("0,125", "1/8", ""),
        ("1'234", "1234", ""),
        ("3/4", "3/4", ""),
        (r"\frac{3}{4}", "3/4", ""),
        (r"-\dfrac12", "-1/2", ""),
        ("1 1/2", "3/2", ""),
        ("$42$", "42", ""),
        ("$5.00", "5", "usd"),
        (r"\$5", "5", "usd"),
        ("-$3", "-3", "usd"),
        ("5 €", "5", "eur"),
        ("50%", "50", "%"),
        (r"50\%", "50", "%"),
        (r"90^\circ", "90", "°"),
        (r"24 \text{ cm}^2", "24", "cm²"),
        ("18 apples", "18", ""),
        ("90 minutes", "90", "min"),
        ("42个", "42", ""),
        ("3 million", "3000000", ""),
        ("1.5e3", "1500", ""),
        (r"1.5 \times 10^3", "1500", ""),
        ("10^{-3}", "1/1000", ""),
        ("42.", "42", ""),
    ],
)
def test_number_is_read_with_its_unit(text: str, value: str, unit: str) -> None:
    number = read_number(text)
    assert number is not None
    assert (number.value, number.unit) == (Fraction(value), unit)


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "9n", "2pi", "4√63", "5 or 6", "36 + 18", "1, 2", "1,2,3", "1/0", "7 hours 30 minutes"),
        *("12/25/2024", "1e999999", "10^99999999999", "²", "1.2.3", "5pm", "5 more than x", "9" * 200),
    ],
)
def test_what_is_more_than_a_number_is_none(text: str) -> None:
    assert read_number(text) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.40", "1.3953488372"),
        ("0.33", "1/3"),
        ("5 km", "5"),
        ("17,700", "17700.0"),
        ("x = 5", "5"),
        ("1.5 * 60 = 90", "90"),
        ("[1, 2]", "[1,2]"),
        ("{'a': 1, 'b': 2}", '{"b": 2, "a": 1.0}'),
        ('{"a": true}', "{'a': True}"),
        ("'0'", "0"),
        ('"BA"', "BA"),
        ("Paris", "paris."),
        ("The Hague", "the  hague"),
        ("**Paris**", "Paris"),
        ("(B)", "B."),
        ("option c", "C"),
        ("\\frac{x}{2}", "\\frac{x} {2}"),
        ("None", "None"),
    ],
)
def test_these_say_the_same(one: str, other: str) -> None:
    assert compare_finals([one, other]).share == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.4", "1.3953"),
        ("5 km", "5 m"),
        ("$5", "5%"),
        ("5", "-5"),
        ("9n", "9"),
        ("[1, 2]", "(1, 2)"),
        ("[1, 2]", "[2, 1]"),
        ("[1]", "[True]"),
        ("'hello'", "Hello"),
        ("'a'", "a."),
        ("'05'", "5"),
        ("' 7 '", "7"),
        ("'3.12'", "3.121"),
        ("Paris", "Lyon"),
        ("A", "B"),
        ("yes", "no"),
        ("True", "False"),
        ("___", "___"),
        ("", ""),
    ],
)
def test_these_do_not(one: str, other: str) -> None:
    assert compare_finals([one, other]).share <= 0.5


def test_groups_are_ordered_by_size_and_hold_every_answer_that_says_something() -> None:
    agreed = compare_finals(["7", "8", None, "8.0", "nine", "???"])
    assert agreed.groups == ((1, 3), (0,), (4,))
    assert agreed.answers == 6
    assert agreed.share == pytest.approx(1 / 3)
    assert [agreed.with_answer(index) for index in range(6)] == [1, 2, 1, 2, 1, 1]


def test_a_number_without_a_unit_joins_only_one_of_two_units() -> None:
    assert compare_finals(["5", "5 m", "5 km"]).groups == ((0, 1), (2,))


def test_doubt_is_greater_where_the_runner_up_is_larger() -> None:
    clear = compare_finals(["1", "1", "1", "2", "3"])
    close = compare_finals(["1", "1", "1", "2", "2"])
    split = compare_finals(["1", "1", "2", "2", "3"])
    assert clear.share == close.share > split.share
    assert 0 < clear.doubt < close.doubt < split.doubt < 1
    assert compare_finals(["1", "1"]).doubt == 0
    assert compare_finals([None, None]).doubt == 1


@pytest.mark.parametrize(
    ("text", "final"),
    [
        ("42", "42"),
        ("So the total is 42 apples.", "42 apples"),
        (r"Thus \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        (r"First \boxed{1}, but no: \boxed{2}", "2"),
        ("**Answer:** B) Paris", "B"),
        ("Therefore, the answer is **(C)**.", "(C)"),
        ("B. Paris", "B"),
        ("Yes, because it rains.", "Yes"),
        ("Nein.", "Nein"),
        ("#### 17", "17"),
        ("<think>is it 5?</think>\n7", "7"),
        ("```python\n[1, 2]\n```", "[1, 2]"),
        ("Final answer:\n\n42", "42"),
        ("Die Antwort lautet: 3,5 km.", "3,5 km"),
        ("La respuesta es 15 manzanas.", "15 manzanas"),
        ("一共有42个苹果。所以答案是42个。", "42个"),
        ("答えは42です。", "42"),
        ("Ответ: 7", "7"),
        ('{"reasoning": "it is", "answer": 42}', "42"),
        ("[ANSWER]'x y'[/ANSWER]", "'x y'"),
        ("The result is 3.5 because we divide.", "3.5"),
        ("Paris", "Paris"),
    ],
)
def test_final_answer_is_found(text: str, final: str) -> None:
    said = final_answer(text)
    assert said is not None
    assert said.rstrip(".") == final


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The capital of France is Paris.",
        "The war ended in 1945.",
        "No problem! Here is the poem:\n\nRoses are red",
        "Sure! Here is a list:\n- one\n- two",
        "The answer is: it depends on what you want to do with it.",
        "The result is chaos.",
        "```python\ndef f():\n    answer: int = 5\n    return answer\n```",
        "北京是中国的首都。",
    ],
)
def test_text_that_tells_has_no_final_answer(text: str) -> None:
    assert final_answer(text) is None


def test_wordy_answers_join_those_that_they_agree_with() -> None:
    agreed = agreement(["Paris", "The capital of France is Paris.", "Lyon", "**Paris**"])
    assert agreed is not None
    assert agreed.groups == ((0, 1, 3), (2,))
    numbers = agreement(["42", "Forty and two, that makes 42 in all", "43"])
    assert numbers is not None
    assert numbers.groups == ((0, 1), (2,))


def test_an_answer_that_names_several_of_the_others_joins_none() -> None:
    agreed = agreement(["Paris", "Lyon", "It is either Paris or Lyon, I would say.", "Paris"])
    assert agreed is not None
    assert agreed.groups == ((0, 3), (1,))


def test_free_text_cannot_be_compared() -> None:
    assert agreement(["A long walk by the sea in spring.", "Something else that was said at length."]) is None
    assert agreement(["Paris", "Something else that was said at length."]) is None


def test_values_keep_what_they_are() -> None:
    assert read_value("12 %") == read_value("12%")
    value = read_value("1/3")
    assert value is not None
    assert value.number == Number(Fraction(1, 3), None, "")
    assert read_value("[" * 100 + "]" * 100) is not None
