"""Which models can be used."""

from __future__ import annotations

import pytest

from services.catalog import Catalogue
from services.scorer.availability import AvailabilityWatch, OllamaUnreachable, canonical_tag, judge_availability


@pytest.mark.parametrize(
    ("one", "other"),
    [("phi", "phi:latest"), ("PHI", "phi"), ("library/phi", "phi"), ("registry.ollama.ai/library/phi", "phi:latest")],
)
def test_equal_tags(one: str, other: str) -> None:
    assert canonical_tag(one) == canonical_tag(other)


@pytest.mark.parametrize(
    ("one", "other"), [("phi", "phi:3b"), ("phi", "phi2"), ("me/phi", "phi"), ("host:5000/phi", "phi")]
)
def test_different_tags(one: str, other: str) -> None:
    assert canonical_tag(one) != canonical_tag(other)


def unavailable(catalogue: Catalogue, tags: list[str] | OllamaUnreachable, *, cloud_key: bool = True) -> set[str]:
    return set(judge_availability(catalogue, tags, cloud_key=cloud_key).unavailable)


def test_local_models_need_their_tag(catalogue: Catalogue) -> None:
    assert unavailable(catalogue, ["tiny:latest", "MID:2B", "big"]) == {"mini"}
    assert unavailable(catalogue, ["mid"]) == {"tiny", "mini", "mid", "big"}


def test_cloud_models_need_the_key(catalogue: Catalogue) -> None:
    clouds = {model.name for model in catalogue.models if not model.is_local}
    assert unavailable(catalogue, ["tiny", "mini", "mid:2b", "big"], cloud_key=False) == clouds


def test_reasons_are_in_words(catalogue: Catalogue) -> None:
    tiny, sky = catalogue.find("tiny"), catalogue.find("sky")
    missing = judge_availability(catalogue, [], cloud_key=False)
    assert missing.reason(tiny) == "Ollama does not have it: run 'ollama pull tiny'"
    assert "ANTHROPIC_API_KEY" in (missing.reason(sky) or "")
    away = judge_availability(catalogue, OllamaUnreachable("Ollama sleeps"), cloud_key=True)
    assert (away.reason(tiny), away.reason(sky)) == ("Ollama sleeps", None)


def test_before_the_first_answer_and_long_after_the_last_one_nothing_local_can_be_used(catalogue: Catalogue) -> None:
    now = [0.0]
    watch = AvailabilityWatch(catalogue, "http://127.0.0.1:9", cloud_key=True, monotonic=lambda: now[0])
    tiny = catalogue.find("tiny")
    assert watch.current().reason(tiny) == "Ollama has not answered yet"
    now[0] = 60.0
    assert watch.problem() == "Ollama has not finished an answer for a while"
    assert watch.current().reason(tiny) == watch.problem()
