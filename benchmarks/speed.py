"""How fast speech becomes motion on this machine: python benchmarks/speed.py [--threads 2]

Warm: x real time of `EcoFace.generate` on 222 s of speech, the model loaded. Cold: seconds of the whole
command `ecoface generate` for a line of 5 s, from its start to the file. The median of seven counts; on a
busy machine the processor's seconds tell more.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ecoface_model.core.processors import keep_arrays_on_one_core

DEMO = Path(__file__).parent.parent / "demo" / "speech.wav"
SECONDS = 222
GOALS = {"of the speech": "goal 150x", "by label": "goal 200x", "of a 5 s clip": "no goal"}
REPEATS = 7


def main() -> None:
    """Measure, and say whether the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", type=Path, help="model file, if not the default one")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--engine", choices=("torch", "onnx"), help="if not what `EcoFace.load` chooses")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    keep_arrays_on_one_core()
    print(
        f"load of this machine before: {os.getloadavg()[0]:.1f}; {options.threads} threads, "
        f"{options.device}, {options.engine or 'the usual engine'}"
    )
    for name, runs in warm(options).items():
        took, busy = (statistics.median(column) for column in zip(*runs, strict=True))
        print(
            f"warm, emotion {name}: {SECONDS} s in {took:.2f} s, {SECONDS / took:.0f}x real time"
            f" ({GOALS[name]}); {busy:.2f} s of processor"
        )
    took = statistics.median(cold(options) for _ in range(REPEATS))
    print(f"cold, 5 s from command to file: {took:.2f} s (goal 1.2 s)")


def warm(options: argparse.Namespace) -> dict[str, list[tuple[float, float]]]:
    """Seconds on the clock and of the processor that it takes, by where the emotion comes from."""
    import numpy as np

    from ecoface_model.audio import read_sound
    from ecoface_model.pipeline import EcoFace

    line = read_sound(DEMO)
    speech = np.resize(line, SECONDS * 16_000)
    ecoface = EcoFace.load(options.model, options.device, options.engine)
    wanted: tuple[dict[str, Any], ...] = ({}, {"emotion": "happy"}, {"emotion_from": line})
    kinds = dict(zip(GOALS, wanted, strict=True))
    ecoface.generate(speech)  # the first run allocates
    taken: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    for _ in range(REPEATS):
        for kind, choices in kinds.items():
            started, busy = time.perf_counter(), time.process_time()
            ecoface.generate(speech, **choices)
            taken[kind].append((time.perf_counter() - started, time.process_time() - busy))
    return taken


def cold(options: argparse.Namespace) -> float:
    """Seconds of one whole command."""
    with tempfile.TemporaryDirectory() as folder:
        model = ["--model", str(options.model)] if options.model else []
        model += ["--engine", options.engine] if options.engine else []
        command = [
            sys.executable,
            "-m",
            "ecoface_model",
            "generate",
            str(DEMO),
            "-o",
            f"{folder}/a.npz",
            *model,
        ]
        started = time.perf_counter()
        subprocess.run([*command, "--device", options.device], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
