"""What a recognised face can and cannot show, in words. Pure Python."""

import re
from collections.abc import Collection, Sequence

from .key_names import ARKIT

_UNIT_FEATURES = {
    "jaw": ("jawOpen",),
    "lip closing": ("mouthClose", "mouthPressLeft", "mouthRollLower", "mouthShrugLower"),
    "pucker": ("mouthPucker", "mouthFunnel"),
    "smile": ("mouthSmileLeft",),
    "frown": ("mouthFrownLeft",),
    "wide mouth": ("mouthStretchLeft", "mouthSmileLeft"),
    "upper lip": ("mouthUpperUpLeft",),
    "lower lip": ("mouthLowerDownLeft",),
    "rolled lip": ("mouthRollLower",),
    "blink": ("eyeBlinkLeft",),
    "wide eyes": ("eyeWideLeft",),
    "squint": ("eyeSquintLeft", "cheekSquintLeft"),
    "inner brow": ("browInnerUp",),
    "outer brow": ("browOuterUpLeft",),
    "lowered brow": ("browDownLeft",),
    "sneer": ("noseSneerLeft",),
}
"""What a face needs to speak with feeling, and the units of which any shows it."""
_SPEECH_FEATURES = {
    "A": ("vrm_aa", "viseme_aa", "blair_AI", "daz_AA", "cc_Open"),
    "I": ("vrm_ih", "viseme_ih", "blair_E", "daz_IY", "daz_EE", "cc_Wide"),
    "U": ("vrm_ou", "viseme_ou", "blair_U", "daz_UW", "cc_Tight"),
    "E": ("vrm_ee", "viseme_E", "blair_E", "daz_EH", "cc_Wide"),
    "O": ("vrm_oh", "viseme_oh", "blair_O", "daz_OW", "cc_Tight_O"),
    "P B M": ("viseme_PP", "blair_MBP", "daz_M", "cc_Explosive"),
    "F V": ("viseme_FF", "blair_FV", "daz_F", "cc_Dental_Lip"),
    "blink": ("vrm_blink", "vrm_blinkLeft", "eyeBlink", "eyeBlinkLeft"),
}
_FEELINGS = {"joy": ("happy", "relaxed"), "anger": ("angry",), "sorrow": ("sad",), "surprise": ("surprised",)}
_ALONE_IN_VRM = ("P B M", "F V")  # its mouth is shut without a key
MOST_NAMED = 6


def lacks(sources: Collection[str], has_jaw: bool) -> list[str]:
    """What a face with these sources cannot show, each as one word or two; `has_jaw`: by a bone."""
    units = {unit for source in sources for unit in ((source,), _sides(source))[source not in ARKIT]}
    if not any(_is_speech(source) for source in sources):
        missing = [name for name, any_of in _UNIT_FEATURES.items() if not units & set(any_of)]
        return [name for name in missing if name != "jaw" or not has_jaw]
    vrm = any(source.startswith("vrm_") for source in sources)
    missing = [
        name
        for name, any_of in _SPEECH_FEATURES.items()
        if not (units | set(sources)) & set(any_of) and not (vrm and name in _ALONE_IN_VRM)
    ]
    return missing + [name for name, any_of in _FEELINGS.items() if not _shows(sources, units, any_of)]


def lost(sources: Collection[str], without: str, has_jaw: bool) -> list[str]:
    """What a face with these sources cannot show where one of them does not move; either side counts."""
    kept = set(sources) - {without}
    swapped = [_other_sides(each) for each in (sources, kept)]
    return [
        name
        for all_, rest in ((sources, kept), swapped)
        for name in lacks(rest, has_jaw)
        if name not in lacks(all_, has_jaw)
    ]


def cannot(lost: Sequence[str]) -> str:
    """The beginning of a sentence about what was lost: "The mouth cannot open"."""
    said = {"jaw": "The mouth cannot open", "blink": "The eyes cannot blink"}
    return said.get(lost[0]) or f"The face shows no {' and no '.join(dict.fromkeys(lost))}"


def too_little(missing: Sequence[str]) -> bool:
    """Whether a face lacks so much that it hardly speaks: no open mouth, or one shape of it alone."""
    return "jaw" in missing or len(set(missing) & {"A", "I", "U", "E", "O"}) >= 3 or len(missing) >= 9


def sentence(n_moved: int, n_keys: int, missing: Sequence[str], bone: str | None = None) -> str:
    """ "28 of 71 keys; it has no pucker, no inner brow; the jaw's bone 'jaw' is used"."""
    parts = [f"{n_moved} of {n_keys} shape keys"]
    if missing:
        named = ", ".join(f"no {name}" for name in missing[:MOST_NAMED])
        more = len(missing) - MOST_NAMED
        parts.append(f"it has {named}" + (f" and {more} more" if more > 0 else ""))
    if bone:
        parts.append(f"the jaw's bone '{bone}' is used")
    return "; ".join(parts)


def _sides(source: str) -> tuple[str, ...]:
    return source, f"{source}Left", f"{source}Right"


def _other_sides(sources: Collection[str]) -> set[str]:
    """The same with left and right exchanged: what is looked for is looked for on the left."""
    sides = {"Left": "Right", "Right": "Left"}
    return {re.sub("(Left|Right)$", lambda side: sides[side[1]], source) for source in sources}


def _is_speech(source: str) -> bool:
    return source.partition("_")[0] in ("viseme", "vrm", "blair", "daz", "cc")


def _shows(sources: Collection[str], units: Collection[str], feelings: Sequence[str]) -> bool:
    """Whether any key shows one of these feelings: of its own, or by units of brows."""
    if any(source.endswith(f"_{feeling}") for source in sources for feeling in feelings):
        return True
    needed = {
        "happy": "mouthSmileLeft",
        "angry": "browDownLeft",
        "sad": "browInnerUp",
        "surprised": "eyeWideLeft",
    }
    return any(needed.get(feeling) in units for feeling in feelings)
