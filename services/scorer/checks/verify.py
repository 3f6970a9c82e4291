"""The verdict on an answer: every check, and what they come to."""

from __future__ import annotations

from itertools import chain
from math import prod

from services.scorer.checks.agreement import Agreement, agreement
from services.scorer.checks.code import find_broken_code
from services.scorer.checks.expressions import expression
from services.scorer.checks.language import find_wrong_language
from services.scorer.checks.refusal import find_refusal
from services.scorer.checks.repetition import find_repetition
from services.scorer.checks.shape import find_cut, find_echo, find_nothing
from services.scorer.checks.structured import find_bad_json
from services.scorer.checks.verdict import Case, Reason, Verdict, VerifyRequest

# An answer is rejected unless more than this share of all answers, itself included, say the same.
MIN_AGREEMENT = 0.5
_AFTER_REJECTION = 0.2
_AFTER_WARNING = 0.8

_CHECKS = (find_bad_json, find_refusal, find_cut, find_repetition, find_echo, find_wrong_language, find_broken_code)


def verify_answer(request: VerifyRequest) -> Verdict:
    """Whether an answer is fit to be sent, from any text whatever; it never raises, and does not judge what is true.

    The confidence is ours, and orders answers rather than measuring a frequency: (a + 1) / (n + 2) for a
    of n answers that say the same, this one included (Laplace's rule of succession; 2/3 for an answer
    without samples), times 0.2 for every reason that rejects and 0.8 for every one that does not.
    """
    case = Case.of(request)
    reasons = tuple(find_nothing(case)) or tuple(chain.from_iterable(check(case) for check in _CHECKS))
    agreed = None if reasons and reasons[0].code == "empty" else _agreement_of(case)
    same, answers = (agreed.with_answer(0), agreed.answers) if agreed else (1, 1)
    factors = (_AFTER_REJECTION if reason.rejects else _AFTER_WARNING for reason in reasons)
    confidence = round((same + 1) / (answers + 2) * prod(factors), 4)
    if agreed is not None and same <= MIN_AGREEMENT * answers:
        reasons = (*reasons, _disagreement(same, answers))
    ordered = sorted(reasons, key=lambda reason: not reason.rejects)
    return Verdict(not any(reason.rejects for reason in reasons), confidence, tuple(ordered))


def _agreement_of(case: Case) -> Agreement | None:
    if not case.request.samples or expression("prompt.for_invention").search(case.task):
        return None
    return agreement((case.request.answer, *case.request.samples))


def _disagreement(same: int, answers: int) -> Reason:
    return Reason("samples_disagree", f"Only {same} of {answers} answers to this prompt say the same as this one.")
