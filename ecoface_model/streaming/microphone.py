"""A microphone as chunks of mono 16 kHz sound, by sounddevice, which is optional (`ecoface[live]`)."""

import queue
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import SAMPLE_RATE
from ecoface_model.core.errors import RequestError

BLOCK = 0.1  # seconds of sound that come at once
MOST_WAITING = 300  # blocks that may wait to be animated, 30 s: a machine that slow does not catch up
PATIENCE = 5.0  # seconds without any sound, after which the microphone is given up


def microphone(device: str | None = None, seconds: float | None = None) -> Iterator[NDArray[np.float32]]:
    """What is said from now on, for so many seconds, or until the reader stops.

    Args:
        device: number of a sound device, or part of its name; the usual input of this machine if not given.

    Raises:
        RequestError: if there is no sounddevice or no such input, it falls silent, or it is not kept up with.
    """
    import soxr

    sounddevice = _sounddevice()
    waiting: queue.Queue[NDArray[np.float32]] = queue.Queue(MOST_WAITING)
    behind = False

    def take(block: NDArray[np.float32], _frames: int, _time: Any, _status: Any) -> None:
        nonlocal behind
        try:
            waiting.put_nowait(block[:, 0].copy())
        except queue.Full:
            behind = True

    chosen = int(device) if device is not None and device.isdigit() else device
    try:
        rate = round(sounddevice.query_devices(chosen, "input")["default_samplerate"])
        stream = sounddevice.InputStream(
            samplerate=rate,
            blocksize=round(BLOCK * rate),
            device=chosen,
            channels=1,
            dtype="float32",
            callback=take,
        )
    except (ValueError, sounddevice.PortAudioError) as error:
        raise RequestError(
            f"expected a microphone{'' if device is None else f' {device!r}'}, found none ({error}); "
            "plug one in, or choose another with --input"
        ) from error
    to_16k = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
    left = None if seconds is None else round(seconds * rate)
    with stream:
        while left is None or left > 0:
            block = _next(waiting, behind)
            block = block if left is None else block[:left]
            left = None if left is None else left - len(block)
            yield to_16k.resample_chunk(block, last=left == 0)


def _next(
    waiting: "queue.Queue[NDArray[np.float32]]", behind: bool
) -> Float32[NDArray[np.float32], " samples"]:
    """The next block; in short waits, so that an interrupt is seen."""
    until = time.monotonic() + PATIENCE
    while not behind:
        try:
            return waiting.get(timeout=BLOCK)
        except queue.Empty:
            if time.monotonic() > until:
                raise RequestError(
                    f"expected sound from the microphone, found none for {PATIENCE:g} s; plug it in again"
                ) from None
    raise RequestError(
        f"expected a machine that animates speech as fast as it comes, found it {MOST_WAITING * BLOCK:g} s "
        "behind; close other programs, or record the sound and use `ecoface generate`"
    )


def _sounddevice() -> Any:
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: PortAudio's own library is missing
        raise RequestError(
            f"expected the package sounddevice for a microphone, found none ({error}); "
            'pip install "ecoface[live]"'
        ) from error
    return sounddevice
