"""What asking several local models buys: escalate where they disagree, measured on recorded answers.

Run: `python -m tests.bench.scorer.cascade DATA_FOLDER [--markdown FILE] [--seconds-per-answer S]`. The folder
holds cascade_dev.jsonl.gz: prompts with the extracted answers of local and frontier models, each graded.
Agreement is the product's own (services/scorer/checks/agreement.py). Takes some minutes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench.scorer.cascade_data import read_families
from tests.bench.scorer.cascade_measure import measure, targets
from tests.bench.scorer.cascade_report import report


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report; 1 when the wanted figures are not reached, 2 when the folder cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scorer.cascade")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--seconds-per-answer", type=float, default=4.0, help="of one local model (default 4)")
    parser.add_argument("--rounds", type=int, default=300, help="of the bootstrap (default 300)")
    options = parser.parse_args(arguments)
    try:
        families = read_families(options.folder)
    except OSError as error:
        print(f"cannot read the answers: {error}", file=sys.stderr)
        return 2
    results = [measure(family, options.rounds) for family in families]
    text = report(results, options.seconds_per_answer)
    print(text)
    if options.markdown:
        options.markdown.write_text(text, "utf-8")
    return 0 if all(reached for _, reached in targets(results)) else 1


if __name__ == "__main__":
    sys.exit(main())
