"""flite's voices slt, rms and awb, with the phone times it prints itself. BSD-like licence."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr

from ecoface_model.core.constants import SAMPLE_RATE
from ecoface_model.core.phones import PHONES, SILENCE
from training.data.clips import CorpusError
from training.data.utterance import Phone, Utterance, covering

VOICES = ("slt", "rms", "awb")
"""Women: slt. Men: rms, awb (Scottish). (kal16's times overrun its sound.)"""

_NAMES = {
    "pau": SILENCE,
    "ax": "AH",
    "axr": "ER",
    "ix": "IH",
    "dx": "D",
    "nx": "N",
    "el": "L",
    "em": "M",
    "en": "N",
}
_SEGMENT = re.compile(r"([a-z]+):([0-9.]+)")


def speak(text: str, voice: str, *, stretch: float) -> Utterance:
    """Speak one sentence; durations are multiplied by `stretch`.

    Raises:
        CorpusError: if the program flite is missing or does not answer as expected.
    """
    program = shutil.which("flite")
    if program is None:
        raise CorpusError("expected the program flite, found none; install it with `apt-get install flite`.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        command = [program, "-voice", voice, "--setf", f"duration_stretch={stretch:.3f}", "-psdur"]
        answer = subprocess.run(
            [*command, "-t", text, "-o", str(path)], capture_output=True, text=True, check=False
        )
        if answer.returncode != 0 or not path.exists():
            raise CorpusError(f"expected flite to speak {text!r}, found: {answer.stderr.strip()!r}.")
        samples, rate = soundfile.read(path, dtype="float32")
    waveform = soxr.resample(samples, rate, SAMPLE_RATE).astype(np.float32)
    phones = phones_of_segments(answer.stdout)
    return Utterance(waveform=waveform, phones=covering(phones, len(waveform) / SAMPLE_RATE))


def phones_of_segments(printed: str) -> list[Phone]:
    """The phones of what `-psdur` prints: "pau:0.195 p:0.280 ...", each with its end in seconds."""
    phones: list[Phone] = []
    start = 0.0
    for name, end in _SEGMENT.findall(printed):
        arpabet = _NAMES.get(name, name.upper())
        assert arpabet in PHONES, f"flite's phone {name!r} is in our table"
        phones.append(Phone(arpabet, start, float(end)))
        start = float(end)
    return phones
