"""Names of keys that show an emotion with the brows, the eyes or the mouth: VRoid's, MMD's."""

import re
from functools import lru_cache

REGIONS = ("brow", "eye", "mouth")
FEELINGS = ("happy", "angry", "sad", "relaxed", "surprised")
"""The five that VRM knows."""
PARTS = tuple(f"emotion_{region}_{feeling}" for region in REGIONS for feeling in FEELINGS)
"""Sources of keys for one region of the face."""
WHOLE = tuple(f"vrm_{feeling}" for feeling in FEELINGS)
"""Sources of keys that move all of it."""

_VROID_REGIONS = {"brw": "brow", "eye": "eye", "mth": "mouth"}
_VROID = {"joy": "happy", "angry": "angry", "sorrow": "sad", "fun": "relaxed", "surprised": "surprised"}
_MMD = {
    "怒り": ("emotion_brow_angry", 0),
    "真面目": ("emotion_brow_angry", 1),
    "困る": ("emotion_brow_sad", 0),
    "にこり": ("emotion_brow_happy", 0),
    "上": ("emotion_brow_surprised", 0),
    "笑い": ("emotion_eye_happy", 0),
    "びっくり": ("emotion_eye_surprised", 0),
    "口角上げ": ("emotion_mouth_relaxed", 0),
    "にやり": ("emotion_mouth_relaxed", 1),
    "ワ": ("emotion_mouth_happy", 0),
    "口角下げ": ("emotion_mouth_sad", 0),
    "∧": ("emotion_mouth_angry", 0),
    "ウィンク２": ("vrm_blinkLeft", 1),
    "ウィンク2": ("vrm_blinkLeft", 1),
    "ｳｨﾝｸ２右": ("vrm_blinkRight", 1),
    "ウィンク２右": ("vrm_blinkRight", 1),
    "ウィンク2右": ("vrm_blinkRight", 1),
}
"""MMD's morphs, with the rank of a name that stands in for another."""


@lru_cache(maxsize=10_000)
def feelings(name: str) -> tuple[tuple[str, int], ...]:
    """What a key shows of an emotion: its source and rank; empty if nothing that is known."""
    name = re.sub(r"\.\d{3}$", "", name)
    if match := re.search(r"(?i)Fcl_(BRW|EYE|MTH)_([A-Za-z]+)$", name):
        feeling = _VROID.get(match[2].lower())
        return ((f"emotion_{_VROID_REGIONS[match[1].lower()]}_{feeling}", 0),) if feeling else ()
    return (_MMD[name],) if name in _MMD else ()
