"""What a chosen face is, which of its parts move with it, and which curves a motion becomes on them."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import bpy
import numpy as np

from ..channels import Channel
from ..core.jaw_skinning import rotations
from ..core.motion_file import FlameMotion
from ..engine import engine
from ..errors import EcoFaceBlenderError, refusals_of_core
from . import jaw_bone, own_head, shape_keys, source_curves, speech
from .face_kinds import ARKIT, FLAME, OWN, Face, face_of, is_face, why_not_a_face
from .feelings import KeyEffect, beside_speech
from .key_effects import key_effects
from .mapping import Row
from .retarget import follow
from .speech import Speech

SPOKEN = frozenset(speech.NAMES)
"""Sources of curves that come from speech."""
_SIGNED = Row(source="-", target="-").maximum  # what Blender's sliders reach


def make_editable(speaker: bpy.types.Object) -> None:
    """Let the shape keys of an overridden character be animated here: its meshes are overridden, too."""
    face = face_of(speaker)
    for part in face.parts if face else ():
        if part.override_library and part.data.library:
            part.data.override_create(remap_local_usages=True)


def speaking_mesh(item: bpy.types.Object | None) -> bpy.types.Object | None:
    """The face that is meant by an object: itself, or of a character's armature or empty its largest face."""
    if item is None or is_face(item) or item.type == "MESH":
        return item if is_face(item) else None
    faces = [child for child in item.children_recursive if is_face(child)]
    return max(faces, key=_size, default=None)


def named(scene: bpy.types.Scene, name: str) -> bpy.types.Object | None:
    """The scene's object of that name: of an override and what it overrides, which share it, the first."""
    found = [item for item in scene.objects if item.name == name]
    return min(found, key=lambda item: item.library is not None, default=None)


def find_faces(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The scene's faces; teeth, brows and the like count as parts of the largest mesh they move with."""
    faces = sorted((item for item in context.scene.objects if is_face(item)), key=_size, reverse=True)
    parts: set[bpy.types.Object] = set()
    out = []
    for item in faces:
        if item not in parts:
            out.append(item)
            face = face_of(item)
            parts.update(face.parts if face else ())
    return out


def coefficients(speaker: bpy.types.Object, flame: str, model: str = "") -> str:
    """Name of the head whose coefficients a motion for this speaker must be.

    Args:
        flame: the user's FLAME file, if there is one.
        model: the model's file; empty for the one that ships with EcoFace.

    Raises:
        EcoFaceBlenderError: if it is no face, or a FLAME head while neither model nor file are of FLAME.
    """
    face = face_of(speaker)
    if face is None:
        raise EcoFaceBlenderError(why_not_a_face(speaker) or "")
    if face.kind == OWN:
        return own_head.head_name(speaker)
    if face.kind != FLAME:
        return source_curves.reference_name()
    if flame:
        return f"FLAME ({Path(flame).stem})"
    spoken = engine.model_head(model)
    if spoken in ("", source_curves.reference_name()):
        raise EcoFaceBlenderError(
            f"'{speaker.name}' is a FLAME head, which the model does not speak by itself; "
            "choose your FLAME file in the preferences of EcoFace."
        )
    return spoken


def channels(speaker: bpy.types.Object, motion: np.ndarray, said: Speech | None = None) -> list[Channel]:
    """The curves that a motion (T, 53) is on this speaker and its parts; `said` is what it says and feels.

    Raises:
        EcoFaceBlenderError: if it is no face, or the motion is not (T, 53) finite numbers.
    """
    face = face_of(speaker)
    if face is None or face.kind == OWN:
        return own_head.channels(speaker, motion)
    with refusals_of_core():
        FlameMotion(motion)
    wanted = {row.source for _, row in face.rows}
    curves = source_curves.curves(motion, wanted, said)
    if face.kind == ARKIT:
        curves |= _on_this_head(face, curves, motion)
    if effects := _effects(face):
        said = said or source_curves.speech_of_shape(motion)
        lips = (said.said.closed, said.said.speaking, said.closed_slowly, said.speaking_slowly)
        curves = beside_speech(curves, effects, *lips)
    out = [each for owner, row in face.rows for each in _row_channels(owner, row, curves[row.source])]
    armature = jaw_bone.armature_of(speaker)
    if face.jaw and armature:
        jaw = jaw_bone.jaw_of(motion)
        out += jaw_bone.rotation_channels(armature, face.jaw, jaw, list(face.parts))
    return out


def speaks(speaker: bpy.types.Object) -> bool:
    """Whether what is said and felt moves this speaker, and not only the shape of the motion."""
    face = face_of(speaker)
    return face is not None and any(row.source in SPOKEN for _, row in face.rows)


def owners(speaker: bpy.types.Object) -> list[bpy.types.ID]:
    """The data-blocks that a take of this speaker moves; its own shape keys first."""
    face = face_of(speaker)
    moved = {owner for owner, row in face.rows if row.kind == "KEY"} if face else set()
    parts = [part for part in face.parts if part in moved or face.kind == OWN] if face else []
    out: list[bpy.types.ID] = [part.data.shape_keys for part in parts]
    bones = [owner for owner, row in face.rows if row.kind == "BONE"] if face else []
    if face and face.jaw:
        bones.append(jaw_bone.armature_of(speaker))
    return list(dict.fromkeys([*out, *bones]))


def moved_keys(speaker: bpy.types.Object) -> tuple[str, ...]:
    """Those of the speaker's own shape keys that a take moves."""
    face = face_of(speaker)
    if face is None or face.kind == OWN:
        return own_head.key_names(speaker)
    return tuple(row.target for owner, row in face.rows if owner == speaker and row.kind == "KEY")


def open_sliders(curves: Iterable[Channel]) -> None:
    """Widen sliders that would cut their curves: Blender clamps what it animates to them."""
    for curve in curves:
        if not isinstance(curve.id_data, bpy.types.Key) or not len(curve.values):
            continue
        key = curve.id_data.path_resolve(curve.path.rpartition(".")[0])
        with suppress(AttributeError, TypeError):  # of linked keys, which cannot be animated either
            if curve.values.max() > key.slider_max:
                key.slider_max = min(_SIGNED, float(np.ceil(curve.values.max())))
            if curve.values.min() < key.slider_min:
                key.slider_min = max(-_SIGNED, float(np.floor(curve.values.min())))


def _on_this_head(face: Face, curves: dict[str, np.ndarray], motion: np.ndarray) -> dict[str, np.ndarray]:
    """ARKit's curves of a motion, changed so that this head's own lips and lids follow the reference's."""
    moved: dict[bpy.types.Object, dict[str, list[tuple[str, float]]]] = {part: {} for part in face.parts}
    for part, row in face.rows:
        moved[part].setdefault(row.source, []).append((row.target, row.gain))
    heads = [shape_keys.retarget_of(part, keys, face.jaw) for part, keys in moved.items()]
    turns = rotations(jaw_bone.jaw_of(motion)) if face.jaw else None
    return follow(
        [each for each in heads if each], curves, source_curves.reference_mouth().measure(motion), turns
    )


def _effects(face: Face) -> dict[str, KeyEffect]:
    """What the emotion keys of a face do to lips and lids, as read off its speaker's mesh."""
    own = {row.source: row.target for part, row in face.rows if part == face.speaker and row.kind == "KEY"}
    return key_effects(face.speaker, own)


def _size(item: bpy.types.Object) -> int:
    return len(item.data.vertices)


def _row_channels(owner: bpy.types.Object, row: Row, curve: np.ndarray) -> list[Channel]:
    values = row.values(curve)
    if row.kind == "BONE":
        return jaw_bone.axis_channel(owner, row.target, row.axis, values)
    keys = owner.data.shape_keys
    return [Channel(keys, keys.key_blocks[row.target].path_from_id("value"), -1, values)]
