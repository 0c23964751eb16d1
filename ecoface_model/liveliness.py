"""Head, gaze and lids beside a motion that is ready, by the voice and the emotion that it shows."""

from typing import Any

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.head_motion.manner import Moods
from ecoface_model.head_motion.melody import Melody
from ecoface_model.head_motion.performance import Liveliness, Performance, perform
from ecoface_model.idle import points_of
from ecoface_model.postprocess.settling import Settling, rest_in
from ecoface_model.postprocess.voice_activity import LevelGates
from ecoface_model.reference_emotion.inputs import EmotionInputs
from ecoface_model.reference_emotion.sources import EmotionSource
from ecoface_model.reference_emotion.speech_source import SpeechSource


def make_alive(
    waveform: NDArray[np.float32],
    joined: Float32[NDArray[np.float32], "frames channels"],
    motion: Float32[NDArray[np.float32], "frames 53"],
    source: EmotionSource | SpeechSource,
    inputs: EmotionInputs,
    settling: Settling,
    metadata: dict[str, Any],
    shown: Float32[NDArray[np.float32], " frames"] | None,
    liveliness: Liveliness,
) -> Performance:
    """The motion with its head and gaze; `shown` is how much of the emotion each frame shows, None is all."""
    if not (liveliness.head_motion or liveliness.gaze):
        return Performance(None, None, motion)
    felt = inputs.felt(source, len(motion)) * np.float32(metadata["amounts"]["strength"])
    if shown is not None:
        felt = felt * points_of(shown, len(felt))[:, None]
    melody = Melody.of(waveform, rest_in(LevelGates.of(waveform), joined))
    moods = Moods.of(felt, len(motion), metadata["style"])
    return perform(motion, melody, moods, settling.lids, metadata["seed"], liveliness)
