"""Tables of what was tried: `python -m tests.robustness [damaged] [engine] ...`."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from . import damaged, engine, growth, killed_batch

PARTS = ("damaged", "engine", "batch", "growth")


def main() -> None:
    """All parts, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=(*PARTS, "all"), default="all")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other damage (0)")
    parser.add_argument("--keep", type=Path, help="where files that went wrong are kept")
    options = parser.parse_args()
    parts = PARTS if "all" in options.parts else options.parts
    failed = False
    with tempfile.TemporaryDirectory(prefix="ecoface-") as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if "damaged" in parts:
            failed |= show_damaged(damaged.run(folder, options.seed))
        if "engine" in parts:
            failed |= show_engine(engine.run(folder))
        if "batch" in parts:
            failed |= show_batch(killed_batch.run(folder, options.seed))
        if "growth" in parts:
            failed |= show_growth(growth.run(folder))
    sys.stdout.flush()
    os._exit(int(failed))  # bpy may crash when Python takes it apart


def show_engine(all_ended: list[engine.Ended]) -> bool:
    """The table; whether anything failed."""
    print("\n| engine | seconds | what was said | next line |")
    print("|---|---|---|---|")
    for each in all_ended:
        print(f"| {each.trouble} | {each.seconds:.1f} | {each.said} | {each.problem or 'works'} |")
    return any(each.problem for each in all_ended)


def show_batch(found: killed_batch.Killed) -> bool:
    """A sentence; whether anything failed."""
    ended = found.problem or "as if never killed"
    print(f"\nA batch of {found.lines} lines, killed {found.kills} times: {ended}.")
    return bool(found.problem)


def show_growth(grown: growth.Grown) -> bool:
    """The table; whether anything failed."""
    few, many = growth.LINES
    print(f"\n| engine's memory after {few} lines | after {many} | after an hour of speech | most | frames |")
    print("|---|---|---|---|---|")
    sizes = " | ".join(
        f"{size:.0f} MB" for size in (grown.after_few, grown.after_many, grown.after_hour, grown.peak)
    )
    print(f"| {sizes} | {grown.frames} |")
    if grown.problem:
        print(grown.problem, file=sys.stderr)
    return bool(grown.problem)


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
    main()
