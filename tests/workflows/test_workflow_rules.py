"""Every rule notices the mistake it is for, and says nothing about a workflow without mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflows.mutations import MUTATIONS, Mutation
from workflows.checking import check_documents
from workflows.consultation import Consultation, Toolchain, consult
from workflows.documents import Document, read_document

FIXTURES = Path(__file__).parent / "fixtures"
GOOD = read_document(FIXTURES / "good-flow.json")
OTHERS = [read_document(FIXTURES / "good-errors.json"), read_document(FIXTURES / "good-report.json")]
BROKEN = {mutation.mistake: mutation.document(GOOD.content, number) for number, mutation in enumerate(MUTATIONS)}


@pytest.fixture(scope="module")
def consultation() -> Consultation:
    return consult([GOOD, *OTHERS, *BROKEN.values()], Toolchain())


def test_good_flow_has_no_problems(consultation: Consultation) -> None:
    assert check_documents([GOOD, *OTHERS], consultation) == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.mistake)
def test_mistake_is_noticed(consultation: Consultation, mutation: Mutation) -> None:
    document: Document = BROKEN[mutation.mistake]
    problems = check_documents([*OTHERS, document], consultation)
    assert {problem.file for problem in problems} == {document.file}
    found = {(problem.rule, problem.node) for problem in problems}
    assert (mutation.rule, mutation.node) in found, [str(problem) for problem in problems]


def test_mistakes_have_names_of_their_own() -> None:
    assert len(BROKEN) == len(MUTATIONS)
