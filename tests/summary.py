"""The sum of a test run: `python -m tests.summary FOLDER` reads its JUnit files and fails when a test did."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree


def main(folder: Path) -> int:
    """Print a line for each part and the sum last; 1 when something failed or nothing ran."""
    total = [0, 0, 0]
    print("\n== summary")
    for path in sorted(folder.glob("*.xml"), key=lambda file: file.stat().st_mtime):
        counts = count(path)
        total = [a + b for a, b in zip(total, counts, strict=True)]
        print(f"{path.stem:<16} {counts[0]:>5} passed {counts[1]:>4} failed {counts[2]:>4} skipped")
    passed, failed, skipped = total
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


def count(path: Path) -> list[int]:
    """Passed, failed and skipped tests of one JUnit file."""
    root = ElementTree.parse(path).getroot()  # noqa: S314 (written by our own test run)
    passed = failed = skipped = 0
    for suite in [root] if root.tag == "testsuite" else root.findall("testsuite"):
        wrong = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        left_out = int(suite.get("skipped", 0))
        failed += wrong
        skipped += left_out
        passed += int(suite.get("tests", 0)) - wrong - left_out
    return [passed, failed, skipped]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
