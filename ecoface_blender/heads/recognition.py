"""What the keys of a face are: rows of sources and targets for every naming that is known. No Blender."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from . import key_names
from .emotion_names import feelings
from .key_names import ARKIT
from .unit_names import NAMINGS
from .visemes import DAZ as DAZ_VISEMES

ARKIT_KIND, OCULUS, VRM, BLAIR, DAZ, CHARACTER_CREATOR = (
    "ARKit",
    "Oculus visemes",
    "VRM",
    "Preston Blair",
    "Daz visemes",
    "Character Creator visemes",
)
LEAST = {ARKIT_KIND: 8, OCULUS: 8, VRM: 5, BLAIR: 7, DAZ: 7, CHARACTER_CREATOR: 6}
"""How many keys make a face of a kind, in the order in which kinds are tried."""
READY_PLAYER_ME = "Ready Player Me"
"""A naming of two keys alone, mouthOpen and mouthSmile: no other kind may be found, then two are enough."""
BOTH_SIDES = tuple(dict.fromkeys(re.sub("(Left|Right)$", "", n) for n in ARKIT if n.endswith("Left")))
BOTH_SIDES = tuple(name for name in BOTH_SIDES if name not in ("jaw", "mouth"))
"""Units of one side each, as a source for a key that moves both: their mean."""
_SPLIT = {name.lower(): name for name in ARKIT if not re.search("(Left|Right)$", name)}
_MERGED = {name.lower(): name for name in BOTH_SIDES}
_BARE = {name.removeprefix("viseme_").lower(): name for name in key_names.OCULUS}
_BLAIR = {
    "ai": "AI", "a_i": "AI", "e": "E", "o": "O", "u": "U", "wq": "WQ", "w_q": "WQ", "etc": "etc", "l": "L",
    "c_d_g_k_n_r_s_th_y_z": "etc", "cdgknrsthyz": "etc", "consonants": "etc",
    "fv": "FV", "f_v": "FV", "mbp": "MBP", "m_b_p": "MBP", "rest": "rest",
}  # fmt: skip
_CC_VISEMES = {
    "open": "Open", "explosive": "Explosive", "dentallip": "Dental_Lip", "tighto": "Tight_O",
    "tight": "Tight", "wide": "Wide", "affricate": "Affricate", "lipopen": "Lip_Open",
}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What one key is."""

    source: str
    target: str
    gain: float = 1.0
    rank: int = 0
    """Of several ways to show a source the lowest is taken."""


def rows_of(names: Iterable[str], kind: str) -> list[Found]:
    """The keys of a kind among these names, in the order of their sources."""
    return list(_rows(tuple(names), kind)[0])


def naming_of(names: Iterable[str], kind: str) -> str:
    """What the naming is called: of ARKit's units, the tool's whose names they are."""
    return _rows(tuple(names), kind)[1]


def kind_of(names: Iterable[str]) -> str | None:
    """By which kind the names make a face; None if by none."""
    names = tuple(names)
    for kind, least in LEAST.items():
        if len(_rows(names, kind)[0]) >= least:
            return kind
    return ARKIT_KIND if _rows(names, ARKIT_KIND)[1] == READY_PLAYER_ME else None


@lru_cache(maxsize=256)
def _rows(names: tuple[str, ...], kind: str) -> tuple[tuple[Found, ...], str]:
    if kind == ARKIT_KIND:
        return _units(names)
    spelled = {OCULUS: _oculus, VRM: _vrm, BLAIR: _blair, DAZ: _daz, CHARACTER_CREATOR: _cc}[kind]
    rows = _best(spelled(names))
    taken = {row.target for row in rows}
    return tuple(rows + _beside_speech([name for name in names if name not in taken], rows)), kind


def _beside_speech(names: Sequence[str], rows: Sequence[Found]) -> list[Found]:
    """Units of brows, eyes and nose beside visemes; a smile and a frown, as the emotion's and not a sound's.

    None of what the face has by other keys.
    """
    sources = {row.source for row in rows}
    felt = {"mouthSmile": "emotion_mouth_relaxed", "mouthFrown": "emotion_mouth_sad"}
    blinks = any(source.startswith("vrm_blink") for source in sources)
    out = []
    for row in _units(names)[0] if len(rows) >= LEAST[VRM] else ():
        plain = re.sub("(Left|Right)$", "", row.source)
        if plain.startswith(("brow", "eye", "cheekSquint", "nose")) and not (blinks and plain == "eyeBlink"):
            out.append(row)
        elif plain in felt and felt[plain] not in sources:
            out.append(Found(felt[plain], row.target, row.gain, row.rank))
    return out


def _units(names: Sequence[str]) -> tuple[tuple[Found, ...], str]:
    """By the naming that knows the most keys; the first of those that know as many."""
    best: tuple[tuple[Found, ...], str] = ((), ARKIT_KIND)
    for naming, tables in NAMINGS.items():
        rows = tuple(_best(row for name in names for row in _unit_rows(name, tables)))
        if len(rows) > len(best[0]):
            best = rows, naming
    if {row.source for row in best[0]} == {"jawOpen", "mouthSmile"}:
        return best[0], READY_PLAYER_ME
    return best


def _unit_rows(name: str, tables: Sequence[dict[str, str]]) -> list[Found]:
    if known := key_names.arkit(name):
        return [Found(known, name)]
    words = key_names.words(re.sub(r"(?i)_div2$", "", name))
    ends = ["".join(words[start:]) for start in range(len(words))]
    for end in ends:
        if end in key_names.UNITS:
            return [Found(key_names.UNITS[end], name)]
        if (plain := re.sub("(left|right)$", "", end)) != end and plain in _SPLIT:
            return [Found(_SPLIT[plain], name, rank=1)]
        if end in _MERGED:
            return [Found(_MERGED[end], name, rank=1)]
    for rank, table in enumerate(tables, start=2):
        for end in ends:
            if end in table:
                asked = [each.partition("*") for each in table[end].split()]
                return [Found(unit, name, float(gain or 1), rank) for unit, _, gain in asked]
    return []


def _best(found: Iterable[Found]) -> list[Found]:
    """Of each source the keys of the lowest rank; of keys with one meaning the shortest name; no key twice.

    A key for both sides is left out where each side has its own.
    """
    rows = sorted(found, key=lambda row: (row.rank, len(row.target)))
    sources = {row.source for row in rows}
    out: dict[tuple[str, str], Found] = {}
    rank: dict[str, int] = {}
    for row in rows:
        if row.source in BOTH_SIDES and {f"{row.source}Left", f"{row.source}Right"} <= sources:
            continue
        meaning = "".join(key_names.words(row.target)[-4:]) if row.rank else row.source
        if rank.setdefault(row.source, row.rank) == row.rank:
            out.setdefault((row.source, meaning), row)
    return list(out.values())


def _oculus(names: Sequence[str]) -> list[Found]:
    """viseme_PP, vrc.v_pp, AA_VI_01_PP; bare names (PP, FF, aa) where there are enough of them."""
    out = []
    for name in names:
        rocketbox = re.search(r"(?i)AA_VI_(\d\d)_\w+$", name)
        if known := key_names.oculus(name):
            out.append(Found(known, name))
        elif rocketbox and int(rocketbox[1]) < len(key_names.OCULUS):
            out.append(Found(key_names.OCULUS[int(rocketbox[1])], name, rank=1))
    bare = [Found(_BARE[name.lower()], name, rank=2) for name in names if name.lower() in _BARE]
    return out + (bare if len(bare) >= LEAST[OCULUS] else [])


def _vrm(names: Sequence[str]) -> list[Found]:
    """VRM's presets, VRoid's Fcl keys, MMD's morphs: vowels, blinks, emotions by region, or whole.

    Whole emotions are left out where brows, eyes and mouth have their own, and a blink of one eye where
    there is one of both.
    """
    out = [Found(source, name) for name in names if (source := key_names.vrm(name))]
    cats = {"Ah": "vrm_aa", "Ch": "vrm_ih", "U": "vrm_ou", "E": "vrm_ee", "Oh": "vrm_oh"}
    if {"Ah", "Ch", "Oh"} <= set(names):  # MMD's, translated by Cats
        out += [Found(source, name) for name, source in cats.items() if name in names]
    out += [Found(source, name, rank=rank) for name in names for source, rank in feelings(name)]
    sources = {row.source for row in out}
    parts = {source for source in sources if source.startswith("emotion_")}
    if "vrm_blink" in sources:
        out = [row for row in out if row.source not in ("vrm_blinkLeft", "vrm_blinkRight")]
    if any("_mouth_" in part for part in parts) and any("_brow_" in part for part in parts):
        whole = ("vrm_happy", "vrm_angry", "vrm_sad", "vrm_relaxed", "vrm_surprised")
        out = [row for row in out if row.source not in whole]
    return out


def _blair(names: Sequence[str]) -> list[Found]:
    return [Found(f"blair_{_BLAIR[name.lower()]}", name) for name in names if name.lower() in _BLAIR]


def _daz(names: Sequence[str]) -> list[Found]:
    """eCTRLvAA and the like, with any prefix."""
    known = [(name, re.search(r"eCTRLv([A-Z]{1,2})$", name)) for name in names]
    sources = [(f"daz_{match[1]}", name) for name, match in known if match]
    return [Found(source, name) for source, name in sources if source in DAZ_VISEMES.phones]


def _cc(names: Sequence[str]) -> list[Found]:
    """V_Open, V_Explosive ... of Character Creator 4; Open, Explosive ... of 3."""
    out = []
    for name in names:
        words = key_names.words(name)
        prefixed = "v" in words[:-1]
        joined = "".join(words[words.index("v") + 1 :] if prefixed else words)
        if joined in _CC_VISEMES:
            out.append(Found(f"cc_{_CC_VISEMES[joined]}", name, rank=0 if prefixed else 1))
    return out
