"""Where a route goes when its model fails or has too much to do: to the models that stand in for it anyway."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from services.catalog import Model
from services.scorer.health.model_health import ModelHealth
from services.scorer.limits.desk import Desk, QueuePlace
from services.scorer.policy import Policy
from services.scorer.request import RouteRequest
from services.scorer.route import Decision, Refusal, Route

_LONGEST_RETRY = 600  # seconds
_UNKNOWN_PACE = 2.0  # seconds an answer, before the first one is measured

Cost = Callable[[Model], Decimal | None]


@dataclass(frozen=True)
class Steering:
    """What is known beside the policy: how well the models are, and how long their queue is."""

    health: ModelHealth
    desk: Desk
    local_queue: int

    def steer(self, route: Route, request: RouteRequest, policy: Policy, cost: Cost) -> Route:
        """The route that is really taken; the same one when nothing stands in its way."""
        if request.model == "auto":
            route = self._pass_over(route, cost)
        if route.model is None or not route.model.is_local or request.request_id is None:
            return route
        place = self.desk.queue_local(request.request_id, self.local_queue)
        return route if place.admitted else self._turn_away(route, request, policy, place, cost)

    def _pass_over(self, route: Route, cost: Cost) -> Route:
        """The first of the models in turn that does not fail; the least bad one when all do."""
        out = self.health.left_out()
        if route.model is None or not out:
            return route
        chain = (route.model, *route.fallbacks)
        good = next((model for model in chain if self.health.may_use(model.name)), None)
        # In the order of left_out: the one that may be used soonest.
        model = good or min(chain, key=lambda one: list(out).index(one.name) if one.name in out else len(out))
        others = sorted((one for one in chain if one is not model), key=lambda one: one.name in out)
        if model is route.model:
            return replace(route, fallbacks=tuple(others))
        return _take(route, model, tuple(others), f"{route.model.name} is left out: {out[route.model.name]}", cost)

    def _turn_away(self, route: Route, request: RouteRequest, policy: Policy, place: QueuePlace, cost: Cost) -> Route:
        if policy.local_queue_full == "cloud" and request.model == "auto":
            out = self.health.left_out()
            clouds = [model for model in route.fallbacks if not model.is_local and model.name not in out]
            if clouds:
                others = tuple(model for model in route.fallbacks if model is not clouds[0])
                return _take(route, clouds[0], others, f"{place.ahead} requests wait for the local models", cost)
        seconds = (place.seconds_each or _UNKNOWN_PACE) * place.ahead
        wait = min(max(math.ceil(seconds), 1), _LONGEST_RETRY)
        message = f"{place.ahead} requests wait for the local models already. Try again in {wait} s."
        error = Refusal("local_queue_full", message, 429, retry_after=wait)
        reasoning = f"{route.reasoning.partition(': ')[0]}: refused. {message}"
        return replace(
            route,
            decision="refused",
            model=None,
            fallbacks=(),
            local_fallback=None,
            estimated_cost=Decimal(0),
            error=error,
            reasoning=reasoning,
            by_threshold=False,
        )


def _take(route: Route, model: Model, fallbacks: tuple[Model, ...], why: str, cost: Cost) -> Route:
    kind: Decision = "local" if model.is_local else "cloud"
    return replace(
        route,
        decision=kind,
        model=model,
        fallbacks=fallbacks,
        estimated_cost=cost(model),
        reasoning=f"{route.reasoning.rstrip('.')}, but {why}; {kind} model {model.name}.",
        by_threshold=False,
    )
