"""The curves of a motion that other heads can follow, by their names: ARKit's, visemes, the jaw's."""

import threading
from collections.abc import Collection, Mapping
from functools import lru_cache

import numpy as np

from ..core.arkit import ArkitUnits, lip_pairs
from ..core.constants import EXPRESSION_DIM, FRAME_RATE, LOWER_LIDS, MOTION_DIM, UPPER_LIDS
from ..core.head_pose import LIDS
from ..core.jaw_skinning import N_TURN, expression_directions, rotations, term_products, terms
from . import feelings, speech, visemes
from .key_names import ARKIT, OCULUS, VRM
from .own_head import load_head
from .recognition import BOTH_SIDES
from .reference import ReferenceMouth
from .speech import Speech

EXPRESSIONS = tuple(f"Expression {number:02}" for number in range(1, EXPRESSION_DIM + 1))
JAW = ("Jaw Pitch", "Jaw Yaw", "Jaw Roll")
"""Rotation vector in radians: opening, to the left, tilting."""
CORRECTIVES = tuple(f"Jaw Corrective {number}" for number in range(1, N_TURN + 1))
"""Entries of the jaw's rotation less the identity, row by row: FLAME's pose correctives of the jaw."""
_FURTHER = (name for name in speech.NAMES if name not in (*OCULUS, *VRM))
NAMES = (*ARKIT, *BOTH_SIDES, *OCULUS, *VRM, *_FURTHER, *JAW, *EXPRESSIONS, *CORRECTIVES)
"""Of all curves, in the order in which an artist looks for them."""
_BLINKS = {"vrm_blinkLeft": ("Left",), "vrm_blinkRight": ("Right",), "vrm_blink": ("Left", "Right")}
_AWAKE, _SHUT = 0.1, 0.85
"""Shares of the usual opening of its eyes by which the reference's lids may sink awake, and are shut."""
_BLINK_FRAMES = 31  # of which the middle opening is the usual one: squints are longer than blinks
_LID_PAIRS = tuple(zip(UPPER_LIDS, LOWER_LIDS, strict=True))
_LIDS = {"Left": _LID_PAIRS[2:], "Right": _LID_PAIRS[:2]}
_CORNERS = (48, 54)  # landmarks (iBUG) of the mouth's corners
_SHUT_LIPS = 0.0003  # metres within which its lips touch
_OPEN, _ROUND = 0.004, 0.012
"""Metres by which its lips are apart in a plain vowel, and its mouth is narrower in a round one."""
_PREPARING = threading.RLock()


def curves(
    motion: np.ndarray,
    wanted: Collection[str],
    said: Speech | None = None,
    gaze: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """The wanted curves (T,) of a motion (T, 53) of the reference head, whose eyes look along a gaze (T, 2).

    Expression and jaw are the motion's own, whichever head it belongs to. Visemes and emotions come from what
    is said and felt in it; without that, visemes from how open and round its lips are, and no emotion.
    """
    out = dict(zip((*EXPRESSIONS, *JAW), np.asarray(motion, np.float64).T, strict=True))
    wanted = set(wanted)
    if wanted & set(CORRECTIVES):
        turned = (rotations(motion[:, EXPRESSION_DIM:]) - np.eye(3)).reshape(-1, N_TURN)
        out |= dict(zip(CORRECTIVES, turned.T, strict=True))
    if wanted & set(_BLINKS):
        sides = dict(zip(_LIDS, _face(motion)[2:], strict=True))
        out |= {name: _blink(sum(sides[side] for side in of) / len(of)) for name, of in _BLINKS.items()}
    if wanted & {*ARKIT, *BOTH_SIDES}:
        units = reference_units()
        out |= dict(zip(units.names, units.curves(motion, single=True, gaze=gaze).T, strict=True))
        out |= {name: (out[f"{name}Left"] + out[f"{name}Right"]) / 2 for name in BOTH_SIDES}
    if wanted & set(speech.NAMES):
        out |= (said or speech_of_shape(motion)).curves(wanted)
    return {name: out[name] for name in wanted}


def speech_of_shape(
    motion: np.ndarray, rate: float = FRAME_RATE, felt: np.ndarray | None = None, **shown: tuple
) -> Speech:
    """What a motion (T, 53) says whose phones nobody has told, by how open and round its lips are.

    It leads with A, I, O and U, and shuts where the lips touch. `shown` are controls and amounts, as in
    `speech.of_phones`.
    """
    opening, width, *_ = _face(motion)
    jaw = jaw_degrees(motion)
    phones = visemes.phones_of_shape((opening - _SHUT_LIPS) / _OPEN, -width / _ROUND, jaw)
    felt = np.zeros((len(motion), len(feelings.EMOTIONS))) if felt is None else felt
    return speech.of_phones(phones, visemes.FALLBACK, rate, jaw, felt, **shown)


def jaw_degrees(motion: np.ndarray) -> np.ndarray:
    """How far the jaw is turned (T,) in a motion (T, 53)."""
    return np.degrees(np.linalg.norm(motion[:, EXPRESSION_DIM:], axis=1))


@lru_cache(maxsize=1)
def reference_name() -> str:
    """Name of the head whose units ARKit's curves are."""
    return str(reference_arrays()["name"])


@lru_cache(maxsize=1)
def reference_units() -> ArkitUnits:
    """ARKit's units of the reference head."""
    return ArkitUnits.of(reference_arrays())


@lru_cache(maxsize=1)
def reference_mouth() -> ReferenceMouth:
    """Lips and lids of the reference head."""
    return ReferenceMouth.of(reference_arrays())


def with_lids(motion: np.ndarray, lowered: np.ndarray) -> np.ndarray:
    """A motion (T, 53) whose upper lids go with eyes that are lowered by radians (T,), or raised below 0.

    The less, the more the eyes are shut.
    """
    rest = float(_face(np.zeros((1, motion.shape[1])))[2:].mean())
    opening = (_face(motion)[2:].mean(axis=0) / max(rest, 1e-6)).clip(0, 1)
    return with_blinks(motion, LIDS * lowered * opening)


def opened_lids(motion: np.ndarray) -> np.ndarray:
    """(T, 2) how far a motion (T, 53) has the left lids and the right apart, 1 at rest."""
    rest = _face(np.zeros((1, motion.shape[1])))[2:]
    return (_face(motion)[2:] / np.maximum(rest, 1e-6)).T


def with_blinks(motion: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """A motion (T, 53) with both eyes' eyeBlink of the reference besides, at weights (T,)."""
    return with_units(motion, {"eyeBlink": weights})


def with_units(motion: np.ndarray, weights: Mapping[str, np.ndarray]) -> np.ndarray:
    """A motion (T, 53) with ARKit's units of the reference besides, each of both sides at weights (T,)."""
    arrays = reference_arrays()
    names = [str(name) for name in arrays["arkit_names"]]
    for unit, each in weights.items():
        sides = [name for name in (unit, f"{unit}Left", f"{unit}Right") if name in names]
        moved = sum(arrays["arkit_coefficients"][names.index(name)] for name in sides)
        motion = motion + each[:, None] * moved
    return motion


def _blink(opening: np.ndarray) -> np.ndarray:
    """How far lids (T,) are shut in blinks, 0 to 1; what a squint narrows for long is none."""
    padded = np.pad(opening, _BLINK_FRAMES // 2, mode="edge")
    usual = np.median(np.lib.stride_tricks.sliding_window_view(padded, _BLINK_FRAMES), axis=-1)
    sunk = 1 - opening / np.maximum(usual, 1e-4)
    return ((sunk - _AWAKE) / (_SHUT - _AWAKE)).clip(0, 1)


def _face(motion: np.ndarray) -> np.ndarray:
    """(4, T) metres: the reference's lips apart, its mouth wider than at rest, left and right lids apart."""
    with _PREPARING:
        expressions, turns, rest = _face_rows()
    expression, jaw = motion[:, :EXPRESSION_DIM], motion[:, EXPRESSION_DIM:]
    return (expression @ expressions + terms(expression, jaw) @ turns + rest).T


@lru_cache(maxsize=1)
def _face_rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What expressions (50, 4), the jaw's terms (N_TERMS, 4) and rest (4,) add to each of `_face`."""
    head = reference_arrays()
    rows = np.zeros((4, *head["v_template"].shape))

    def add(row: np.ndarray, landmark: int, weight: float) -> None:
        corners = head["faces"][head["landmark_faces"][landmark]]
        np.add.at(row, corners, weight * head["landmark_barycentric"][landmark])

    rows[0] = lip_pairs(head).mean(axis=0).reshape(-1, 3)
    for sign, landmark in zip((-1, 1), _CORNERS, strict=True):
        add(rows[1, :, 0], landmark, sign)
    for row, pairs in zip(rows[2:], _LIDS.values(), strict=True):
        for upper, lower in pairs:
            add(row[:, 1], upper, 1 / len(pairs))
            add(row[:, 1], lower, -1 / len(pairs))
    flat = rows.reshape(len(rows), -1)
    directions = expression_directions(head).reshape(-1, EXPRESSION_DIM).astype(np.float64)
    rest = flat @ head["v_template"].ravel()
    rest[1] = 0  # the mouth's width is told against rest
    return directions.T @ flat.T, term_products(head, rows), rest


@lru_cache(maxsize=1)
def _read_reference() -> dict[str, np.ndarray]:
    return load_head()


def reference_arrays() -> dict[str, np.ndarray]:
    """All that is known of the reference head."""
    with _PREPARING:
        return _read_reference()


def prepare() -> None:
    """Begin to read the reference head and what is told of its face, on a thread of its own.

    A first line needs both as soon as it is there; meanwhile Blender does not stand still for them.
    """
    threading.Thread(target=_face, args=(np.zeros((1, MOTION_DIM)),), daemon=True).start()
