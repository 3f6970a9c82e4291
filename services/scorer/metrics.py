"""The scorer's own metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.catalog import Catalogue
from services.scorer.availability import AvailabilityWatch
from services.scorer.checks import Verdict
from services.scorer.route import Route

_SCORE_BUCKETS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1)


class ScorerMetrics:
    """Counts of decisions, cache look-ups and verdicts, the times they take, and which models can be used."""

    def __init__(self, registry: CollectorRegistry, catalogue: Catalogue, watch: AvailabilityWatch) -> None:
        """Registers everything in `registry`; availability is read when it is scraped."""
        self.score_seconds = Histogram(
            "scorer_score_seconds", "Time to score one prompt, in seconds.", registry=registry, buckets=_SCORE_BUCKETS
        )
        self._routes = Counter("scorer_routes_total", "Routes decided.", ["decision", "tier"], registry=registry)
        self._cache = Counter(
            "scorer_cache_total", "Cache look-ups: hit, miss, unavailable or skipped.", ["result"], registry=registry
        )
        self.verify_seconds = Histogram(
            "scorer_verify_seconds", "Time to check one answer, in seconds.", registry=registry, buckets=_SCORE_BUCKETS
        )
        self._verdicts = Counter("scorer_verdicts_total", "Answers checked.", ["accepted"], registry=registry)
        self._faults = Counter(
            "scorer_answer_faults_total", "What was found in checked answers, by code.", ["code"], registry=registry
        )
        available = Gauge("scorer_model_available", "1 when the model can be used.", ["model"], registry=registry)
        for model in catalogue.models:
            available.labels(model.name).set_function(
                lambda model=model: float(watch.current().reason(model) is None)  # type: ignore[misc]
            )

    def time_scores(self, prompts: int, seconds: float) -> None:
        """So many prompts scored at once in `seconds`: each counts with its share."""
        for _ in range(prompts):
            self.score_seconds.observe(seconds / prompts)

    def count_route(self, route: Route) -> None:
        """One more decision."""
        self._routes.labels(route.decision, route.tier or "none").inc()

    def count_cache(self, result: str) -> None:
        """One more look-up that ended as `result`."""
        self._cache.labels(result).inc()

    def count_verdict(self, verdict: Verdict) -> None:
        """One more answer that was checked."""
        self._verdicts.labels("true" if verdict.accept else "false").inc()
        for reason in verdict.reasons:
            self._faults.labels(reason.code).inc()
