"""How far a stream's motion is from the whole clip's, and its cost: python benchmarks/streaming.py [SOUND...]

Without a sound, the demo's. Chunks of 0.1 s as from a microphone; style natural. Of each emotion: how far the
lips' apertures are apart after the first second (95th percentile), the frames that are closed (below 0.15 of
the whole clip's 95th percentile) in one of the two only, and the processor's seconds for a second of speech.
"""

import argparse
import resource
import time
from pathlib import Path

import numpy as np

from ecoface_model.audio import read_sound
from ecoface_model.core.head_file import read_head
from ecoface_model.core.head_mesh import HeadLandmarks
from ecoface_model.pipeline import EcoFace
from ecoface_model.postprocess.lips import aperture
from ecoface_model.streaming.speech_stream import LATENCY

DEMO = Path(__file__).parent.parent / "demo" / "speech.wav"
CHUNK = 1_600
CLOSED = 0.15


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sound", nargs="*", type=Path, default=[DEMO])
    parser.add_argument("--minutes", type=float, default=0.0, help="also of so long a stream, for its memory")
    options = parser.parse_args()
    ecoface, lips = EcoFace.load(), HeadLandmarks(read_head())
    print(f"{ecoface.backend.engine}; each frame is given {LATENCY:.2f} s after its sound\n")
    print("| emotion | seconds | aperture, mm | closed in one only | of | processor, s a second |")
    print("|---|---|---|---|---|---|")
    sounds = [read_sound(path) for path in options.sound]
    for emotion in (None, "neutral", "happy", "angry:2"):
        differences, differing, closed, busy, seconds = [], 0, 0, 0.0, 0.0
        for sound in sounds:
            whole = 1000 * aperture(lips.of(ecoface.generate(sound, emotion=emotion).motion))
            started = time.process_time()
            given = 1000 * aperture(lips.of(streamed(ecoface, sound, emotion)))
            busy, seconds = busy + time.process_time() - started, seconds + len(sound) / 16_000
            differences.append(np.abs(given - whole)[25:])
            shut = CLOSED * np.percentile(whole, 95)
            differing, closed = (
                differing + int(((given < shut) != (whole < shut)).sum()),
                closed + int((whole < shut).sum()),
            )
        worst = np.percentile(np.concatenate(differences), 95)
        print(
            f"| {emotion or 'from the speech'} | {seconds:.1f} | {worst:.2f} | {differing} | {closed} "
            f"| {busy / seconds:.2f} |"
        )
    if options.minutes:
        grown(ecoface, sounds[0], options.minutes)


def streamed(ecoface: EcoFace, sound: np.ndarray, emotion: str | None) -> np.ndarray:
    """The motion of a sound in chunks."""
    stream = ecoface.stream(emotion=emotion)
    parts = [stream.feed(sound[begin : begin + CHUNK]).motion for begin in range(0, len(sound), CHUNK)]
    return np.concatenate([*parts, stream.finish().motion])


def grown(ecoface: EcoFace, sound: np.ndarray, minutes: float) -> None:
    """Most memory after a minute of a stream, and after all of it."""
    stream = ecoface.stream()
    peaks = []
    for begin in range(0, round(minutes * 960_000), CHUNK):
        stream.feed(np.take(sound, range(begin, begin + CHUNK), mode="wrap"))
        if begin in (960_000, 960_000 * round(minutes) - CHUNK):
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(f"\nmost memory after a minute {peaks[0]:.0f} MB, after {minutes:g} {peaks[-1]:.0f} MB")


if __name__ == "__main__":
    main()
