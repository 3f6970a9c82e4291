"""What can go wrong in the ledger, as the caller sees it."""

from __future__ import annotations

from typing import Any

from services.runtime.errors import ApiError, BadRequest, NotFound, Unavailable


class LedgerUnavailable(Unavailable):
    """The ledger's database does not answer. Send the request again later: repeating it is safe."""

    code = "ledger_unavailable"


class CannotReserve(LedgerUnavailable):
    """The ledger's database does not answer, so that nothing can be reserved. Send the request again later."""

    def __init__(self, hard_budgets: bool | None) -> None:
        """`hard_budgets`: whether there was a hard budget at the last answer; None when there was no answer."""
        super().__init__()
        self.hard_budgets = hard_budgets

    def body(self) -> dict[str, Any]:
        """The JSON document that the caller sees."""
        return {**super().body(), "hard_budgets": self.hard_budgets}


class InvalidField(BadRequest):
    """A field has a value that the ledger cannot take."""

    def __init__(self, field: str, problem: str) -> None:
        """`field` is the path of the field in the body, or the name of a query parameter."""
        super().__init__(f"{field}: {problem}", field=field)


class MonthClosed(InvalidField):
    """The month is closed."""

    def __init__(self, field: str, month: str) -> None:
        """`month` looks like 2026-05."""
        super().__init__(field, f"{month} is closed: its entries are archived, and nothing is added to them")
        self.month = month


class PartOfDay(InvalidField):
    """Only sums by the day are left."""

    def __init__(self, field: str, month: str) -> None:
        """`field` names the bound of the period, which lies in `month`, such as 2026-05."""
        super().__init__(field, f"the entries of {month} are archived: only its whole days (UTC) can be reported")


class CursorAhead(ApiError):
    """The cursor is past the last entry: the ledger's database was replaced. Read again without 'after'."""

    status = 409
    code = "cursor_ahead"


class UnknownKey(NotFound):
    """There is no key with this id."""

    code = "unknown_key"


class KeyRevoked(ApiError):
    """This key was revoked and stays so: make a new one."""

    status = 409
    code = "key_revoked"


class UnknownReport(NotFound):
    """There is no such report; there are summary, daily, monthly, models, keys, users, tags, routes and forecast."""

    code = "unknown_report"


class AlreadyBooked(ApiError):
    """The books have an entry of this request already: nothing can be reserved for it."""

    status = 409
    code = "already_booked"


class ReservationDiffers(ApiError):
    """This request holds a reservation already, for another model or with other numbers."""

    status = 409
    code = "reservation_differs"


class UnknownBudget(NotFound):
    """There is no budget with this id."""

    code = "unknown_budget"


class BudgetExceeded(ApiError):
    """The request does not fit into a hard budget any more."""

    # Not 429: SDKs would send the request again by themselves.
    status = 402
    code = "budget_exceeded"


class UnpricedModel(BudgetExceeded):
    """The model has no price, so that it fits into no hard budget."""

    code = "unpriced_model"


class AmbiguousKey(ApiError):
    """Several keys begin like this."""

    status = 409
    code = "ambiguous_key"
