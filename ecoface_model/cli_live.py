"""`ecoface live`: a microphone's voice as motion while it is spoken."""

import argparse
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ecoface_model.cli_results import expect_a_place
from ecoface_model.core.constants import FRAME_RATE, SAMPLE_RATE
from ecoface_model.core.errors import EcoFaceError, RequestError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def add_live_options(live: argparse.ArgumentParser) -> None:
    """What `ecoface live` takes, besides the voice's and the model's options."""
    live.add_argument("-o", dest="out", type=Path, required=True, metavar="OUT", help=".npz")
    live.add_argument("--sound", type=Path, metavar="FILE", help=".wav or .flac that keeps what was said")
    live.add_argument("--input", metavar="DEVICE", help="number of a microphone, or part of its name")
    live.add_argument("--seconds", type=float, metavar="N", help="for so long (until Ctrl+C)")


def run_live(options: argparse.Namespace) -> list[Exception]:
    """Animate what is said into a microphone, until Ctrl+C."""
    expect_a_place(options.out, (".npz",))
    if options.sound is not None:
        expect_a_place(options.sound, (".wav", ".flac"))
    if options.seconds is not None and not 0 < options.seconds < float("inf"):
        raise RequestError(f"expected --seconds above 0, found {options.seconds:g}; leave it out for no end")
    from ecoface_model.core.motion_file import FlameMotion
    from ecoface_model.pipeline import EcoFace
    from ecoface_model.streaming.microphone import microphone
    from ecoface_model.streaming.speech_stream import LATENCY, together

    ecoface = EcoFace.load(options.model, options.device, options.engine)
    stream = ecoface.stream(
        style=options.style,
        emotion=options.emotion,
        seed=options.seed,
        temperature=options.temperature,
        head_motion=options.head_motion,
        gaze=options.gaze,
    )
    sounds: list[NDArray[np.float32]] = []
    parts = []
    complaints: list[Exception] = []
    n_heard = 0
    print(f"listening; each frame comes {LATENCY:.2f} s after its sound; Ctrl+C ends it", file=sys.stderr)
    with _interrupts() as interrupted:  # is how it ends, between two chunks
        try:
            for samples in microphone(options.input, options.seconds):
                n_heard += len(samples)
                if options.sound is not None:
                    sounds.append(samples)
                parts.append(stream.feed(samples))
                _show(n_heard / SAMPLE_RATE, parts[-1].first + len(parts[-1].motion))
                if interrupted.is_set():
                    break
        except EcoFaceError as error:  # what was said before is kept
            complaints.append(error)
    said = together([*parts, stream.finish()])
    if len(said.motion) == 0:
        return complaints or [
            RequestError("expected something to be said, found no sound; speak before Ctrl+C")
        ]
    motion = FlameMotion(
        said.motion,
        metadata=stream.metadata | {"source": "microphone"},
        phones=said.phones,
        head=said.head,
        gaze=said.gaze,
    )
    motion.write(options.out)
    if options.sound is not None:
        _keep(options.sound, sounds)
    print(f"{options.out}: {motion.n_frames} frames, {motion.seconds:.1f} s of speech")
    return complaints


@contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """Ctrl+C is noted instead of raised, so that no frame is half made."""
    noted = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: noted.set())
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


def _show(heard: float, frames: int) -> None:
    if sys.stderr.isatty():
        said = f"{heard:.1f} s heard, {frames / FRAME_RATE:.1f} s animated"
        print(f"\r\x1b[K{said}", end="", file=sys.stderr, flush=True)


def _keep(place: Path, sounds: "list[NDArray[np.float32]]") -> None:
    """The sound as it was said, whole or not at all."""
    import numpy as np
    import soundfile

    from ecoface_model.core.atomic_write import atomic_write

    samples = np.concatenate(sounds).clip(-1, 1)
    kind = place.suffix[1:].upper()
    with atomic_write(place) as temporary:
        soundfile.write(temporary, samples, SAMPLE_RATE, format=kind, subtype="PCM_16")
