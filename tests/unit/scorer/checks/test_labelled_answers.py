"""The verdicts on answers as local models give them, good and bad, in a dozen languages."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from services.scorer.checks import Verdict, VerifyRequest, verify_answer

DOCUMENT = tomllib.loads(Path(__file__).with_name("labelled_answers.toml").read_text("utf-8"))


def verdict_on(row: dict[str, Any]) -> Verdict:
    more = {name: row[name] for name in ("finish_reason", "needs_json") if name in row}
    return verify_answer(VerifyRequest(row["prompt"], row["answer"], samples=tuple(row.get("samples", ())), **more))


@pytest.mark.parametrize("row", DOCUMENT["accepted"], ids=lambda row: row["name"])
def test_good_answer_is_accepted(row: dict[str, Any]) -> None:
    verdict = verdict_on(row)
    assert verdict.accept, verdict.reasons
    assert sorted(reason.code for reason in verdict.reasons) == sorted(row.get("codes", []))
    assert verdict.confidence > 0.4


@pytest.mark.parametrize("row", DOCUMENT["rejected"], ids=lambda row: row["name"])
def test_bad_answer_is_rejected_for_what_is_wrong_with_it(row: dict[str, Any]) -> None:
    verdict = verdict_on(row)
    assert not verdict.accept
    assert sorted(reason.code for reason in verdict.reasons) == sorted(row["codes"])
    assert verdict.confidence <= 0.5


def test_names_tell_the_answers_apart() -> None:
    names = Counter(row["name"] for rows in DOCUMENT.values() for row in rows)
    assert max(names.values()) == 1
