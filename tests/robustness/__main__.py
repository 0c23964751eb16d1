"""`python -m tests.robustness [damaged] [engine] [growth]`: a table of what was tried, exit code 1 if anything failed."""

import argparse
import sys
import tempfile
from pathlib import Path

from . import damaged


def main() -> int:
    """All parts, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=("damaged", "engine", "growth"), default=[])
    parser.add_argument("--seed", type=int, default=0, help="another seed, other damage (0)")
    parser.add_argument("--keep", type=Path, help="where files that went wrong are kept")
    options = parser.parse_args()
    parts = options.parts or ["damaged", "engine", "growth"]
    failed = False
    with tempfile.TemporaryDirectory(prefix="ecoface-") as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if "damaged" in parts:
            failed |= show_damaged(damaged.run(folder, options.seed))
    return int(failed)


def show_damaged(tallies: list[damaged.Tally]) -> bool:
    """The table; whether anything failed."""
    print("| damaged | tried | a result | one sentence | failed | most memory |")
    print("|---|---|---|---|---|---|")
    for each in tallies:
        tried = each.results + each.sentences
        bad = len(each.problems)
        print(f"| {each.kind} | {tried} | {each.results} | {each.sentences} | {bad} | {each.peak:.0f} MB |")
    problems = [f"{each.kind}: {problem}" for each in tallies for problem in each.problems]
    for problem in problems:
        print(problem, file=sys.stderr)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
