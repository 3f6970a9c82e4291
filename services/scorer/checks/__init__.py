"""Checks of an answer before it is sent: its form, and whether other answers say the same."""

from services.scorer.checks.request import read_verify_request
from services.scorer.checks.verdict import Reason, Verdict, VerifyRequest
from services.scorer.checks.verify import verify_answer

__all__ = ["Reason", "Verdict", "VerifyRequest", "read_verify_request", "verify_answer"]
