"""hibari-tts: one near-human woman's voice whose model ships in its wheel. Apache-2.0.

Its own durations are useless, so its speech is aligned anew.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import soxr

from ecoface_model.core.constants import SAMPLE_RATE
from training.data.alignment import align
from training.data.clips import CorpusError
from training.data.utterance import Utterance


@lru_cache(maxsize=1)
def _synthesizer() -> Any:
    try:
        from hibari import Hibari  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise CorpusError(
            "expected the package hibari-tts, found none; install it with `pip install hibari-tts==0.2.1`."
        ) from error
    return Hibari()  # voice "heart", inside the package: nothing is downloaded


def speak(text: str, *, speed: float, seed: int) -> Utterance:
    """Speak one sentence of dictionary words.

    Raises:
        CorpusError: if the package is missing.
        AlignmentError: if the sentence cannot be aligned.
    """
    synthesizer = _synthesizer()
    samples = synthesizer(text, speed=speed, seed=seed)
    waveform = soxr.resample(samples, synthesizer.sample_rate, SAMPLE_RATE).astype(np.float32)
    return Utterance(waveform=waveform, phones=align(waveform, text))
