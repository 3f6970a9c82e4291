"""What Prometheus learns from the ledger: of this process its speed, of the books what they hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from services.cost_ledger.budgets import Standing
from services.cost_ledger.errors import LedgerUnavailable

Row = Mapping[str, Any]


class LedgerMetrics:
    """What this process measured of itself."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.booking_seconds = Histogram(
            "ledger_booking_seconds",
            "Time to price and book one POST of entries, in seconds.",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self.registry,
        )


@dataclass(frozen=True)
class Tally:
    """The books in counts and sums since ever.

    `sums` are rows by model, backend and status, as first booked or by correction (`corrected`); `durations`
    are rows by metric, model, backend and bucket, of which bucket n begins at bound n - 1 of `bounds` (seconds).
    """

    sums: Sequence[Row]
    durations: Sequence[Row]
    bounds: Sequence[float]
    open_reservations: int
    reserved: Decimal


class BooksCollector(Collector):
    """Reads the books at each scrape, so that the figures are those of all processes, and outlive each."""

    def __init__(self, tally: Callable[[], Tally], standings: Callable[[], Sequence[Standing]]) -> None:
        """`tally` and `standings` raise LedgerUnavailable while the database is away."""
        self._tally = tally
        self._standings = standings

    def collect(self) -> Iterator[Metric]:
        """The metrics of the books; only `ledger_database_up` 0 while the database is away."""
        # Asking for the budgets first books what is overdue.
        standings = _unless_away(self._standings) or ()
        tally = _unless_away(self._tally)
        yield _gauge("ledger_database_up", "Whether the ledger's database answers.", 0 if tally is None else 1)
        if tally is not None:
            yield from _counters(tally)
            yield from _histograms(tally)
            yield from _gauges(tally)
            yield from _budgets(standings)


def _unless_away(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except LedgerUnavailable:
        return None


def _counters(tally: Tally) -> Iterator[Metric]:
    """Of what was first booked and is confirmed: that is never taken back, so they never fall."""
    requests = CounterMetricFamily(
        "api_gateway_requests_total", "Requests booked.", labels=["model", "backend", "status"]
    )
    cost = CounterMetricFamily("api_gateway_cost_total", "Cost of requests, in USD.", labels=["model"])
    cache = CounterMetricFamily(
        "api_gateway_cache_total", "Answers by whether they came from the response cache.", labels=["result"]
    )
    costs: defaultdict[str, Decimal] = defaultdict(Decimal)
    results = {"hit": 0, "miss": 0}
    for row in tally.sums:
        if row["corrected"] or row["status"] == "unconfirmed":
            continue
        requests.add_metric([row["model"], row["backend"], row["status"]], row["requests"])
        costs[row["model"]] += row["cost"]
        if row["status"] == "ok":
            results["hit" if row["backend"] == "cache" else "miss"] += row["requests"]
    for model, amount in costs.items():
        cost.add_metric([model], float(amount))
    for result, count in results.items():
        cache.add_metric([result], count)
    yield from (requests, cost, cache)


def _histograms(tally: Tally) -> Iterator[Metric]:
    yield _histogram(
        tally, "request", "api_gateway_request_duration_seconds", "Time to answer, in seconds.", ["model", "backend"]
    )
    yield _histogram(tally, "routing", "api_gateway_routing_latency_seconds", "Time to choose a route, in seconds.", [])
    yield _histogram(
        tally, "model", "api_gateway_model_latency_seconds", "Time that the model took, in seconds.", ["model"]
    )


def _histogram(tally: Tally, kind: str, name: str, text: str, labels: list[str]) -> Metric:
    counts: dict[tuple[str, ...], list[int]] = {} if labels else {(): [0] * (len(tally.bounds) + 1)}
    seconds: defaultdict[tuple[str, ...], float] = defaultdict(float)
    for row in tally.durations:
        if row["metric"] == kind:
            series = tuple(row[label] for label in labels)
            counts.setdefault(series, [0] * (len(tally.bounds) + 1))[row["bucket"]] += row["requests"]
            seconds[series] += row["seconds"]
    family = HistogramMetricFamily(name, text, labels=labels)
    limits = [*map(str, tally.bounds), "+Inf"]
    for series, found in counts.items():
        buckets = list(zip(limits, map(float, accumulate(found)), strict=True))
        family.add_metric(series, buckets=buckets, sum_value=seconds[series])
    return family


def _gauges(tally: Tally) -> Iterator[Metric]:
    unconfirmed = [row for row in tally.sums if row["status"] == "unconfirmed"]
    corrected = [row for row in tally.sums if row["corrected"] and row["status"] != "unconfirmed"]
    yield _gauge(
        "ledger_corrections_usd",
        "What corrections added to api_gateway_cost_total or took from it, in USD.",
        _total(corrected, "cost"),
    )
    yield _gauge(
        "ledger_unconfirmed_requests",
        "Requests that were reserved and of which nobody told what became.",
        _total(unconfirmed, "requests"),
    )
    yield _gauge(
        "ledger_unconfirmed_usd",
        "The most that unconfirmed requests may have cost, in USD.",
        _total(unconfirmed, "cost"),
    )
    yield _gauge(
        "ledger_unpriced_requests", "Requests in the books whose price is not known.", _total(tally.sums, "unpriced")
    )
    yield _gauge("ledger_open_reservations", "Requests under way for which money is held.", tally.open_reservations)
    yield _gauge("ledger_reserved_usd", "What requests under way may cost, in USD.", tally.reserved)


def _budgets(standings: Sequence[Standing]) -> Iterator[Metric]:
    texts = {
        "limit": "The limit of a budget, in USD.",
        "spent": "What is spent of a budget in its present period, in USD.",
        "reserved": "What requests under way may take of a budget, in USD.",
    }
    for part, text in texts.items():
        family = GaugeMetricFamily(f"ledger_budget_{part}_usd", text, labels=["scope", "subject", "period", "mode"])
        for one in standings:
            family.add_metric([one.scope, one.subject or "", one.period, one.mode], float(getattr(one, part)))
        yield family


def _gauge(name: str, text: str, value: Decimal | int) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _total(rows: Iterable[Row], column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in rows), Decimal(0))
