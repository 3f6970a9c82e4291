"""A small catalogue, and a `route` fixture that decides one request with everything else as said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from services.catalog import Catalogue, Model, PriceRow, UnitPrices
from services.scorer.availability import NO_CLOUD_KEY, Availability
from services.scorer.policy import DEFAULT_FILE, Policy, PolicyOverrides, read_policy
from services.scorer.request import read_request
from services.scorer.route import Route, decide_route
from services.scorer.score import Factor, Score

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
PRICES = UnitPrices(*map(Decimal, ("2", "10", "0.2", "2.5", "4")))


def _cloud(name: str, **more: Any) -> Model:
    prices = (PriceRow(date.min, None, ((-1, PRICES),), "test"),)
    abilities = frozenset({"tools", "images", "json"})
    return Model(name, "anthropic", f"{name}-20260101", "cloud", 200_000, 32_000, abilities, own_prices=prices, **more)


def _local(name: str, tier: Any, window: int, *abilities: str, tag: str | None = None) -> Model:
    return Model(name, "ollama", tag or name, tier, window, 1_024, frozenset(abilities))


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue(
        (
            _local("tiny", "small", 4_096, "json"),
            _local("mini", "small", 4_096, "json"),
            _local("mid", "medium", 4_096, "json", tag="mid:2b"),
            _local("big", "large", 8_192, "json", "tools"),
            _cloud("sky-pro"),
            _cloud("sky", aliases=("claude-sonnet", "claude-haiku")),
            _cloud("sky-old", retired_on=date(2026, 6, 15)),
            Model("sky-new", "anthropic", "sky-new", "cloud", 200_000, 32_000),
        )
    )


@pytest.fixture
def policy(catalogue: Catalogue) -> Policy:
    return read_policy(DEFAULT_FILE, PolicyOverrides(), catalogue)


def score(complexity: float) -> Score:
    return Score(complexity, (Factor("plain_fact", complexity, "asks for a plain fact"),), 8, unsure=False)


@pytest.fixture
def route(catalogue: Catalogue, policy: Policy) -> Callable[..., Route]:
    """`route(0.1, without=("tiny",), needs={"tools": True})`: all models are there but those `without`."""

    def decide(
        complexity: float, *, without: tuple[str, ...] = (), policy: Policy = policy, now: datetime = NOW, **body: Any
    ) -> Route:
        request = read_request({"prompt": "What is Python?", **body})
        reasons = {name: NO_CLOUD_KEY if name.startswith("sky") else f"{name} is not here" for name in without}
        return decide_route(request, score(complexity), policy, catalogue, Availability(reasons), now)

    return decide
