"""The models that could answer a request, what stands in the way of each, and what each would cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Literal

from services.catalog import Catalogue, Model, Usage
from services.scorer.availability import Availability
from services.scorer.need import LEVELS, Level
from services.scorer.policy import Policy
from services.scorer.request import RouteRequest

_DEFAULT_ANSWER_TOKENS = 1_024  # kept free in the context window when the caller sets no max_tokens
_EXPECTED_ANSWER_TOKENS = 500  # what an answer is taken to cost when nothing is known

ObstacleKind = Literal["not_allowed", "privacy", "retired", "unable", "too_long", "unavailable"]


@dataclass(frozen=True)
class Obstacle:
    """Why a model cannot take a request; `text` says it in words."""

    kind: ObstacleKind
    text: str


class Candidates:
    """The models for one request at one moment: all local ones and the policy's cloud models.

    For a key that may use only some models, `cloud_model` is the cheapest of its own where it may not
    use the policy's.
    """

    def __init__(
        self, request: RouteRequest, policy: Policy, catalogue: Catalogue, available: Availability, now: datetime
    ) -> None:
        """The policy's cloud models must be in the catalogue."""
        self._request = request
        self._catalogue = catalogue
        self._available = available
        self._now = now
        self._cheap_cloud = catalogue.find(policy.cheap_cloud_model) if policy.cheap_cloud_model else None
        self.cloud_model = self._allowed_cloud(catalogue.find(policy.cloud_model))

    def obstacle(self, model: Model) -> Obstacle | None:
        """What keeps `model` from taking the request; lasting reasons before passing ones."""
        request = self._request
        if not self._is_allowed(model):
            return Obstacle("not_allowed", "the API key may not use it")
        if request.local_only and not model.is_local:
            return Obstacle("privacy", "the request must stay local")
        if model.retired(self._now.date()):
            return Obstacle("retired", f"it was retired on {model.retired_on}")
        lacking = [*sorted(request.needs - model.abilities), *(request.cloud_only if model.is_local else ())]
        if lacking:
            return Obstacle("unable", f"it has no support for {' and '.join(lacking)}")
        tokens = request.input_tokens + min(request.max_tokens or _DEFAULT_ANSWER_TOKENS, model.max_output)
        if tokens > model.context_window:
            text = f"about {tokens} tokens with the answer do not fit its window of {model.context_window}"
            return Obstacle("too_long", text)
        reason = self._available.reason(model)
        return Obstacle("unavailable", reason) if reason else None

    @property
    def keeps_local(self) -> bool:
        """Whether no cloud model may answer, by the word of the caller or of the key."""
        return self._request.local_only or not self._is_allowed(self.cloud_model)

    def cost(self, model: Model) -> Decimal | None:
        """The estimated cost in USD; None when the model has no known price."""
        if model.is_local:
            return Decimal(0)
        expected = min(self._request.max_tokens or _EXPECTED_ANSWER_TOKENS, _EXPECTED_ANSWER_TOKENS, model.max_output)
        usage = Usage(input_tokens=self._request.input_tokens, output_tokens=expected)
        charge = self._catalogue.charge(model.name, usage, self._now)
        return charge.cost if charge else None

    def adequate(self, needed: Level) -> list[Model]:
        """The usable models of level `needed` and above: cheapest first, then smallest."""
        least = LEVELS.index(needed)
        return sorted((model for model in self._usable if self._rank(model) >= least), key=self._dearness)

    def best_local(self) -> Model | None:
        """The largest usable local model."""
        return next((model for model in reversed(self._usable_by_size) if model.is_local), None)

    def fallbacks(self, chosen: Model) -> tuple[Model, ...]:
        """The other usable models, most adequate first.

        For a local model the larger ones, the cloud, then the smaller ones; for a cloud model the
        local ones from the largest down.
        """
        others = [model for model in self._usable_by_size if model is not chosen]
        better = [model for model in others if self._rank(model) >= self._rank(chosen)]
        weaker = [model for model in others if self._rank(model) < self._rank(chosen)]
        return (*better, *reversed(weaker))

    def local_obstacles(self) -> list[Obstacle]:
        """What stands in the way of each local model that may be used and cannot take the request."""
        obstacles = (self.obstacle(model) for model in self._catalogue.models if model.is_local)
        return [obstacle for obstacle in obstacles if obstacle and obstacle.kind != "not_allowed"]

    def _is_allowed(self, model: Model) -> bool:
        names = self._request.allowed_models
        return names is None or not names.isdisjoint((model.name, model.model_id, *model.aliases))

    def _allowed_cloud(self, wanted: Model) -> Model:
        """The cloud model of the policy, or the key's own instead; `wanted` too when the key has none."""
        if self._is_allowed(wanted):
            return wanted
        day = self._now.date()
        own = [m for m in self._catalogue.models if not m.is_local and self._is_allowed(m) and not m.retired(day)]
        stronger = [model for model in own if model is not self._cheap_cloud]
        return min(stronger or own, key=self._price, default=wanted)

    @cached_property
    def _usable(self) -> list[Model]:
        clouds = (self.cloud_model, self._cheap_cloud)
        considered = [model for model in self._catalogue.models if model.is_local or model in clouds]
        return [model for model in considered if self.obstacle(model) is None]

    @cached_property
    def _usable_by_size(self) -> list[Model]:
        return sorted(self._usable, key=self._rank)

    def _dearness(self, model: Model) -> tuple[bool, Decimal, int]:
        return *self._price(model), self._rank(model)

    def _price(self, model: Model) -> tuple[bool, Decimal]:
        cost = self.cost(model)
        # A model without a known price is not taken for a cheap one.
        return cost is None, cost or Decimal(0)

    def _rank(self, model: Model) -> int:
        """How strong a model is: the index of its level."""
        cheap = model is self._cheap_cloud and model is not self.cloud_model
        return LEVELS.index("cheap_cloud" if cheap else model.tier)
