"""What emotion keys do to lips and lids besides, read from their offsets."""

import bpy
import numpy as np

from .emotion_names import FEELINGS
from .feelings import KeyEffect, usual_effect

_WIDEST = ("vrm_aa", "viseme_aa", "blair_AI", "daz_AA", "cc_Open")
_BLINKS = ("vrm_blink", "eyeBlink", "vrm_blinkLeft", "eyeBlinkLeft")
_STILL, _COMPARED = 0.02, 20
_STRONG = 0.5  # of the farthest vertex, from which on one counts


def key_effects(mesh: bpy.types.Object, targets: dict[str, str]) -> dict[str, KeyEffect]:
    """Of the emotion keys in `targets` (source: key of this mesh), against its widest vowel and its blink.

    A key that moves the lips as the vowel does opens the mouth; one that moves the lids as a blink does shuts
    the eyes. Where the mesh has neither, what such keys usually do is taken.
    """
    widest = next((targets[name] for name in _WIDEST if name in targets), None)
    blink = next((targets[name] for name in _BLINKS if name in targets), None)
    felt = [name for name in targets if name.startswith("emotion_") or name.split("_")[-1] in FEELINGS]
    if not felt or not (widest or blink):
        return {}
    keys = mesh.data.shape_keys.key_blocks
    lips, lids = (_offsets(keys[name]) if name else None for name in (widest, blink))
    out = {}
    for source in felt:
        moved, usual = _offsets(keys[targets[source]]), usual_effect(source)
        out[source] = KeyEffect(_along(moved, lips, usual.opens), _along(moved, lids, usual.shuts))
    return out


def moves_nothing(block: bpy.types.ShapeKey) -> bool:
    """Whether a key hardly moves a vertex, though others do: a bone shows what it is named after."""
    largest = max(float(np.abs(_offsets(each)).max()) for each in block.id_data.key_blocks[1:_COMPARED])
    return float(np.abs(_offsets(block)).max()) < _STILL * largest


def _along(moved: np.ndarray, pose: np.ndarray | None, otherwise: float) -> float:
    """How much of a pose (V, 3) is in a key's offsets (V, 3), where the pose is strong; never below 0."""
    if pose is None:
        return otherwise
    size = np.linalg.norm(pose, axis=1)
    if size.max() < 1e-9:
        return otherwise
    strong = size > _STRONG * size.max()
    return max(0.0, float((moved[strong] * pose[strong]).sum() / np.square(pose[strong]).sum()))


def _offsets(block: bpy.types.ShapeKey) -> np.ndarray:
    """(V, 3) from the key that it is relative to."""
    out = [np.empty(len(block.data) * 3, dtype=np.float32) for _ in range(2)]
    block.data.foreach_get("co", out[0])
    block.relative_key.data.foreach_get("co", out[1])
    return (out[0] - out[1]).reshape(-1, 3)
