"""The real recorded speech we may judge by: five LibriVox clips of Debian's `pocketsphinx-testdata`.

Their phone times (forced alignment, median error on clean speech 8-10 ms) are kept in
`assets/real_speech_phones.json`, so that every evaluation judges by the same times;
`python -m training.real_speech` makes that file again.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from ecoface_model.core.constants import SAMPLE_RATE
from ecoface_model.core.errors import SoundError
from training.data.utterance import Phone

SOUNDS = Path("/usr/share/pocketsphinx/test/data/librivox")
PHONES = Path(__file__).parents[1] / "assets" / "real_speech_phones.json"
TRANSCRIPTS = {
    "0870": "and mister john dashwood had then leisure to consider how much there might be prudently in his "
    "power to do for them",
    "0880": "he was not an ill disposed young man",
    "0890": "unless to be rather cold hearted and rather selfish is to be ill disposed",
    "0920": "had he married a more a amiable woman he might have been made still more respectable than "
    "he was",
    "0930": "he might even have been made amiable himself",
}
"""By the number of the clip of "Sense and Sensibility"; what is said, not what is printed."""


@dataclass(frozen=True)
class RecordedClip:
    """A real recording with the times of its phones."""

    name: str
    waveform: NDArray[Any]
    """16 kHz mono float32."""
    phones: tuple[Phone, ...]


def read_recordings(folder: Path = SOUNDS) -> list[RecordedClip]:
    """The five clips with their phones.

    Raises:
        SoundError: if the Debian package is not installed.
    """
    known = json.loads(PHONES.read_text(encoding="utf-8"))
    return [
        RecordedClip(name, read_waveform(folder, name), tuple(Phone(*phone) for phone in known[name]))
        for name in TRANSCRIPTS
    ]


def read_waveform(folder: Path, name: str) -> NDArray[Any]:
    """One clip's waveform.

    Raises:
        SoundError: if it is not there.
    """
    path = folder / f"sense_and_sensibility_01_austen_64kb-{name}.wav"
    if not path.is_file():
        raise SoundError(
            f"expected real recordings in {folder}, found no {path.name}; install the Debian package "
            "pocketsphinx-testdata"
        )
    waveform, rate = soundfile.read(path, dtype="float32")
    assert rate == SAMPLE_RATE, f"{path.name} has {rate} Hz"
    return np.asarray(waveform)
