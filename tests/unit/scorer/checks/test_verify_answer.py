"""The verdict: what the reasons come to, in what order, and for any text at all."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.scorer.checks import Verdict, VerifyRequest, verify_answer
from services.scorer.checks.agreement import agreement

PROMPT = "What is 17 times 3? Give the number."
# Among the letters are the marks that the checks look for, so that they often meet.
PIECES = st.sampled_from(
    [
        *(
            "```",
            "```python\n",
            "```json\n",
            "```\n",
            "\n",
            "\\boxed{",
            "\\frac",
            "}",
            "{",
            "[",
            "(",
            '"',
            "'",
            "$",
            "=",
            "%",
        ),
        *("the answer is ", "####", "<think>", "I can't help with that.", "I'm sorry, but ", "only JSON", "def f():\n"),
        *("1,234.5", "1e999", "0x", "the ", "und ", ", ", ". ", ">>> ", "-" * 40, "我", "の"),
        *("\ud800", "\x00", "\u200b", "e\u0301"),
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=8), max_size=40).map("".join)


def verdict(answer: str, *samples: str, prompt: str = PROMPT, **more: Any) -> Verdict:
    return verify_answer(VerifyRequest(prompt, answer, samples=samples, **more))


@given(
    TEXTS,
    TEXTS,
    st.lists(TEXTS, max_size=3),
    st.booleans(),
    st.sampled_from([None, "stop", "length"]),
    st.sampled_from([None, {"type": "object"}, {"minLength": 3}, {"multipleOf": 0.1}, {"$ref": "#/x"}]),
)
@settings(max_examples=600)
@example("only JSON", "[" * 3000 + "]" * 3000, ["(" * 3000], True, None, {"type": "array"})
@example("Python?", "```python\n" + "-" * 9_000 + "1\n```", ["1e400", "9" * 5_000], False, None, None)
def test_any_text_gets_a_verdict(
    prompt: str, answer: str, samples: list[str], needs_json: bool, finish_reason: str | None, schema: Any
) -> None:
    request = VerifyRequest(prompt, answer, tuple(samples), finish_reason, needs_json, schema)
    verdict = verify_answer(request)
    assert 0 <= verdict.confidence <= 1
    assert verdict.accept == (not any(reason.rejects for reason in verdict.reasons))
    assert all(reason.code and reason.text.endswith(".") for reason in verdict.reasons)
    assert verdict == verify_answer(request)


@given(st.lists(TEXTS, min_size=1, max_size=6))
@settings(max_examples=400)
def test_any_answers_can_be_compared(answers: list[str]) -> None:
    agreed = agreement(answers)
    if agreed is not None:
        assert 0 < agreed.share <= 1
        assert 0 <= agreed.doubt <= 1
        assert sorted({*sum(agreed.groups, ())}) == sorted(sum(agreed.groups, ()))


def random_text(seed: int) -> str:
    draw = random.Random(seed)  # noqa: S311
    words = ("the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "while", "many", "people", "watch")
    return " ".join(draw.choice(words) + draw.choice(("", "", ".", ",")) for _ in range(25_000))[:100_000]


@pytest.mark.parametrize(
    "text",
    [
        random_text(0),
        random_text(1).replace(" ", "\n"),
        "```python\n" + "".join(f"def f{n}(a, b):\n    return a + {n}\n" for n in range(3_000))[:99_980] + "\n```",
        "a" * 100_000,
        " \n" * 50_000,
        "我" * 100_000,
        "1" * 100_000,
        "1," * 50_000,
        "```\n" * 25_000,
        "\\boxed{" * 14_000,
        "I'm sorry, but " * 6_000,
        "the answer is " * 7_000,
        "(" * 100_000,
        '"a ' * 33_000,
        "<a b " * 20_000,
        "e\u0301" * 50_000,
        "x:\n" * 33_000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_hundred_thousand_characters_take_milliseconds(text: str) -> None:
    # On an idle core of 2024 each takes 5 to 40 ms; what is not linear takes minutes.
    for prompt, answer, samples in [(text, text[:-1], ()), ("Explain this, as JSON only.", text, (text[1:],))]:
        begun = time.thread_time()
        verdict(answer, *samples, prompt=prompt)
        assert time.thread_time() - begun < 0.5


def test_an_answer_without_samples_has_one_witness() -> None:
    assert verdict("51") == Verdict(True, 0.6667, ())


def test_confidence_rises_with_every_answer_that_says_the_same() -> None:
    alone, two, three = verdict("51"), verdict("51", "51.0"), verdict("51", "The answer is 51.", "51")
    assert alone.confidence < two.confidence < three.confidence == 0.8


def test_confidence_falls_with_every_answer_that_says_something_else() -> None:
    assert verdict("51", "51", "51", "52").confidence < verdict("51", "51", "51", "51").confidence
    assert verdict("51", "51", "51", "52").accept


@pytest.mark.parametrize(
    ("samples", "accepted"),
    [(("52",), False), (("51", "52"), True), (("51", "52", "53"), False), (("51", "51", "52", "53"), True)],
)
def test_more_than_half_must_say_the_same(samples: tuple[str, ...], accepted: bool) -> None:
    got = verdict("51", *samples)
    assert got.accept == accepted
    assert [reason.code for reason in got.reasons] == ([] if accepted else ["samples_disagree"])


def test_the_answer_counts_and_not_what_most_say() -> None:
    assert not verdict("52", "51", "51", "51").accept


def test_disagreement_says_how_many_agree() -> None:
    assert "1 of 3" in verdict("51", "52", "53").reasons[0].text


def test_an_empty_sample_agrees_with_nothing() -> None:
    assert not verdict("51", "", "52").accept
    assert verdict("51", "", "51").accept


def test_an_answer_that_is_wordy_is_compared_by_its_last_number() -> None:
    assert verdict("Seventeen taken three times makes 51 in all", "51", "51").confidence == 0.8


def test_reasons_that_reject_come_first() -> None:
    fenced = "```json\n{broken}\n```"
    codes = [reason.code for reason in verdict(fenced, prompt="Only JSON, please: {}").reasons]
    assert codes[0] == "invalid_json"
    assert "fenced_json" in codes[1:]


def test_each_reason_lowers_the_confidence() -> None:
    refused = "I'm sorry, but I can't help with that."
    one = verdict(refused)
    two = verdict(refused, finish_reason="length")
    assert one.confidence == pytest.approx(2 / 3 * 0.2, abs=1e-4)
    assert two.confidence == pytest.approx(2 / 3 * 0.04, abs=1e-4)


def test_an_empty_answer_has_no_other_reason() -> None:
    got = verdict("", "51", "51", needs_json=True)
    assert [reason.code for reason in got.reasons] == ["empty"]


def test_a_warning_alone_does_not_reject() -> None:
    got = verdict("```python\nprint(51)", prompt="Print 51 in Python.")
    assert (got.accept, [reason.code for reason in got.reasons]) == (True, ["cut_off"])
    assert got.confidence == pytest.approx(2 / 3 * 0.8, abs=1e-4)


def test_a_model_that_stopped_by_itself_may_leave_out_the_full_stop() -> None:
    long = "The house stands by the river. " * 12 + "And in the garden, under the old trees, there are " + "chairs " * 8
    prompt = "Describe the house, again and again."
    assert [r.code for r in verdict(long, prompt=prompt).reasons] == ["cut_off"]
    assert verdict(long, prompt=prompt, finish_reason="stop").accept
    assert not verdict(long + "and the", prompt=prompt, finish_reason="stop").accept
