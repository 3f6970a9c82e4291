"""Which model takes a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.scorer.policy import Policy
from services.scorer.route import Route

Decide = Callable[..., Route]
LOCALS = ("tiny", "mini", "mid", "big")
CLOUDS = ("sky-pro", "sky", "sky-old", "sky-new")
LONG = "word " * 5_000
NOT_ALLOWED = ("model_not_allowed", 403)


def chosen(route: Route) -> str | None:
    return route.model.name if route.model else None


def fallbacks(route: Route) -> list[str]:
    return [model.name for model in route.fallbacks]


def refusal(route: Route) -> tuple[str, int]:
    assert route.decision == "refused"
    assert route.model is None
    assert route.error is not None
    return route.error.code, route.error.status


@pytest.mark.parametrize(
    ("complexity", "model", "decision"),
    [
        (0.0, "tiny", "local"),
        (0.29, "tiny", "local"),
        (0.3, "mid", "local"),
        (0.6, "sky", "cloud"),
        (1.0, "sky", "cloud"),
    ],
)
def test_complexity_decides_the_tier(route: Decide, complexity: float, model: str, decision: str) -> None:
    got = route(complexity)
    assert (chosen(got), got.decision, got.tier) == (model, decision, got.model and got.model.tier)


def test_thresholds_of_the_request_go_before_the_policy(route: Decide) -> None:
    assert chosen(route(0.5, thresholds={"medium": 0.4})) == "big"
    assert chosen(route(0.5, thresholds={"small": 0.55})) == "tiny"
    assert chosen(route(0.5, thresholds={"small": 0, "medium": 0, "large": 0})) == "sky"


def test_next_larger_local_model_stands_in_before_the_cloud(route: Decide) -> None:
    got = route(0.1, without=("tiny", "mini"))
    assert chosen(got) == "mid"
    assert "no small local model can take it now" in got.reasoning


def test_without_an_adequate_local_model_the_cloud_takes_it(route: Decide) -> None:
    got = route(0.4, without=("mid", "big"))
    assert (chosen(got), got.decision) == ("sky", "cloud")
    assert fallbacks(got) == ["mini", "tiny"]


def test_without_the_cloud_the_best_local_model_takes_a_local_prompt(route: Decide) -> None:
    got = route(0.4, without=("mid", "big", *CLOUDS))
    assert got.decision == "local"
    assert got.tier == "small"
    assert "ANTHROPIC_API_KEY" in got.reasoning


def test_without_the_cloud_a_cloud_prompt_is_refused_and_told_what_to_set(route: Decide) -> None:
    got = route(0.9, without=CLOUDS)
    assert refusal(got) == ("cloud_not_configured", 503)
    assert got.error
    assert "ANTHROPIC_API_KEY" in got.error.message
    assert got.complexity == 0.9


def test_policy_may_let_the_best_local_model_take_a_cloud_prompt(route: Decide, policy: Policy) -> None:
    got = route(0.9, without=CLOUDS, policy=replace(policy, cloud_unavailable="local"))
    assert (chosen(got), got.decision) == ("big", "local")
    assert "a cloud model is needed" in got.reasoning
    assert fallbacks(got) == ["mid", "mini", "tiny"]


def test_local_switched_off_sends_everything_to_the_cloud(route: Decide, policy: Policy) -> None:
    got = route(0.0, policy=replace(policy, use_local_for_simple=False))
    assert chosen(got) == "sky"
    assert "USE_LOCAL_FOR_SIMPLE" in got.reasoning


def test_nothing_at_all_names_the_missing_key(route: Decide) -> None:
    got = route(0.1, without=LOCALS + CLOUDS)
    assert refusal(got) == ("cloud_not_configured", 503)
    assert got.error
    assert "ANTHROPIC_API_KEY" in got.error.message
    assert "tiny is not here" in got.error.message


def test_fallbacks_of_a_local_choice_go_up_then_down(route: Decide) -> None:
    assert fallbacks(route(0.1)) == ["mini", "mid", "big", "sky"]
    assert fallbacks(route(0.4)) == ["big", "sky", "mini", "tiny"]


def test_fallbacks_of_the_cloud_are_local_models_largest_first(route: Decide) -> None:
    assert fallbacks(route(0.9)) == ["big", "mid", "mini", "tiny"]


@pytest.mark.parametrize("complexity", [0.1, 0.4, 0.9])
def test_local_only_never_leaves_the_machine(route: Decide, complexity: float) -> None:
    got = route(complexity, privacy="local-only")
    assert got.decision == "local"
    assert not {*fallbacks(got)} & {*CLOUDS}


def test_local_only_hard_prompt_gets_the_largest_local_model(route: Decide) -> None:
    got = route(0.9, privacy="local-only")
    assert chosen(got) == "big"
    assert "must stay local" in got.reasoning


def test_what_only_the_cloud_can_do_goes_there_however_easy(route: Decide) -> None:
    got = route(0.1, cloud_only=["thinking"])
    assert (chosen(got), fallbacks(got), got.local_fallback) == ("sky", [], None)
    assert "local model can take it" in got.reasoning
    assert chosen(route(0.1, cloud_only=["thinking"], needs={"tools": True}, model="sky")) == "sky"


@pytest.mark.parametrize("body", [{"model": "tiny"}, {"privacy": "local-only"}, {"allowed_models": ["tiny"]}])
def test_what_only_the_cloud_can_do_is_refused_where_it_may_not_go(route: Decide, body: dict[str, Any]) -> None:
    got = route(0.1, cloud_only=["thinking", "an image by its address"], **body)
    assert refusal(got) == ("ability_missing", 400)
    assert got.error
    assert "no support for thinking and an image by its address" in got.error.message


def test_tools_without_a_key_for_the_cloud_say_both_reasons(route: Decide) -> None:
    got = route(0.1, needs={"tools": True}, without=(*CLOUDS, "big"))
    assert refusal(got) == ("cloud_not_configured", 503)
    assert got.error
    assert "no support for tools" in got.error.message


def test_local_only_without_local_models_is_refused(route: Decide) -> None:
    got = route(0.1, privacy="local-only", without=LOCALS)
    assert refusal(got) == ("no_local_model", 503)
    assert got.error
    assert "tiny is not here" in got.error.message


def test_local_only_and_too_long_for_all_is_413(route: Decide) -> None:
    assert refusal(route(0.1, privacy="local-only", prompt=LONG * 2)) == ("prompt_too_long", 413)


def test_pinned_cloud_model_conflicts_with_local_only(route: Decide) -> None:
    assert refusal(route(0.1, privacy="local-only", model="sky")) == ("privacy_conflict", 400)


@pytest.mark.parametrize("name", ["sky", "claude-sonnet", "sky-20260101"])
def test_pinned_model_is_found_by_name_alias_and_id(route: Decide, name: str) -> None:
    got = route(0.0, model=name)
    assert (chosen(got), got.decision) == ("sky", "cloud")


def test_pinned_model_is_taken_whatever_the_complexity_and_has_no_stand_in(route: Decide) -> None:
    got = route(0.99, model="tiny")
    assert (chosen(got), fallbacks(got)) == ("tiny", [])


def test_pinned_model_is_taken_when_local_is_switched_off(route: Decide, policy: Policy) -> None:
    assert chosen(route(0.0, model="tiny", policy=replace(policy, use_local_for_simple=False))) == "tiny"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"model": "gpt-9"}, ("unknown_model", 400)),
        ({"model": "tiny", "without": ("tiny",)}, ("model_unavailable", 503)),
        ({"model": "sky-pro", "without": CLOUDS}, ("cloud_not_configured", 503)),
        ({"model": "tiny", "prompt": LONG}, ("prompt_too_long", 413)),
        ({"model": "sky-old"}, ("model_retired", 400)),
        ({"model": "tiny", "needs": {"tools": True}}, ("ability_missing", 400)),
    ],
)
def test_pinned_model_that_cannot_take_it_is_refused(
    route: Decide, body: dict[str, Any], expected: tuple[str, int]
) -> None:
    assert refusal(route(0.1, **body)) == expected


def test_retired_cloud_model_of_the_policy_is_not_the_callers_fault(route: Decide, policy: Policy) -> None:
    assert refusal(route(0.9, policy=replace(policy, cloud_model="sky-old"))) == ("model_retired", 503)


def test_retired_model_was_usable_before_its_day(route: Decide) -> None:
    assert chosen(route(0.1, model="sky-old", now=datetime(2026, 6, 14, 23, 59, tzinfo=UTC))) == "sky-old"


def test_needed_ability_leaves_out_models_without_it(route: Decide) -> None:
    tools = route(0.1, needs={"tools": True})
    assert (chosen(tools), fallbacks(tools)) == ("big", ["sky"])
    images = route(0.1, needs={"images": True})
    assert (chosen(images), fallbacks(images)) == ("sky", [])


def test_prompt_that_no_small_window_holds_goes_to_a_larger_one(route: Decide) -> None:
    got = route(0.1, prompt=LONG)
    assert (chosen(got), fallbacks(got)) == ("big", ["sky"])


def test_longest_answer_of_the_model_bounds_the_room_kept_for_it(route: Decide) -> None:
    assert chosen(route(0.1, max_tokens=100_000)) == "tiny"


def test_prompt_over_the_limit_of_characters_is_413(route: Decide, policy: Policy) -> None:
    short = replace(policy, max_prompt_characters=10)
    assert chosen(route(0.1, policy=short, prompt="x" * 10)) == "tiny"
    assert refusal(route(0.1, policy=short, prompt="x" * 11)) == ("prompt_too_long", 413)


def test_prompt_too_long_for_the_cloud_too_is_413(route: Decide, policy: Policy) -> None:
    roomy = replace(policy, max_prompt_characters=10**7)
    assert refusal(route(0.1, policy=roomy, prompt="word " * 200_000)) == ("prompt_too_long", 413)


def test_cost_is_estimated_from_the_prompt_and_an_expected_answer(route: Decide) -> None:
    got = route(0.9)
    assert got.estimated_cost == (Decimal(got.input_tokens) * 2 + 500 * 10) / 10**6
    assert route(0.9, max_tokens=100).estimated_cost == (Decimal(got.input_tokens) * 2 + 100 * 10) / 10**6
    assert route(0.1).estimated_cost == 0


@pytest.mark.parametrize("complexity", [0.1, 0.9])
def test_best_local_model_is_named_for_when_no_money_may_be_spent(route: Decide, complexity: float) -> None:
    def best(**given: Any) -> str | None:
        got = route(complexity, **given)
        return got.local_fallback.name if got.local_fallback else None

    assert best() == "big"
    assert best(without=("big",)) == "mid"
    assert best(prompt=LONG) == "big"
    assert best(needs={"images": True}) is None
    assert best(without=LOCALS) is None
    assert best(privacy="local-only") == "big"
    assert best(without=LOCALS + CLOUDS) is None


@pytest.mark.parametrize("cloud_unavailable", ["refuse", "local"])
def test_best_local_model_is_named_whatever_the_policy_does_without_a_cloud(
    route: Decide, policy: Policy, cloud_unavailable: str
) -> None:
    got = route(0.9, policy=replace(policy, cloud_unavailable=cloud_unavailable))
    assert got.local_fallback
    assert got.local_fallback.name == "big"


def test_pinned_model_has_no_fallback_but_the_one_of_a_spent_budget(route: Decide) -> None:
    got = route(0.1, model="sky")
    assert fallbacks(got) == []
    assert got.local_fallback
    assert got.local_fallback.name == "big"


@pytest.mark.parametrize(
    ("complexity", "allowed", "model", "others"),
    [
        (0.1, ["tiny", "big", "sky"], "tiny", ["big", "sky"]),
        (0.1, ["big", "sky"], "big", ["sky"]),
        (0.1, ["sky"], "sky", []),
        (0.9, ["claude-sonnet", "mid:2b"], "sky", ["mid"]),
        (0.9, ["tiny", "mid"], "mid", ["tiny"]),
        (0.4, ["tiny"], "tiny", []),
        (0.9, ["sky-pro"], "sky-pro", []),
        (0.9, ["sky-new", "sky-pro", "sky-old"], "sky-pro", []),
        (0.1, ["sky-20260101", "gone"], "sky", []),
    ],
)
def test_only_the_allowed_models_are_chosen_and_stand_in(
    route: Decide, complexity: float, allowed: list[str], model: str, others: list[str]
) -> None:
    got = route(complexity, allowed_models=allowed)
    assert (chosen(got), fallbacks(got)) == (model, others)


def test_allowed_models_bound_the_local_fallback_too(route: Decide) -> None:
    assert route(0.9, allowed_models=["sky"]).local_fallback is None
    got = route(0.9, allowed_models=["sky", "mini"])
    assert got.local_fallback
    assert got.local_fallback.name == "mini"


def test_the_cheap_cloud_model_takes_hard_prompts_where_it_is_the_only_one_allowed(
    route: Decide, policy: Policy
) -> None:
    cheap = replace(policy, cloud_model="sky-pro", cheap_cloud_model="sky", cheap_cloud_below=0.7)
    assert chosen(route(0.65, policy=cheap)) == "sky"
    assert chosen(route(0.9, policy=cheap)) == "sky-pro"
    assert chosen(route(0.9, policy=cheap, allowed_models=["sky"])) == "sky"
    assert chosen(route(0.9, policy=cheap, allowed_models=["sky", "sky-new"])) == "sky-new"
    assert chosen(route(0.65, policy=cheap, allowed_models=["sky", "sky-new"])) == "sky"


def test_a_key_without_cloud_models_gets_its_best_local_one_and_is_told_why(route: Decide) -> None:
    got = route(0.9, allowed_models=["tiny", "mid"])
    assert (got.decision, got.by_threshold) == ("local", False)
    assert "the API key may not use it" in got.reasoning
    assert route(0.9, allowed_models=["tiny", "mid", "sky"]).by_threshold


@pytest.mark.parametrize("name", ["sky", "claude-sonnet", "sky-20260101"])
def test_model_named_by_a_key_that_may_not_use_it_is_refused(route: Decide, name: str) -> None:
    got = route(0.1, model=name, allowed_models=["tiny"])
    assert refusal(got) == NOT_ALLOWED
    assert got.error
    assert "sky" in got.error.message
    assert chosen(route(0.1, model=name, allowed_models=["sky"])) == "sky"
    assert refusal(route(0.1, model="gpt-9", allowed_models=["tiny"])) == ("unknown_model", 400)


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ({"allowed_models": []}, NOT_ALLOWED),
        ({"allowed_models": ["gone"]}, NOT_ALLOWED),
        ({"allowed_models": ["tiny", "mid"], "without": LOCALS}, ("no_local_model", 503)),
        ({"allowed_models": ["tiny", "sky"], "without": LOCALS + CLOUDS}, ("cloud_not_configured", 503)),
        ({"allowed_models": ["sky"], "without": CLOUDS}, ("cloud_not_configured", 503)),
        ({"allowed_models": ["sky"], "privacy": "local-only"}, ("no_local_model", 503)),
        ({"allowed_models": ["tiny"], "prompt": LONG}, ("prompt_too_long", 413)),
    ],
)
def test_without_a_usable_model_of_the_key_the_request_is_refused(
    route: Decide, given_: dict[str, Any], expected: tuple[str, int]
) -> None:
    assert refusal(route(0.1, **given_)) == expected


@given(
    complexity=st.floats(0, 1),
    without=st.sets(st.sampled_from([*LOCALS, *CLOUDS])),
    needs=st.sets(st.sampled_from(["tools", "images", "json"])),
    privacy=st.sampled_from(["any", "local-only"]),
    model=st.sampled_from(["auto", "auto", *LOCALS, *CLOUDS, "gpt-9"]),
    prompt=st.sampled_from(["hi", LONG, LONG * 2]),
    allowed=st.none() | st.sets(st.sampled_from([*LOCALS, *CLOUDS])),
)
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_every_route_keeps_what_was_promised(
    route: Decide,
    complexity: float,
    without: set[str],
    needs: set[str],
    privacy: str,
    model: str,
    prompt: str,
    allowed: set[str] | None,
) -> None:
    body = {"needs": dict.fromkeys(needs, True), "privacy": privacy, "model": model, "prompt": prompt}
    names = None if allowed is None else sorted(allowed)
    got = route(complexity, without=tuple(without), allowed_models=names, **body)
    assert (got.decision == "refused") == (got.model is None) == (got.error is not None)
    taken = [got.model, *got.fallbacks] if got.model else []
    assert len({entry.name for entry in taken}) == len(taken)
    stand_in = [got.local_fallback] if got.local_fallback else []
    assert all(entry.is_local for entry in stand_in)
    assert got.model is not None or not stand_in
    for entry in [*taken, *stand_in]:
        assert entry.name not in without
        assert allowed is None or entry.name in allowed
        assert needs <= entry.abilities
        assert entry.is_local or privacy == "any"
        assert got.input_tokens < entry.context_window
    if got.model:
        assert got.decision == ("local" if got.model.is_local else "cloud")
        assert model in ("auto", got.model.name)
    assert got.reasoning.count("\n") == 0


def test_model_without_a_price_has_no_estimate(route: Decide) -> None:
    assert route(0.1, model="sky-new").estimated_cost is None


def test_reasoning_names_complexity_cause_and_model(route: Decide) -> None:
    assert route(0.12).reasoning == "Complexity 0.12 (asks for a plain fact): small local model tiny."
