"""A face's mesh as the shape in which lips and lids are found, whatever its keys are called."""

import numpy as np

from . import own_head, shape_keys, source_curves
from .rig import OWN, Rig
from .shape import SIDES, HeadShape, face_axes

_STANDS_FOR = {
    "jawOpen": ("vrm_aa", "viseme_aa", "blair_AI", "daz_AA", "cc_Open"),
    "mouthFunnel": ("vrm_oh", "viseme_oh", "blair_O", "daz_OW", "cc_Tight_O"),
    "mouthPucker": ("vrm_ou", "viseme_ou", "blair_U", "daz_UW", "cc_Tight"),
    "mouthStretch": ("vrm_ih", "viseme_ih", "blair_E", "daz_IY", "cc_Wide"),
    "eyeBlink": ("vrm_blink",),
    "eyeBlinkLeft": ("vrm_blinkLeft",),
    "eyeBlinkRight": ("vrm_blinkRight",),
}
"""In which keys of visemes the lips and lids of a head are seen that has no units."""


def shape_of(face: Rig) -> tuple[HeadShape | None, np.ndarray]:
    """Units of a face, or what stands for them, in its axes; no shape of a face that has neither."""
    upright = face_axes(np.zeros((1, 3)), {})
    if face.kind == OWN:
        if own_head.head_name(face.speaker) != source_curves.reference_name():
            return None, upright
        arrays = source_curves.reference_arrays()
        names = tuple(str(name) for name in arrays["arkit_names"])
        return HeadShape(arrays["v_template"], names, arrays["arkit_units"].astype(np.float32)), upright
    blocks = face.speaker.data.shape_keys.key_blocks
    basis = shape_keys.coordinates(face.speaker.data.shape_keys.reference_key)
    read: dict[str, np.ndarray] = {}
    for owner, row in face.rows:
        if owner == face.speaker and row.kind == "KEY":
            moved = row.gain * shape_keys.offsets(blocks[row.target], basis)
            read[row.source] = read.get(row.source, 0) + moved
    rest = basis.astype(np.float64)
    for unit, others in _STANDS_FOR.items():
        if unit not in read and (other := next((each for each in others if each in read), None)):
            read[unit] = read[other]
    if (both := read.pop("eyeBlink", None)) is not None:
        for side, sign in zip(SIDES, (1, -1), strict=True):
            read[f"eyeBlink{side}"] = both * (sign * rest[:, :1] > 0)
    if not read:
        return None, upright
    axes = face_axes(rest, read)
    bone = shape_keys.jaw_bone(face.speaker, face.jaw, axes) if face.jaw else None
    return HeadShape(rest @ axes.T, tuple(read), np.stack(list(read.values())) @ axes.T, bone), axes
