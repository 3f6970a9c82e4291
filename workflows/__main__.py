"""`python -m workflows COMMAND`: keep the workflow files in order."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from workflows.checking import check_files
from workflows.consultation import Toolchain
from workflows.documents import find_files
from workflows.problems import CheckUnavailable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command: 0 when all is well, 1 when there are problems, 2 when it could not run."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except (CheckUnavailable, OSError) as error:
        print(f"workflows: {error}", file=sys.stderr)
        return 2
    return status


def check(options: argparse.Namespace) -> int:
    """Print one line for each problem of the files, or how many files are well."""
    files = options.files or find_files()
    if not files:
        raise CheckUnavailable("there are no workflow files")
    began = time.monotonic()
    problems = check_files(files, Toolchain(n8n=options.n8n.resolve(), nodes=options.nodes.resolve()))
    for problem in problems:
        print(problem)
    seconds = time.monotonic() - began
    verdict = f"{len(problems)} problems" if problems else "no problems"
    print(f"{len(files)} workflow files, {verdict} ({seconds:.1f} s)", file=sys.stderr if problems else sys.stdout)
    return 1 if problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workflows", description="Keep the workflow files in order.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    checker = commands.add_parser("check", help="check the files against n8n's rules and ours")
    checker.add_argument("files", nargs="*", type=Path, metavar="FILE", help="default: every file of workflows/")
    default = Toolchain()
    checker.add_argument("--n8n", type=Path, default=default.n8n, help="where n8n is installed (default: .stack/n8n)")
    checker.add_argument("--nodes", type=Path, default=default.nodes, help="our nodes (default: n8n-custom-nodes)")
    checker.set_defaults(run=check)
    return parser


if __name__ == "__main__":
    sys.exit(main())
