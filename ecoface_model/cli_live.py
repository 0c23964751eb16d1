"""`ecoface live`: a microphone's voice as motion while it is spoken."""

import argparse
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ecoface_model.cli_results import expect_a_place
from ecoface_model.core.errors import RequestError

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
    import numpy as np

    from ecoface_model.core.motion_file import FlameMotion
    from ecoface_model.pipeline import EcoFace
    from ecoface_model.streaming.microphone import microphone
    from ecoface_model.streaming.speech_stream import LATENCY

    ecoface = EcoFace.load(options.model, options.device, options.engine)
    stream = ecoface.stream(
        style=options.style, emotion=options.emotion, seed=options.seed, temperature=options.temperature
    )
    sounds: list[NDArray[np.float32]] = []
    parts = []
    complaints: list[Exception] = []
    print(f"listening; each frame comes {LATENCY:.2f} s after its sound; Ctrl+C ends it", file=sys.stderr)
    try:
        with suppress(KeyboardInterrupt):  # is how it ends
            for samples in microphone(options.input, options.seconds):
                sounds.append(samples)
                parts.append(stream.feed(samples))
                _show(sum(map(len, sounds)) / 16_000, parts[-1].first + len(parts[-1].motion))
    except RequestError as error:  # what was said before is kept
        complaints.append(error)
    parts.append(stream.finish())
    motion = np.concatenate([part.motion for part in parts])
    if len(motion) == 0:
        return complaints or [
            RequestError("expected something to be said, found no sound; speak before Ctrl+C")
        ]
    phones = [part.phones for part in parts if part.phones is not None]
    FlameMotion(
        motion,
        metadata=stream.metadata | {"source": "microphone"},
        phones=np.concatenate(phones) if phones else None,
    ).write(options.out)
    if options.sound is not None:
        _keep(options.sound, np.concatenate(sounds))
    print(f"{options.out}: {len(motion)} frames, {len(motion) / 25:.1f} s of speech")
    return complaints


def _show(heard: float, frames: int) -> None:
    if sys.stderr.isatty():
        print(
            f"\r\x1b[K{heard:.1f} s heard, {frames / 25:.1f} s animated", end="", file=sys.stderr, flush=True
        )


def _keep(place: Path, samples: "NDArray[np.float32]") -> None:
    """The sound as it was said, whole or not at all."""
    import soundfile

    from ecoface_model.core.atomic_write import atomic_write
    from ecoface_model.core.constants import SAMPLE_RATE

    with atomic_write(place) as temporary:
        soundfile.write(
            temporary, samples.clip(-1, 1), SAMPLE_RATE, format=place.suffix[1:].upper(), subtype="PCM_16"
        )
