"""Our own rules, one function each. What they ask for is written in their docstrings."""

from workflows.rules.calls import (
    call_without_timeout,
    call_without_wired_error,
    call_without_word_on_errors,
    long_code,
    missing_webhook_id,
)
from workflows.rules.form import odd_file_name, odd_form
from workflows.rules.layout import leftward_wire, missing_header_note, off_grid, overlap
from workflows.rules.names import odd_name
from workflows.rules.request_path import expression_on_request_path
from workflows.rules.secret import secret_in_text
from workflows.rules.sets import dangling_reference, duplicate_endpoint, duplicate_identity
from workflows.rules.wiring import idle_node, missing_trigger, unwired_output

DOCUMENT_RULES = (odd_file_name, odd_form, secret_in_text)
WORKFLOW_RULES = (
    odd_name,
    off_grid,
    leftward_wire,
    overlap,
    missing_header_note,
    missing_trigger,
    idle_node,
    unwired_output,
    missing_webhook_id,
    call_without_word_on_errors,
    call_without_wired_error,
    call_without_timeout,
    long_code,
    expression_on_request_path,
)
SET_RULES = (duplicate_identity, duplicate_endpoint, dangling_reference)

__all__ = ["DOCUMENT_RULES", "SET_RULES", "WORKFLOW_RULES"]
