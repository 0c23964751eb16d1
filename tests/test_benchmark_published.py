"""The benchmark against the published code's structure, at one layer of each HuBERT."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).parents[1] / "benchmarks" / "published.py"


@pytest.mark.slow
def test_both_structures_run_and_take_turns():
    command = [sys.executable, str(FILE), "--layers", "1", "--repeats", "1", "--threads", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    said = [line for line in done.stdout.splitlines() if line.startswith("emotion ")]
    assert [line.split(":")[0] for line in said] == [
        "emotion of the speech",
        "emotion of a clip of half its length",
        "emotion by a label, theirs by a clip",
    ]
    for line in said:
        our, their, ratio = map(float, re.findall(r"in (\S+) s, .*structure (\S+) s; ratio (\S+) ", line)[0])
        assert our > 0 and their > 0 and abs(ratio - our / their) < 0.02
