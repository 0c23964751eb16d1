"""Names of shape keys as tools spell them: ARKit's units, Oculus' visemes, VRM, FLAME's numbers."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

_BOTH = (
    "browDown browOuterUp cheekSquint eyeBlink eyeLookDown eyeLookIn eyeLookOut eyeLookUp eyeSquint eyeWide"
    " mouthDimple mouthFrown mouthLowerDown mouthPress mouthSmile mouthStretch mouthUpperUp noseSneer"
)
_SINGLE = (
    "browInnerUp cheekPuff jawForward jawLeft jawOpen jawRight mouthClose mouthFunnel mouthLeft mouthPucker"
    " mouthRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper tongueOut"
)
ARKIT = tuple(sorted([f"{u}{side}" for u in _BOTH.split() for side in ("Left", "Right")] + _SINGLE.split()))
"""ARKit's 52 units, as Apple spells them."""
_SOUNDS = "sil PP FF TH DD kk CH SS nn RR aa E ih oh ou"
OCULUS = tuple(f"viseme_{sound}" for sound in _SOUNDS.split())
"""Oculus' 15 visemes."""
_EXPRESSIONS = "aa ih ou ee oh blinkLeft blinkRight blink happy angry sad relaxed surprised"
VRM = tuple(f"vrm_{name}" for name in _EXPRESSIONS.split())
"""VRM's vowels, blinks and emotions."""

_SIDES = {"l": "left", "left": "left", "r": "right", "right": "right"}
_ARKIT = {name.lower(): name for name in ARKIT}
UNITS = _ARKIT
"""ARKit's units by their lower-case names."""
_OCULUS = {name.lower(): name for name in OCULUS} | {
    "viseme_i": "viseme_ih",
    "viseme_o": "viseme_oh",
    "viseme_u": "viseme_ou",
}
_VRM = {
    "a": "aa", "i": "ih", "u": "ou", "e": "ee", "o": "oh",
    "aa": "aa", "ih": "ih", "ou": "ou", "ee": "ee", "oh": "oh",
    "あ": "aa", "い": "ih", "う": "ou", "え": "ee", "お": "oh",
    "mtha": "aa", "mthi": "ih", "mthu": "ou", "mthe": "ee", "mtho": "oh",
    "eyeclose": "blink", "eyecloseleft": "blinkLeft", "eyecloseright": "blinkRight",
    "blink": "blink", "blinkleft": "blinkLeft", "blinkright": "blinkRight", "まばたき": "blink",
    "alljoy": "happy", "allangry": "angry", "allsorrow": "sad", "allfun": "relaxed",
    "allsurprised": "surprised",
    "joy": "happy", "sorrow": "sad", "fun": "relaxed",
    "happy": "happy", "angry": "angry", "sad": "sad", "relaxed": "relaxed", "surprised": "surprised",
}  # fmt: skip

_GUESSES = {
    "open": "jawOpen", "mouthopen": "jawOpen", "openmouth": "jawOpen", "jaw": "jawOpen", "jawdrop": "jawOpen",
    "mouthclosed": "mouthClose", "lipsclosed": "mouthClose", "lipstogether": "mouthClose",
    "blink": "eyeBlink", "eyesblink": "eyeBlink", "eyeclose": "eyeBlink", "eyesclosed": "eyeBlink",
    "eyeclosed": "eyeBlink", "squint": "eyeSquint", "eyessquint": "eyeSquint", "eyeswide": "eyeWide",
    "smile": "mouthSmile", "frown": "mouthFrown", "sneer": "noseSneer", "dimple": "mouthDimple",
    "mouthwide": "mouthStretch", "wide": "mouthStretch", "stretch": "mouthStretch",
    "pucker": "mouthPucker", "kiss": "mouthPucker", "lippucker": "mouthPucker", "funnel": "mouthFunnel",
    "upperlipup": "mouthUpperUp", "lowerlipdown": "mouthLowerDown", "puff": "cheekPuff",
    "browup": "browOuterUp", "browsup": "browOuterUp", "browraise": "browOuterUp",
    "browsdown": "browDown", "browlower": "browDown", "browinup": "browInnerUp", "tongue": "tongueOut",
}  # fmt: skip
"""What artists call them themselves, as one word without its side."""


@lru_cache(maxsize=10_000)
def words(name: str) -> tuple[str, ...]:
    """The lower-case words of a name, a side as "left" or "right" at its end; Blender's .001 is no word."""
    name = re.sub(r"\.\d{3}$", "", name)
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    found = [word.lower() for word in re.split(r"[\W_]+", spaced) if word]
    for place in (len(found) - 1, 0):
        if len(found) > 1 and found[place] in _SIDES:
            return (*found[:place], *found[place + 1 :], _SIDES[found[place]])
    return tuple(found)


@lru_cache(maxsize=10_000)
def arkit(name: str) -> str | None:
    """Which of ARKit's units a key is, whatever its case, its prefix, and how it spells its side."""
    found = words(name)
    return next((_ARKIT[end] for n in range(len(found)) if (end := "".join(found[n:])) in _ARKIT), None)


@lru_cache(maxsize=10_000)
def guess(name: str) -> str | None:
    """Which unit a key of an artist's own naming may be; a key for both sides follows the left one."""
    found = [word for word in words(name) if word not in ("face", "key", "shape", "facial", "exp")]
    side = found.pop() if found and found[-1] in ("left", "right") else ""
    unit = _GUESSES.get("".join(found))
    if unit is None:
        return arkit(name)
    return unit if unit in ARKIT else f"{unit}{(side or 'left').title()}"


@lru_cache(maxsize=10_000)
def oculus(name: str) -> str | None:
    """Which of Oculus' visemes a key is: viseme_PP, vrc.v_pp and the like."""
    found = words(name.replace("viseme", "viseme_"))
    if len(found) < 2 or found[-2] not in ("viseme", "v", "vis"):
        return None
    return _OCULUS.get(f"viseme_{found[-1]}")


@lru_cache(maxsize=10_000)
def vrm(name: str) -> str | None:
    """Which of VRM's expressions a key is: A, Fcl_MTH_A, aa, Fcl_ALL_Joy, blinkLeft and the like."""
    found = list(words(name))
    if "fcl" in found:  # VRoid's, behind the mesh's name or not
        found = found[found.index("fcl") :]
    found = [word for word in found if word not in ("fcl", "vrm", "face", "mouth")]
    known = _VRM.get("".join(found))
    return f"vrm_{known}" if known else None


@lru_cache(maxsize=10_000)
def flame(name: str) -> tuple[str, int] | None:
    """Of FLAME add-ons' keys (Exp1, Pose10): ("expression", n) or ("corrective", n), counted from 1."""
    match = re.fullmatch(r"(?:.*[._ ])?(Exp|Expression|Pose)[._ ]?(\d+)", name, re.IGNORECASE)
    if not match:
        return None
    return ("corrective" if match[1].lower() == "pose" else "expression"), int(match[2])


def matches(names: Iterable[str], known: Callable[[str], Any]) -> dict[str, str]:
    """Which of the names is which by one of the functions above; of several for one, the shortest."""
    out: dict[str, str] = {}
    for name in sorted(names, key=len):
        if (found := known(name)) is not None:
            out.setdefault(found, name)
    return out
