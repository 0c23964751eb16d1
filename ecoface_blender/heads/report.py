"""What is said about a face: what it was recognised as, what it cannot show."""

from collections.abc import Collection, Sequence

import bpy

from . import coverage, face_kinds, jaw_bone, look_keys, recognition, shape_keys
from .rig import FLAME, MAPPED, OWN, Rig

CHECKED = "ecoface_checked"
"""Custom property of a check's sheet: what it has found, a line each."""


def describe(item: bpy.types.Object) -> str:
    """What an object is recognised as and what of it moves, in one sentence."""
    face = face_kinds.rig_of(item)
    if face is None:
        return str(face_kinds.why_not_a_face(item))
    if face.kind == OWN:
        return f"'{item.name}' is a head of EcoFace."
    if face.kind == MAPPED and (absent := face_kinds.absent_targets(item)):
        return f"{len(absent)} targets are not on '{item.name}', the first is '{absent[0]}'; correct them."
    naming = face.kind
    if face.kind in recognition.LEAST:
        naming = recognition.naming_of(face_kinds.key_names(item), face.kind)
    meshes = f" on {len(face.parts)} meshes" if len(face.parts) > 1 else ""
    return f"'{item.name}' is moved by {naming}{meshes}: {covered(face)}."


def covered(face: Rig) -> str:
    """How many keys of a face move, what it lacks, and which bone turns its jaw."""
    moved = {(owner, row.target) for owner, row in face.rows if row.kind == "KEY"}
    total = sum(len(face_kinds.key_names(part)) for part in face.parts)
    bones = [face.jaw] if face.jaw else [row.target for _, row in face.rows if row.kind == "BONE"]
    return coverage.sentence(len(moved), total, missing(face), next(iter(bones), None))


def missing(face: Rig) -> list[str]:
    """What a face of another maker cannot show, in words; nothing of our own and FLAME's heads."""
    if face.kind in (OWN, FLAME):
        return []
    turned = face.jaw is not None or any(row.kind == "BONE" for _, row in face.rows)
    sources = {row.source for _, row in face.rows}
    lacking = coverage.lacks(sources, turned)
    if face.bones is None or face.bones.head is None:
        lacking.append("head bone")
    if not (face.bones and face.bones.eyes) and not sources & look_keys.UNITS:
        lacking.append("eyes that look about")
    return lacking


def shortcomings(item: bpy.types.Object) -> str | None:
    """What a face cannot show, in a sentence for a report; None if it lacks nothing, or is no face."""
    face = face_kinds.rig_of(item)
    if face and face.kind == OWN and face.bones is None:
        return f"'{item.name}' has no bones of neck and eyes; press Add Neck and Eyes in the panel Adjust"
    return f"'{item.name}': {covered(face)}" if face and missing(face) else None


def why_cut(item: bpy.types.Object, needed: Collection[str] = ()) -> str | None:
    """What a face cannot show because a driver moves its key, or the key is muted; None if nothing.

    Asked at each redraw. With `needed`, in the words of `coverage`, only what is among it.
    """
    face = face_kinds.rig_of(item)
    if face is None:
        return None
    keys = item.data.shape_keys
    driven = shape_keys.driven_keys(keys)
    rows = [row for owner, row in face.rows if owner == item and row.kind == "KEY"]
    there = {row.source for row in rows}
    for row in rows:
        muted = keys.key_blocks[row.target].mute
        if row.target not in driven and not muted:
            continue
        lost = coverage.lost(there, row.source, face.jaw is not None)
        if lost and (not needed or set(lost) & set(needed)):
            why = (
                "is muted; tick it" if muted else "is moved by a driver, which wins over keyframes; delete it"
            )
            return f"{coverage.cannot(lost)}: the shape key '{row.target}' of '{item.name}' {why}."
    return None


def knows_too_little(item: bpy.types.Object) -> bool:
    """Whether so little of a face is known that it hardly speaks; not of the artist's own mapping.

    Asked at each redraw: its companions are not looked for.
    """
    kind = face_kinds.kind_of(item)
    if kind not in recognition.LEAST:
        return False
    sources = {row.source for row in recognition.rows_of(face_kinds.key_names(item), kind)}
    bone = jaw_bone.find_jaw(jaw_bone.armature_of(item)) if kind == face_kinds.ARKIT else None
    return coverage.too_little(coverage.lacks(sources, bone is not None))


def check_sheet(speaker: bpy.types.Object) -> str:
    """Name of the image that Check Head makes of a head."""
    return f"Check of {speaker.name}"


def keep_checked(image: bpy.types.Image, said: Sequence[str]) -> None:
    """Keep what a check has found with its sheet."""
    image[CHECKED] = "\n".join(said)


def last_checked(speaker: bpy.types.Object) -> list[str] | None:
    """What the last check of a head has found; None if it was not checked, or its sheet is deleted."""
    image = bpy.data.images.get(check_sheet(speaker))
    said = image.get(CHECKED) if image else None
    return said.splitlines() if isinstance(said, str) else None
