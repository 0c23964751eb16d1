"""What an object is as a face: by which names its keys are known, which meshes and bones belong to it."""

from collections.abc import Sequence

import bpy

from ..core.constants import EXPRESSION_DIM
from ..errors import EcoFaceBlenderError
from . import head_bones, jaw_bone, own_bones, own_head, recognition, shape_keys, source_curves
from . import key_names as arkit_names
from .character_parts import character_parts
from .mapping import Row
from .rig import FLAME, MAPPED, OWN, Rig

ARKIT, OCULUS, VRM = recognition.ARKIT_KIND, recognition.OCULUS, recognition.VRM
_LEAST_EXPRESSIONS = 5  # of a FLAME head


def rig_of(item: bpy.types.Object | None) -> Rig | None:
    """What an object is; None if it is no face that is known, or mapped by the artist."""
    kind = kind_of(item)
    if kind is None:
        return None
    if kind == MAPPED:
        return _mapped(item, mapped_rows(item))
    if kind == OWN:
        return Rig(OWN, item, (item,), (), None, head_bones.find(own_bones.rig_of(item)))
    return _flame(item) if kind == FLAME else _known(item, kind)


def known_rig(item: bpy.types.Object | None) -> Rig:
    """What an object is that has to be a face.

    Raises:
        EcoFaceBlenderError: if it is none that can be animated.
    """
    face, reason = rig_of(item), why_not_a_face(item)
    if face is None or reason:
        raise EcoFaceBlenderError(reason or "Expected a face, found none; choose one.")
    return face


def kind_of(item: bpy.types.Object | None) -> str | None:
    """By what an object is known as a face, None if by nothing; quick enough for each redraw."""
    if item is None or item.type != "MESH" or item.data.shape_keys is None:
        return None
    if mapped_rows(item):
        return MAPPED
    if own_head.is_head(item):
        return OWN
    if sum(row.source in source_curves.EXPRESSIONS for row in _flame_rows(item)) >= _LEAST_EXPRESSIONS:
        return FLAME
    return recognition.kind_of(key_names(item))


def why_not_a_face(item: bpy.types.Object | None) -> str | None:
    """What keeps an object from being animated, in one sentence; None if nothing does."""
    kind = kind_of(item)
    if kind == OWN or item is None:
        return own_head.why_not_a_head(item)
    if kind is not None:
        return None
    if item.type != "MESH" or item.data.shape_keys is None:
        return f"'{item.name}' is no mesh with shape keys; press Add Head, or choose a face that has some."
    known = sum(arkit_names.guess(name) is not None for name in key_names(item))
    mend = f"Auto Fill finds {known} of them" if known else "map them in the panel Shape Key Mapping"
    return (
        f"The {len(key_names(item))} shape keys of '{item.name}' have names of no kind that EcoFace knows; "
        f"{mend}."
    )


def is_face(item: bpy.types.Object | None) -> bool:
    """Whether an object can be animated."""
    return why_not_a_face(item) is None


def mapped_rows(item: bpy.types.Object) -> list[Row]:
    """The rows of the artist's own mapping, if it is in use."""
    group = getattr(item, "ecoface_mapping", None)
    return group.as_rows() if group is not None and group.use else []


def absent_targets(item: bpy.types.Object) -> list[str]:
    """Targets of the artist's mapping that neither the face nor its parts or armature have."""
    rows = mapped_rows(item)
    there = {row.target for _, row in _mapped(item, rows).rows}
    return [row.target for row in rows if row.target not in there]


def guessed_rows(item: bpy.types.Object) -> list[Row]:
    """Rows for all that is known by its name on the mesh: what Auto Fill gives."""
    if own_head.is_head(item) or item.data.shape_keys is None:
        return []
    rows = _flame_rows(item)
    for kind, least in recognition.LEAST.items():
        own = _rows_of(item, kind)
        if len(own) >= max(least, len(rows)):
            rows = own
    taken = {row.target for row in rows}
    for block in item.data.shape_keys.key_blocks[1:]:
        source = arkit_names.guess(block.name)
        if source and block.name not in taken:
            rows.append(Row(source=source, target=block.name))
    armature = jaw_bone.armature_of(item)
    bone = jaw_bone.find_jaw(armature)
    if armature and bone and not any(row.source == "jawOpen" for row in rows):
        axis, sign = jaw_bone.opening_axis(armature, bone, [item])
        rows.append(Row(source="Jaw Pitch", target=bone, kind="BONE", axis=axis, gain=sign))
    return rows


def _flame(item: bpy.types.Object) -> Rig:
    """A head of a FLAME add-on: numbered expressions, pose correctives, a jaw bone."""
    armature = jaw_bone.armature_of(item)
    rows = tuple((item, row) for row in _flame_rows(item))
    return Rig(FLAME, item, (item,), rows, jaw_bone.find_jaw(armature), head_bones.find(armature))


def _flame_rows(item: bpy.types.Object) -> list[Row]:
    rows = []
    for block in item.data.shape_keys.key_blocks[1:]:
        kind, number = arkit_names.flame(block.name) or ("", 0)
        if kind == "expression" and 1 <= number <= EXPRESSION_DIM:
            rows.append(Row(source=source_curves.EXPRESSIONS[number - 1], target=block.name))
        jaw_first = len(source_curves.CORRECTIVES)  # those of the neck come before
        if kind == "corrective" and jaw_first < number <= 2 * jaw_first:
            rows.append(Row(source=source_curves.CORRECTIVES[number - jaw_first - 1], target=block.name))
    return rows


def _known(item: bpy.types.Object, kind: str) -> Rig:
    """A face whose keys are named after one of the conventions, and its companions with such keys.

    A bone turns the jaw where no key opens it, or where the key of that name is a mere name.
    """
    parts = [item, *(part for part in character_parts(item) if _rows_of(part, kind))]
    rows = tuple((part, row) for part in parts for row in _rows_of(part, kind))
    jaw = _jaw_of(item, rows) if kind == ARKIT else None
    if jaw:  # what the bone turns, no key opens besides
        rows = tuple(
            (part, row)
            for part, row in rows
            if row.source != "jawOpen" or (not _turned(part, jaw) and shape_keys.opens(part, row.target))
        )
    return Rig(kind, item, tuple(parts), rows, jaw, head_bones.find(jaw_bone.armature_of(item)))


def _turned(part: bpy.types.Object, jaw: str) -> bool:
    """Whether a jaw's bone turns a mesh: itself, or what deforms in its stead ("DEF-jaw")."""
    return any(group.name == jaw or "jaw" in arkit_names.words(group.name) for group in part.vertex_groups)


def _jaw_of(item: bpy.types.Object, rows: Sequence[tuple[bpy.types.Object, Row]]) -> str | None:
    """The bone that turns the jaw of a face that no key opens."""
    bone = jaw_bone.find_jaw(jaw_bone.armature_of(item))
    openers = [(part, row.target) for part, row in rows if row.source == "jawOpen"]
    if bone is None or not openers:
        return bone
    return None if any(shape_keys.opens(part, key) for part, key in openers if part == item) else bone


def _rows_of(part: bpy.types.Object, kind: str) -> list[Row]:
    found = recognition.rows_of(key_names(part), kind)
    return [Row(source=each.source, target=each.target, gain=each.gain) for each in found]


def key_names(part: bpy.types.Object) -> tuple[str, ...]:
    """Of all its shape keys but the basis."""
    return tuple(block.name for block in part.data.shape_keys.key_blocks[1:])


def _mapped(item: bpy.types.Object, rows: Sequence[Row]) -> Rig:
    """A face with a mapping of the artist's; its companions follow where they have keys of those names."""
    armature = jaw_bone.armature_of(item)
    out, parts = [], [item]
    for part in (item, *character_parts(item)):
        keys = part.data.shape_keys.key_blocks
        own = [(part, row) for row in rows if row.kind == "KEY" and row.target in keys]
        out += own
        if own and part != item:
            parts.append(part)
    if armature:
        bones = armature.pose.bones
        out += [(armature, row) for row in rows if row.kind == "BONE" and row.target in bones]
    return Rig(MAPPED, item, tuple(parts), tuple(out), None, head_bones.find(armature))
