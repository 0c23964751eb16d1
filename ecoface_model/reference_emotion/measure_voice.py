"""How a voice usually sounds, measured from some of its lines."""

from collections.abc import Sequence

import numpy as np

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import EMOTIONS, FEATURE_RATE
from ecoface_model.core.errors import RequestError
from ecoface_model.reference_emotion.speech_emotion import SpeechEmotion
from ecoface_model.reference_emotion.voice_baseline import KINDS, LINES, NEUTRAL, VoiceBaseline
from ecoface_model.windowed_encoder import Progress, WindowedEncoder

MIXED_LINES = 5  # lines from which a voice baseline may be of any mood
UNIFORM = 0.75  # mean share of one emotion in lines of one mood
LEAST_SPEECH = 0.5  # seconds that a line must speak to tell how a voice sounds


def measure_voice(
    encoder: WindowedEncoder,
    waveforms: Sequence[NDArray[np.float32]],
    kind: str | None,
    progress: Progress | None,
) -> VoiceBaseline:
    """The mean over lines of the front's mean states over their speech: each line counts alike.

    Raises:
        RequestError: if there is too little speech, or the lines do not stand for all moods of a voice.
        SoundError: if a waveform is shorter than a frame, or not mono.
    """
    kind = kind or (NEUTRAL if len(waveforms) < MIXED_LINES else LINES)
    if kind not in KINDS:
        raise RequestError(f"expected a voice baseline of {' or '.join(KINDS)}, found {kind!r}; choose one")
    means = []
    for waveform in waveforms:
        states, n_steps = encoder.states_of_speech(waveform, progress)
        if n_steps >= LEAST_SPEECH * FEATURE_RATE:
            means.append(states / np.float32(n_steps))
    if not means:
        raise RequestError(
            f"expected at least {LEAST_SPEECH:g} s of speech in a line for a voice baseline, found less in "
            f"all {len(waveforms)}; give lines in which the voice is heard"
        )
    if kind == LINES:
        _hold_variety([encoder.listen(waveform, None, progress) for waveform in waveforms])
    return VoiceBaseline(np.mean(means, axis=0), kind, len(means))


def _hold_variety(lines: Sequence[SpeechEmotion]) -> None:
    """Refuse lines that do not stand for all moods of a voice: too few, or of one mood.

    Taken for a voice's usual sound, lines in one mood would make that mood neutral.
    """
    spoken = [line for line in lines if line.speech_seconds >= LEAST_SPEECH]
    if len(spoken) < MIXED_LINES:
        raise RequestError(
            f"expected at least {MIXED_LINES} lines with speech for a voice baseline of lines in any mood, "
            f"found {len(spoken)}; give more, or neutral ones"
        )
    mean = np.mean([line.overall for line in spoken], axis=0)
    if mean.max() > UNIFORM:
        raise RequestError(
            f"expected lines in several moods for a voice baseline, found nearly all of them "
            f"{EMOTIONS[int(mean.argmax())]}; give lines in other moods too, or neutral ones"
        )
