"""What the cost page shows, from the figures of the books to words and drawings. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from services.cost_ledger.alerts import Alert
from services.cost_ledger.budgets import Standing
from services.cost_ledger.figures import TOKENS, Figures, Row, total
from services.cost_ledger.forecast import Forecast
from services.cost_ledger.money import money
from services.cost_ledger.page.charts import (
    SERIES,
    Part,
    Series,
    budget_bar,
    nice_ceiling,
    share_bar,
    small_bar,
    stacked_columns,
)
from services.cost_ledger.page.words import amount, clock_time, count, percent
from services.cost_ledger.present import DAYS, Present, by_day, by_model
from services.cost_ledger.reports import Period, Savings

_ROUTES = (("local", "Local models", "series-3"), ("cloud", "Cloud", "series-1"), ("cache", "Cache", "series-2"))
_MARKS = (0.8, 0.95, 1.0)
_STATES = {
    None: ("ok", "within its limit"),
    Decimal("0.80"): ("near", f"{percent(0.8)} reached"),
    Decimal("0.95"): ("close", f"{percent(0.95)} reached"),
    Decimal(1): ("spent", "used up"),
}
_REST = "other models"
_Costs = Mapping[tuple[datetime | None, str | None], Decimal]


@dataclass(frozen=True)
class Money:
    """An amount on the page: how it reads, and to the last digit."""

    usd: Decimal

    def __str__(self) -> str:
        return amount(self.usd)

    def __html__(self) -> str:
        return f'<data value="{self.usd:f}">{amount(self.usd)}</data>'


@dataclass(frozen=True)
class Days:
    """Spending by day: the drawing, what its upper edge and its middle mean, its legend, and the same as a table."""

    chart: Markup
    top: str
    middle: str
    labels: tuple[str, str, str]
    legend: tuple[tuple[str, str], ...]
    table: tuple[tuple[str, tuple[Money, ...], Money], ...]


@dataclass(frozen=True)
class ModelLine:
    """A model's share of spending. `cost` is None when no price was known."""

    name: str
    cost: Money | None
    share: str
    bar: Markup
    figures: Figures
    tokens: str


@dataclass(frozen=True)
class Mix:
    """Where answers came from."""

    bar: Markup
    lines: tuple[tuple[str, str, int, str], ...]
    answers: int


@dataclass(frozen=True)
class BudgetLine:
    """A budget: its name, its state in a word and a class, and where it stands."""

    name: str
    detail: str
    state: str
    style: str
    bar: Markup
    spent: Money
    reserved: Money
    limit: Money
    share: str
    resets_at: str


@dataclass(frozen=True)
class RequestLine:
    """One of the latest requests. `cost` is None when it has no known price."""

    time: str
    model: str
    route: str
    cost: Money | None
    tokens_in: str
    tokens_out: str
    latency: str | None
    status: str
    style: str


@dataclass(frozen=True)
class CostPage:
    """All that the template needs."""

    now: str
    days_back: int
    is_empty: bool
    today: Money
    recent: Figures
    forecast: Forecast
    month: str
    spent: Money
    expected: Money | None
    saved: Money
    savings: Savings
    compared: tuple[tuple[str, Money], ...]
    days: Days
    models: tuple[ModelLine, ...]
    mix: Mix
    budgets: tuple[BudgetLine, ...]
    alerts: tuple[Alert, ...]
    notes: tuple[Alert, ...]
    latest: tuple[RequestLine, ...]


def make_page(
    present: Present,
    routes: Sequence[Row],
    standings: Sequence[Standing],
    alerts: Sequence[Alert],
    latest: Sequence[Mapping[str, Any]],
    savings: Savings,
    key_names: Mapping[str, str],
) -> CostPage:
    """The page. `routes` and `savings` are those of `present.recent`."""
    period, forecast = present.recent, present.forecast
    rows = present.within(period)
    today = by_day(rows).get(period.until - timedelta(days=1))
    return CostPage(
        now=clock_time(present.now),
        days_back=DAYS,
        is_empty=present.first is None,
        today=Money(today.cost if today else Decimal(0)),
        recent=total(row.figures for row in rows),
        forecast=forecast,
        month=f"{present.now:%B}",
        spent=Money(forecast.spent),
        expected=None if forecast.expected is None else Money(forecast.expected),
        saved=Money(savings.net),
        savings=savings,
        compared=(
            (f"All of it on {savings.baseline_model}", Money(savings.baseline)),
            ("Paid to providers", Money(savings.paid)),
            ("Rent of the machine", Money(savings.machine)),
            ("Saved" if savings.net >= 0 else "Lost", Money(savings.net)),
        ),
        days=_days(rows, period),
        models=_models(rows),
        mix=_mix(routes),
        budgets=tuple(_budget(one, key_names) for one in standings),
        alerts=tuple(alert for alert in alerts if alert.level != "info" or alert.kind == "budget"),
        notes=tuple(alert for alert in alerts if alert.level == "info" and alert.kind != "budget"),
        latest=tuple(_request(row) for row in latest),
    )


def _days(rows: Sequence[Row], period: Period) -> Days:
    starts = [period.since + timedelta(days=number) for number in range(DAYS)]
    costs = {(row.start, row.label): row.figures.cost for row in rows}
    paid = [name for name, figures in by_model(rows).items() if figures.cost > 0]
    # The dearest have a colour each; what is left shares one.
    groups = [[name] for name in paid[: SERIES - 1]]
    if len(paid) >= SERIES:
        groups.append(paid[SERIES - 1 :])
    series = [_series(index, names, starts, costs) for index, names in enumerate(groups, 1)]
    sums = [sum((one.values[index] for one in series), Decimal(0)) for index in range(DAYS)]
    top = nice_ceiling(max(sums))
    labels = [f"{start:%Y-%m-%d}: {amount(cost)} USD" for start, cost in zip(starts, sums, strict=True)]
    dearest = max(range(DAYS), key=lambda index: sums[index])
    description = f"{amount(sum(sums, Decimal(0)))} USD in all; the dearest day was {labels[dearest]}."
    chart = stacked_columns("days", f"Spending by day, the last {DAYS} days", description, labels, series, top)
    return Days(
        chart,
        money(top),
        money(top / 2),
        (_day(starts[0]), _day(starts[DAYS // 2]), _day(starts[-1])),
        tuple((one.name, one.style) for one in series),
        tuple(
            (f"{starts[index]:%Y-%m-%d}", tuple(Money(one.values[index]) for one in series), Money(sums[index]))
            for index in reversed(range(DAYS))
        ),
    )


def _series(
    index: int,
    names: Sequence[str],
    starts: Sequence[datetime],
    costs: Mapping[tuple[datetime | None, str | None], Decimal],
) -> Series:
    values = [sum((costs.get((start, name), Decimal(0)) for name in names), Decimal(0)) for start in starts]
    return Series(names[0] if len(names) == 1 else _REST, values, f"series-{index}")


def _models(rows: Sequence[Row]) -> tuple[ModelLine, ...]:
    models = by_model(rows)
    everything = sum((figures.cost for figures in models.values()), Decimal(0))
    lines, paid = [], 0
    for name, figures in models.items():
        share = float(figures.cost / everything) if everything else 0.0
        paid += figures.cost > 0
        lines.append(
            ModelLine(
                name,
                None if figures.known_cost is None else Money(figures.cost),
                percent(share),
                small_bar(share, f"series-{min(paid or 1, SERIES)}"),
                figures,
                count(figures.tokens),
            )
        )
    return tuple(lines)


def _mix(routes: Sequence[Row]) -> Mix:
    answers = {name: sum(row.figures.requests for row in routes if row.backend == name) for name, _, _ in _ROUTES}
    everything = sum(answers.values())
    shares = {name: number / everything if everything else 0.0 for name, number in answers.items()}
    lines = tuple((title, style, answers[name], percent(shares[name])) for name, title, style in _ROUTES)
    parts = [Part(f"{title}: {percent(shares[name])}", shares[name], style) for name, title, style in _ROUTES]
    description = ", ".join(f"{title} {number:,} ({share})" for title, _, number, share in lines)
    return Mix(share_bar("mix", "Where answers came from", description, parts), lines, everything)


def _budget(standing: Standing, key_names: Mapping[str, str]) -> BudgetLine:
    subject = standing.subject
    if standing.scope == "key" and subject is not None:
        subject = key_names.get(subject, subject)
    name = "All requests" if subject is None else f"{standing.scope.capitalize()} {subject}"
    style, state = _STATES[standing.level()]
    hard = "refuses when spent" if standing.when_spent == "refuse" else "goes local when spent"
    # The bar is as long as the limit, or as what is used when that is more.
    length = max(standing.limit, standing.used) or Decimal(1)
    parts = [
        Part(f"spent: {amount(standing.spent)} USD", float(standing.spent / length), f"spent {style}"),
        Part(f"reserved: {amount(standing.reserved)} USD", float(standing.reserved / length), f"reserved {style}"),
    ]
    marks = [mark * float(standing.limit / length) for mark in _MARKS]
    detail = f"{standing.period}, {f'hard: {hard}' if standing.mode == 'hard' else 'soft: only warns'}"
    description = (
        f"{amount(standing.spent)} USD spent and {amount(standing.reserved)} USD reserved "
        f"of {amount(standing.limit)} USD: {state}."
    )
    return BudgetLine(
        name,
        detail,
        state,
        style,
        budget_bar(f"budget-{standing.id}", f"{name}, {standing.period}", description, parts, marks),
        Money(standing.spent),
        Money(standing.reserved),
        Money(standing.limit),
        percent(float(standing.share)),
        clock_time(standing.resets_at),
    )


def _request(row: Mapping[str, Any]) -> RequestLine:
    read = sum(row[name] for name in TOKENS if name != "output_tokens")
    latency, tier, backend = row["latency_seconds"], row["tier"], row["backend"]
    status = f"error: {row['error_code']}" if row["status"] == "error" and row["error_code"] else row["status"]
    return RequestLine(
        time=f"{row['occurred_at']:%m-%d %H:%M:%S}",
        model=row["model"],
        route=backend if tier is None or tier == backend else f"{backend}, {tier}",
        cost=None if row["cost"] is None else Money(row["cost"]),
        tokens_in=count(read),
        tokens_out=count(row["output_tokens"]),
        latency=None if latency is None else f"{latency:.2f} s" if latency < 100 else f"{latency:.0f} s",
        status=status,
        style=row["status"],
    )


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%b}"
