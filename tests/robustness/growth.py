"""Memory over many lines and in a long one: an engine may not grow."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from .good_files import ROOT

LINES = (10, 500)
MOST_GROWTH = 0.05
HOUR = 3600  # s
RATE = 16_000


@dataclass
class Grown:
    """Megabytes of one engine."""

    after_few: float
    after_many: float
    after_hour: float
    peak: float
    frames: int
    problem: str = ""


def run(folder: Path) -> Grown:
    """500 lines of 2 s, then an hour of speech, by one engine with the shipped model."""
    from ecoface_blender.engine.client import WorkerClient
    from ecoface_blender.worker import protocol

    speech, rate = soundfile.read(ROOT / "demo" / "speech.wav", dtype="float32")
    short, long, result = folder / "short.wav", folder / "hour.wav", folder / "motion.npz"
    soundfile.write(short, speech[: 2 * rate], rate)
    soundfile.write(long, np.resize(speech, HOUR * rate), rate)
    client = WorkerClient(sys.executable)
    try:
        client.wait(client.request(protocol.Load, model=None, device="cpu"))
        sizes = {}
        for number in range(1, LINES[1] + 1):
            _generate(client, short, result, number)
            if number in LINES:
                sizes[number] = _megabytes(client, "VmRSS")
        _generate(client, long, result, 0)
        after_hour, peak = _megabytes(client, "VmRSS"), _megabytes(client, "VmHWM")
    finally:
        client.close()
    with np.load(result, allow_pickle=False) as arrays:
        motion = arrays["motion"]
    grown = Grown(sizes[LINES[0]], sizes[LINES[1]], after_hour, peak, len(motion))
    if max(grown.after_many, grown.after_hour) > (1 + MOST_GROWTH) * grown.after_few:
        grown.problem = f"grew by more than {MOST_GROWTH:.0%}"
    if len(motion) != 25 * HOUR or not np.isfinite(motion).all():
        grown.problem = grown.problem or f"{len(motion)} frames, or numbers that are not finite"
    return grown


def _generate(client, sound: Path, result: Path, seed: int) -> None:
    from ecoface_blender.worker import protocol

    number = client.request(
        protocol.Generate, sound=str(sound), first_second=0.0, seconds=None, result=str(result), style=None,
        emotion=None, emotion_from=None, seed=seed, temperature=1.0,
        head="EcoFace reference head", head_file=None,
    )  # fmt: skip
    client.wait(number)


def _megabytes(client, field: str) -> float:
    status = Path(f"/proc/{client._process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith(field)).split()[1]) / 1024
