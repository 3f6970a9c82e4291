"""What the checks read an answer as: its visible text, its code blocks, its prose, its language."""

from __future__ import annotations

import subprocess
import sys

import pytest

from services.scorer.checks import VerifyRequest, verify_answer
from services.scorer.checks.language import language_of
from services.scorer.checks.python_source import MAX_TOKENS, TooLong, parse_python
from services.scorer.checks.reading import Block, Reading, visible


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (" hi \n", "hi"),
        ("<think>no</think>\n\nyes", "yes"),
        ("<thinking>no", ""),
        ("I <think> so", "I <think> so"),
        ("hello<|im_end|>", "hello"),
        ("\u200b\ufeff", ""),
        ("<s>[INST]", ""),
    ],
)
def test_thinking_and_marks_of_the_model_are_not_seen(text: str, seen: str) -> None:
    assert visible(text) == seen


def test_blocks_have_their_label_and_know_whether_they_are_closed() -> None:
    reading = Reading.of("Look:\n```Python title=x\na = 1\n```\nand\n~~~~\n```\nb\n~~~~\nor `c`\n```json\n{")
    assert reading.blocks == (
        Block("python", "a = 1", closed=True),
        Block("", "```\nb", closed=True),
        Block("json", "{", closed=False),
    )
    assert reading.lines == ["Look:", "and", "or"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The cat sat on the mat and looked at the rain that was falling on the street.", "en"),
        ("Die Katze sitzt auf der Matte und sieht den Regen, der auf die Straße fällt.", "de"),
        ("El gato está en la alfombra y mira la lluvia que cae sobre las calles de la ciudad.", "es"),
        ("Le chat est sur le tapis et regarde la pluie qui tombe sur les rues de la ville.", "fr"),
        ("Il gatto è sul tappeto e guarda la pioggia che cade sulle strade della città, come ogni giorno.", "it"),
        ("O gato está no tapete e olha para a chuva que cai sobre as ruas da cidade, como em todos os dias.", "pt"),
        ("De kat zit op de mat en kijkt naar de regen die op de straat valt, zoals elke dag van het jaar.", "nl"),
        ("Katten sitter på mattan och ser på regnet som faller över gatan, som den gör varje dag.", "latin"),
        ("Кошка сидит на коврике и смотрит на дождь.", "ru"),
        ("猫坐在垫子上看着外面的雨。", "zh"),
        ("猫はマットの上に座って雨を見ています。", "ja"),
        ("고양이는 매트에 앉아 비를 보고 있습니다.", "ko"),
        ("القطة تجلس على السجادة وتنظر إلى المطر", "ar"),
        ("बिल्ली चटाई पर बैठी है और बारिश देख रही है", "hi"),
        ("Here Comes the Sun\nLet It Be\nHey Jude", "latin"),
        ("Lorem ipsum dolor sit amet consectetur adipiscing elit sed eiusmod tempor", "latin"),
        ("42", None),
        ("Paris 巴黎 Париж 東京 Tokyo Токио", None),
    ],
)
def test_language_is_told_by_script_and_common_words(text: str, code: str | None) -> None:
    assert language_of(text) == code


@pytest.mark.parametrize("source", ["(" * 5_000, "-" * 4_000 + "1", "\x00", "\ud800", "if x:\n" * 200, "def f(", "a b"])
def test_source_without_a_tree_is_a_syntax_error(source: str) -> None:
    with pytest.raises(SyntaxError):
        parse_python(source)


def test_long_source_is_not_parsed_and_not_held_against_the_answer() -> None:
    source = "x = 1\n" * MAX_TOKENS + "def f(:"
    with pytest.raises(TooLong):
        parse_python(source)
    assert verify_answer(VerifyRequest("Write a Python script.", f"```python\n{source}\n```")).accept


def test_odd_escapes_in_checked_code_are_neither_printed_nor_held_against_the_answer() -> None:
    script = (
        "from services.scorer.checks import VerifyRequest, verify_answer\n"
        r"answer = '```python\nprint(\'\\d\' is 1)\n```'" + "\n"
        "assert verify_answer(VerifyRequest('Write Python code.', answer)).accept\n"
    )
    for option in ("always", "error::SyntaxWarning", "error::DeprecationWarning"):
        done = subprocess.run([sys.executable, "-W", option, "-c", script], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert "Warning: invalid" not in done.stderr
