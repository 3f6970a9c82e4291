"""The scorer's own metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.catalog import Catalogue
from services.scorer.availability import AvailabilityWatch
from services.scorer.route import Route

_SCORE_BUCKETS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1)


class ScorerMetrics:
    """Counts of decisions and cache look-ups, the time to score, and which models can be used."""

    def __init__(self, registry: CollectorRegistry, catalogue: Catalogue, watch: AvailabilityWatch) -> None:
        """Registers everything in `registry`; availability is read when it is scraped."""
        self.score_seconds = Histogram(
            "scorer_score_seconds", "Time to score one prompt, in seconds.", registry=registry, buckets=_SCORE_BUCKETS
        )
        self._routes = Counter("scorer_routes_total", "Routes decided.", ["decision", "tier"], registry=registry)
        self._cache = Counter(
            "scorer_cache_total", "Cache look-ups: hit, miss, unavailable or skipped.", ["result"], registry=registry
        )
        available = Gauge("scorer_model_available", "1 when the model can be used.", ["model"], registry=registry)
        for model in catalogue.models:
            available.labels(model.name).set_function(
                lambda model=model: float(watch.current().reason(model) is None)  # type: ignore[misc]
            )

    def count_route(self, route: Route) -> None:
        """One more decision."""
        self._routes.labels(route.decision, route.tier or "none").inc()

    def count_cache(self, result: str) -> None:
        """One more look-up that ended as `result`."""
        self._cache.labels(result).inc()
