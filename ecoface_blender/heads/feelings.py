"""The emotion that was asked for or heard, over time, as weights of keys that show emotions. Pure numpy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.constants import EMOTIONS as ALL_EMOTIONS
from ..core.emotion_label import TRACK_RATE, EmotionLabel, EmotionTrack
from ..core.errors import EcoFaceError
from .emotion_names import PARTS, REGIONS, WHOLE

EMOTIONS = ALL_EMOTIONS[1:]
"""The engine's, without neutral: the columns of feelings."""
STRONG_SPEECH = 0.15
"""By how much an emotion rises with the loudest speech over what it is in between."""

_MIXES = {
    "brow": {
        "calm": {"relaxed": 0.5},
        "happy": {"happy": 1.0},
        "sad": {"sad": 1.0},
        "angry": {"angry": 1.0},
        "fearful": {"sad": 0.7, "surprised": 0.4},
        "disgust": {"angry": 0.6},
        "surprised": {"surprised": 1.0},
    },
    "eye": {
        "calm": {"relaxed": 0.4},
        "happy": {"relaxed": 0.8, "happy": 0.25},
        "sad": {"sad": 1.0},
        "angry": {"angry": 1.0},
        "fearful": {"surprised": 0.8},
        "disgust": {"angry": 0.5},
        "surprised": {"surprised": 1.0},
    },
    "mouth": {
        "calm": {"relaxed": 0.3},
        "happy": {"relaxed": 0.8, "happy": 0.25},
        "sad": {"sad": 0.8},
        "angry": {"angry": 0.8},
        "fearful": {"sad": 0.6},
        "disgust": {"angry": 0.6, "sad": 0.2},
        "surprised": {"surprised": 0.4},
    },
    "whole": {
        "calm": {"relaxed": 0.5},
        "happy": {"relaxed": 0.7, "happy": 0.3},
        "sad": {"sad": 1.0},
        "angry": {"angry": 1.0},
        "fearful": {"sad": 0.5, "surprised": 0.4},
        "disgust": {"angry": 0.6},
        "surprised": {"surprised": 1.0},
    },
}
"""What an emotion asks of the five that such heads know, by region; shut smiles before open ones."""
OPENS = {"happy": 0.5, "surprised": 0.6, "sad": 0.2, "angry": 0.05, "relaxed": 0.05}
"""How far a key of each opens the mouth, against the widest vowel, where its offsets do not tell."""
SHUTS = {"happy": 0.8, "relaxed": 0.1}
"""How far it shuts the eyes, likewise."""
SMILING_EYES = ("emotion_eye_happy", "emotion_eye_relaxed")
SMILING_MOUTHS = ("emotion_mouth_happy", "emotion_mouth_relaxed")
ROOM, WHOLE_ROOM = 0.1, 0.3
"""Of the widest vowel, that an emotion may hold the mouth open; of a key of the whole face, without which
nothing would be seen of it."""
LIDS = 0.2  # of a blink, that it may hold the eyes shut
SMILING_LIDS = 0.15  # of a blink, that smiling eyes may be shut further for a mouth that gives way to speech
MORE_EYES = 0.7  # of their smile, that they show more for it
BESIDE_SPEECH, SHUT_BESIDE_SPEECH = 0.5, 0.35
"""Of a mouth's emotion that gives way to a wide open mouth; less of one that parts no lips."""
TOUCHING, PARTED = 0.06, 0.16
"""Of the widest vowel: what parts the lips less stays beside closed ones, what does more gives way."""


@dataclass(frozen=True)
class KeyEffect:
    """What a key does beside its emotion, at value 1."""

    opens: float
    """Of what the widest vowel parts the lips."""
    shuts: float
    """Of what a blink lowers the lids."""


def felt(
    moments: np.ndarray,
    asked: str,
    heard: Mapping[str, Any] | None = None,
    track: Mapping[str, np.ndarray] | None = None,
) -> np.ndarray:
    """Feelings (T, EMOTIONS) from 0 to 2 at these moments (T,), seconds from the sound's beginning.

    Args:
        asked: what a motion's metadata say: "happy:1.5", several with "@SECONDS", or in words that it was
            heard or taken from a track.
        heard: what was told from a voice: shares of the emotions, and one intensity.
        track: an emotion track's weights (points, 8), intensity (points,) and rate.
    """
    if track is not None or (track := _named(asked)) is not None:
        at = np.arange(len(track["intensity"])) / float(track["rate"])
        values = np.asarray(track["weights"])[:, 1:] * np.asarray(track["intensity"])[:, None]
        return np.column_stack([np.interp(moments, at, column) for column in values.T])
    if heard and isinstance(heard.get("shares"), Mapping):
        shares = np.array([float(heard["shares"].get(name, 0)) for name in EMOTIONS])
        return np.tile(shares * float(heard.get("intensity", 1)), (len(moments), 1))
    return np.zeros((len(moments), len(EMOTIONS)))


def key_amounts(feelings: np.ndarray) -> np.ndarray:
    """Of an intensity from 0 to 2: 0.6 of a key at normal, all of it at strong."""
    return np.where(feelings < 1, 0.6 * feelings, 0.6 + 0.4 * (feelings - 1)).clip(0, 1)


def emotion_curves(feelings: np.ndarray, present: Sequence[str], upper: float, mouth: float) -> dict:
    """Curves (T,) in 0..1 of the sources in `present` that show emotions; regions by their amounts."""
    amounts = key_amounts(feelings)
    out = {source: np.zeros(len(feelings)) for source in present if source in (*PARTS, *WHOLE)}
    strength = {"brow": upper, "eye": upper, "mouth": mouth, "whole": (upper + mouth) / 2}
    for region in (*REGIONS, "whole"):
        for column, emotion in enumerate(EMOTIONS):
            for feeling, share in _MIXES[region][emotion].items():
                source = _shown_by(region, feeling, out)
                if source:
                    out[source] = out[source] + strength[region] * share * amounts[:, column]
    return {source: curve.clip(0, 1) for source, curve in out.items()}


def beside_speech(
    curves: Mapping[str, np.ndarray],
    effects: Mapping[str, KeyEffect],
    closed: np.ndarray,
    speaking: np.ndarray,
    closed_slowly: np.ndarray,
    speaking_slowly: np.ndarray,
) -> dict[str, np.ndarray]:
    """The emotions' curves as far as speech and blinks leave them room, and blinks as far as they do.

    Mouth keys follow the lips (T,); keys of the whole face follow them slowly, since their brows would
    tremble with every sound. What a smile of the mouth gives way, eyes that smile show more.
    """
    out = dict(curves)
    lowered = np.zeros(len(closed))
    smiles = any(source in curves for source in SMILING_MOUTHS)
    for_the_mouth = speaking_slowly if smiles else np.zeros(len(closed))
    for source in (source for source in curves if source in (*PARTS, *WHOLE)):
        effect = effects.get(source) or usual_effect(source)
        value = out[source]
        if "_eye_" in source or source in WHOLE:
            most = np.full(len(closed), LIDS)
            if source in SMILING_EYES:
                most += SMILING_LIDS * for_the_mouth
                value = (value * (1 + MORE_EYES * for_the_mouth)).clip(0, 1)
            value = np.minimum(value, most / np.maximum(effect.shuts, most))
        if "_mouth_" in source or source in WHOLE:
            lips, open_ = (closed_slowly, speaking_slowly) if source in WHOLE else (closed, speaking)
            room = WHOLE_ROOM if source in WHOLE else ROOM
            value = np.minimum(value, room / max(effect.opens, room))
            parts = min(max((effect.opens - TOUCHING) / (PARTED - TOUCHING), 0), 1)
            gives_way = SHUT_BESIDE_SPEECH + (BESIDE_SPEECH - SHUT_BESIDE_SPEECH) * parts
            value = value * (1 - gives_way * open_) * (1 - lips * parts)
        out[source] = value
        lowered = lowered + max(effect.shuts, 0) * value
    for source in (
        "vrm_blink",
        "vrm_blinkLeft",
        "vrm_blinkRight",
        "eyeBlinkLeft",
        "eyeBlinkRight",
        "eyeBlink",
    ):
        if source in out:
            out[source] = out[source] * (1 - lowered.clip(0, 1))
    return out


def usual_effect(source: str) -> KeyEffect:
    """What a key of this source usually does beside its emotion."""
    feeling = source.rsplit("_", 1)[1]
    return KeyEffect(
        OPENS[feeling] if "_mouth_" in source or source in WHOLE else 0.0,
        SHUTS.get(feeling, 0.0) if "_eye_" in source or source in WHOLE else 0.0,
    )


def _shown_by(region: str, feeling: str, present: Mapping[str, object]) -> str | None:
    """The source that shows a feeling in a region, or the one that stands in for it; None without one."""
    for each in ("relaxed", "happy") if feeling == "relaxed" else (feeling,):
        source = f"vrm_{each}" if region == "whole" else f"emotion_{region}_{each}"
        if source in present:
            return source
    return None


def _named(asked: str) -> Mapping[str, np.ndarray] | None:
    """The emotion track of "LABEL[:INTENSITY]", or of several with "@SECONDS"; None of other words."""
    try:
        if "@" in asked:
            return vars(EmotionTrack.parse(asked))
        label = EmotionLabel.parse(asked)
    except EcoFaceError:
        return None
    weights = np.eye(len(ALL_EMOTIONS))[[ALL_EMOTIONS.index(label.name)]]
    return {"weights": weights, "intensity": np.array([label.intensity]), "rate": np.array(TRACK_RATE)}
