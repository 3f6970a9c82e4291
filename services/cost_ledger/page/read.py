"""Reading the cost page's figures from the books."""

from __future__ import annotations

from decimal import Decimal

from services.cost_ledger.breakdowns import Machine
from services.cost_ledger.figures import total
from services.cost_ledger.ledger import Ledger
from services.cost_ledger.page.view import CostPage, make_page
from services.cost_ledger.present import read_present
from services.cost_ledger.reports import Savings
from services.cost_ledger.spending import Spending

_LATEST = 20


def read_page(ledger: Ledger, spending: Spending, machine_monthly: Decimal) -> CostPage:
    """The page at the ledger's present moment. `machine_monthly` is the machine's rent in USD.

    Savings are against the baseline that each entry was booked with: to work out another would take all entries.
    """
    standings = spending.standings()  # first, since it books what was reserved and never told of
    present, store = read_present(ledger), ledger.store
    period = present.recent
    figures = total(row.figures for row in present.within(period))
    baselines = store.figures.baselines(period)
    savings = Savings(
        baseline_model=" or ".join(baselines) or ledger.baseline_model,
        baseline=figures.baseline_cost,
        paid=figures.cost,
        machine=Machine(machine_monthly, present.first, present.now).cost(period),
        requests=figures.all_requests,
        unpriced=figures.unpriced_requests,
    )
    return make_page(
        present,
        store.figures.figures_by("route", period),
        standings,
        present.alerts(standings, ledger),
        store.figures.latest_entries(_LATEST),
        savings,
        {str(key.id): key.name for key in store.all_keys()},
    )
