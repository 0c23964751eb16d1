"""Waveforms: mono 16 kHz, in frames of 640 samples; `sound.reader` reads them."""

from pathlib import Path

import numpy as np

from ecoface_model.core.constants import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME
from ecoface_model.sound.reader import read
from ecoface_model.sound.timeline import Waveform as Waveform


def read_sound(path: Path | str) -> Waveform:
    """The sound of a file, or of a video, as `sound.reader.read` finds it: float32, mono, 16 kHz.

    Raises:
        SoundError: if the file is missing, empty, not a sound, or holds less than one frame (0.04 s).
    """
    return read(path).waveform


def n_frames(n_samples: int) -> int:
    """T = round(25 s): motion frames of a 16 kHz waveform."""
    return round(FRAME_RATE * (n_samples / SAMPLE_RATE))


def fit_to_frames(waveform: Waveform, frames: int) -> Waveform:
    """The waveform cut, or filled with silence, to 640 samples a frame: features then have 2T steps."""
    wanted = frames * SAMPLES_PER_FRAME
    return np.pad(waveform[:wanted], (0, max(0, wanted - len(waveform))))
