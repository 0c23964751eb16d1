"""Damaged inputs of every kind: each ends in a result or in one sentence."""

import json
import os
import select
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .good_files import ROOT, SOUNDS, write_all
from .mutations import mutated
from .takes import mutated_properties

SHARES = {f"sound .{suffix}": 16 for suffix in SOUNDS} | {
    "motion": 30, "model": 30, "FLAME file": 26, "mapping": 24, "table": 24, "stored request": 24,
    "take in a .blend": 40,
}  # fmt: skip
"""How many of each kind are tried."""
LONGEST = 20.0  # s
FIRST = 90.0  # s for the good file, with which all is imported
MOST_MEGABYTES = 1500.0


@dataclass
class Tally:
    """How the tries of one kind ended."""

    kind: str
    results: int = 0
    sentences: int = 0
    longest: float = 0.0
    peak: float = 0.0
    problems: tuple[str, ...] = ()


class Child:
    """A process that tries files, started again when one ends or hangs it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def attempt(self, kind: str, path: Path, out: Path, patience: float) -> dict[str, object]:
        """How a try ended: `code`, `said`, `problem`, `peak`."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.robustness.child"], cwd=ROOT, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env={**os.environ, "OMP_NUM_THREADS": "1"},  # threads of tiny models wait for one another
            )  # fmt: skip
            assert self._process.stdout and self._process.stdout.readline() == "ready\n"
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"kind": kind, "path": str(path), "out": str(out)}) + "\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], patience)
        answer = self._process.stdout.readline() if ready else ""
        if answer:
            found: dict[str, object] = json.loads(answer)
            return found
        self.close()
        return {"code": 1, "said": "", "problem": "the process ended" if ready else "a hang", "peak": 0.0}

    def close(self) -> None:
        """End it."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None


def run(folder: Path, seed: int = 0) -> list[Tally]:
    """Try them all; what went wrong is kept in `folder`."""
    good, child, tallies = write_all(folder), Child(), []
    for number, (kind, count) in enumerate(SHARES.items()):
        tally = Tally(kind)
        warm = _once(child, folder, kind, good[kind], good[kind].read_bytes(), "good", FIRST)
        if warm["problem"] or warm["code"]:
            tally.problems += (f"the good file: {warm['problem'] or warm['said']}",)
        for index in range(count):
            damaged = mutated_properties if kind.startswith("take") else mutated
            data, damage = damaged(good[kind].read_bytes(), seed + 1000 * number + index)
            found = _once(child, folder, kind, good[kind], data, f"{damage}_{index}")
            tally.results += found["code"] == 0
            tally.sentences += found["code"] == 2
            tally.peak = max(tally.peak, float(str(found["peak"])))
            problem = str(found["problem"])
            if not problem and tally.peak > MOST_MEGABYTES:
                problem = f"{tally.peak:.0f} MB"
            if problem:
                tally.problems += (f"{damage}_{index}: {problem}",)
        tallies.append(tally)
    child.close()
    return tallies


def _once(
    child: Child, folder: Path, kind: str, good: Path, data: bytes, name: str, patience: float = LONGEST
) -> dict[str, object]:
    place = folder / kind.replace(" ", "_").replace(".", "_")
    place.mkdir(exist_ok=True)
    path, out = place / name / f"good{''.join(good.suffixes)}", place / "out"  # heads are known by their file
    path.parent.mkdir()
    path.write_bytes(data)
    out.mkdir()
    found = child.attempt(kind, path, out, patience)
    shutil.rmtree(out)
    if not found["problem"]:
        shutil.rmtree(path.parent)
    return found
