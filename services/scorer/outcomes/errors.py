"""What can go wrong with outcomes, as the caller sees it."""

from __future__ import annotations

from services.runtime.errors import Unavailable


class OutcomesUnavailable(Unavailable):
    """Outcomes cannot be kept or read now: the scorer's database does not answer. Try again later: that is safe."""

    code = "outcomes_unavailable"
