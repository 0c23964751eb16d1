"""A batch that is killed at random moments and started again: no line is lost or doubled, no byte differs."""

import csv
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from .good_files import ROOT, write_all

LINES, KILLS = 120, 60
RATE = 16_000
LATEST_START = 6.0  # s after a start
OUTPUTS = ("npz", "npz json")  # of every other line: without a scene, and by another Blender, which survives


@dataclass
class Killed:
    """How the killed run compares with one that nobody killed."""

    kills: int
    """While it was at work; later ones found it done."""
    lines: int
    lost: list[str]
    doubled: list[str]
    different: list[str]

    @property
    def problem(self) -> str:
        """What is wrong; empty if nothing is."""
        found = {"lost": self.lost, "doubled": self.doubled, "different": self.different}
        return "; ".join(f"{what}: {', '.join(names[:3])}" for what, names in found.items() if names)


def run(folder: Path, seed: int = 0) -> Killed:
    """One run in peace, one that is killed again and again."""
    model, table = write_all(folder)["model"], folder / "lines.csv"
    time_axis = np.arange(RATE) / RATE
    for number in range(LINES):
        hum = 0.4 * np.sin((700 + 9 * number) * time_axis) * np.sin(9 * time_axis) ** 2
        soundfile.write(folder / f"line {number:03}.wav", hum, RATE)
    rows = "".join(f"line {n:03}.wav,{n},{OUTPUTS[n % len(OUTPUTS)]}\n" for n in range(LINES))
    table.write_text("audio,seed,outputs\n" + rows)
    peace, killed, rng, kills = folder / "peace", folder / "killed", random.Random(seed), 0
    assert _start(table, peace, model).wait() == 0
    for _ in range(KILLS):
        process = _start(table, killed, model)
        _wait(process, killed, rng)
        kills += process.poll() is None
        with suppress(ProcessLookupError):  # it found all lines done
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert _start(table, killed, model).wait() == 0
    names = [f"line {number:03}" for number in range(LINES)]
    with (killed / "results.csv").open(newline="") as file:
        told = [row["line"] for row in csv.DictReader(file) if row["state"] == "done"]
    lost = [name for name in names if name not in told or not (killed / f"{name}.npz").is_file()]
    doubled = [name for name in names if told.count(name) > 1]
    different = [
        path.name
        for path in sorted(killed.iterdir())
        if path.name != "results.csv" and not _same(path, peace / path.name)
    ]
    return Killed(kills, LINES, lost, doubled, different)


def _start(table: Path, out: Path, model: Path) -> "subprocess.Popen[bytes]":
    command = [
        sys.executable,
        "-m",
        "ecoface_blender.batch",
        str(table),
        "-o",
        str(out),
        "--model",
        str(model),
        "--workers",
        "2",
    ]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=ROOT, stdout=quiet, stderr=quiet, start_new_session=True)


def _wait(process: "subprocess.Popen[bytes]", out: Path, rng: random.Random) -> None:
    """Until a random moment: while it starts, or after a few more lines."""
    if (more := rng.randrange(5)) == 0:
        time.sleep(rng.uniform(0, LATEST_START))
        return
    begun = _n_told(out)
    while process.poll() is None and _n_told(out) < begun + more:
        time.sleep(0.01)
    time.sleep(rng.uniform(0, 0.2))


def _n_told(out: Path) -> int:
    table = out / "results.csv"
    return len(table.read_text().splitlines()) if table.is_file() else 0


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes()
