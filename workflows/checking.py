"""The whole check of workflow files, as the command and the tests run it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workflows.consultation import Consultation, Toolchain, consult
from workflows.documents import Document, find_files, read_document
from workflows.graph import Workflow
from workflows.problems import Problem
from workflows.rules import DOCUMENT_RULES, SET_RULES, WORKFLOW_RULES
from workflows.rules.schemas import schema_problems


def check_files(paths: Sequence[Path], toolchain: Toolchain | None = None) -> list[Problem]:
    """Every problem of the files at `paths`, sorted; none when all is well.

    The other workflow files beside them are read too, as one file may name another.
    """
    files = dict.fromkeys(path.resolve() for path in paths)
    neighbours = [path for folder in dict.fromkeys(path.parent for path in files) for path in find_files(folder)]
    documents = [read_document(path) for path in dict.fromkeys([*files, *neighbours])]
    problems = check_documents(documents, consult(documents, toolchain or Toolchain()))
    wanted = {path.name for path in files}
    return [problem for problem in problems if problem.file in wanted]


def check_documents(documents: Sequence[Document], consultation: Consultation) -> list[Problem]:
    """Every problem of `documents`, which n8n was consulted about; they are one set that must fit together."""
    problems: list[Problem] = []
    workflows: list[Workflow] = []
    for document in documents:
        if document.fault:
            problems.append(Problem(document.file, "", "json", f"{document.fault}: mend the JSON"))
            continue
        opinion = consultation.opinions[document.file]
        problems += opinion.problems
        problems += schema_problems(document, consultation.schema)
        problems += [found for rule in DOCUMENT_RULES for found in rule(document)]
        if opinion.sound:
            workflows.append(Workflow(document.file, document.content, opinion.facts))
    problems += [found for workflow in workflows for rule in WORKFLOW_RULES for found in rule(workflow)]
    problems += [found for rule in SET_RULES for found in rule(workflows)]
    return sorted(set(problems))
