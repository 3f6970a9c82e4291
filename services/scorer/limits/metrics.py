"""What the front desk shows to Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from services.scorer.limits.desk import Desk


def register_in_progress(registry: CollectorRegistry, desk: Desk) -> None:
    """The gauge of requests under way: of all scorers together, so sum it over none of them."""
    gauge = Gauge(
        "api_gateway_requests_in_progress",
        "Chat requests under way, counted once for all scorers that share a Redis: take the max, not the sum.",
        registry=registry,
    )
    gauge.set_function(lambda: float(desk.inside()))
