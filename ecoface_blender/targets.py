"""What a chosen face is, which of its parts move with it, and which curves a motion becomes on them."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from . import arkit_names, engine, head, jaw_bones, sources
from .channels import Channel
from .companions import companions
from .errors import EcoFaceBlenderError
from .mapping import Row

OWN, MAPPED, FLAME, ARKIT, OCULUS, VRM = "EcoFace", "mapping", "FLAME", "ARKit", "Oculus visemes", "VRM"
_CONVENTIONS = {ARKIT: (arkit_names.arkit, 8), OCULUS: (arkit_names.oculus, 8), VRM: (arkit_names.vrm, 5)}
"""What names are known by, and how many of them make a face."""
_LEAST_EXPRESSIONS = 5  # of a FLAME head
_SIGNED = Row(source="-", target="-").maximum  # what Blender's sliders reach


@dataclass(frozen=True)
class Face:
    """A speaker that can be animated."""

    kind: str
    speaker: bpy.types.Object
    parts: tuple[bpy.types.Object, ...]
    """Meshes that move, the speaker first."""
    rows: tuple[tuple[bpy.types.Object, Row], ...]
    """Which curve moves what on which part; for bones, of which armature. None on our own head."""
    jaw: str | None
    """The bone that takes the jaw's rotation, of the speaker's armature."""


def face_of(item: bpy.types.Object | None) -> Face | None:
    """What an object is; None if it is no face that is known, or mapped by the artist."""
    kind = kind_of(item)
    if kind is None:
        return None
    if kind == MAPPED:
        return _mapped(item, mapped_rows(item))
    if kind == OWN:
        return Face(OWN, item, (item,), (), None)
    return _flame(item) if kind == FLAME else _known(item, kind)


def kind_of(item: bpy.types.Object | None) -> str | None:
    """By what an object is known as a face, None if by nothing; quick enough for each redraw."""
    if item is None or item.type != "MESH" or item.data.shape_keys is None:
        return None
    if mapped_rows(item):
        return MAPPED
    if head.is_head(item):
        return OWN
    if sum(row.source in sources.EXPRESSIONS for row in _flame_rows(item)) >= _LEAST_EXPRESSIONS:
        return FLAME
    enough = (kind for kind, (_, least) in _CONVENTIONS.items() if len(_rows_of(item, kind)) >= least)
    return next(enough, None)


def why_not_a_face(item: bpy.types.Object | None) -> str | None:
    """What keeps an object from being animated, in one sentence; None if nothing does."""
    kind = kind_of(item)
    if kind == OWN or item is None:
        return head.why_not_a_head(item)
    if kind is not None:
        return None
    if item.type != "MESH" or item.data.shape_keys is None:
        return f"'{item.name}' is no mesh with shape keys; press Add Head, or choose a face that has some."
    return (
        f"The shape keys of '{item.name}' have names of no kind that EcoFace knows; map them in the panel "
        "Shape Key Mapping."
    )


def is_face(item: bpy.types.Object | None) -> bool:
    """Whether an object can be animated."""
    return why_not_a_face(item) is None


def describe(item: bpy.types.Object) -> str:
    """What an object is recognised as and what of it moves, in one sentence."""
    face = face_of(item)
    if face is None:
        return str(why_not_a_face(item))
    if face.kind == OWN:
        return f"'{item.name}' is a head of EcoFace."
    if face.kind == MAPPED and (absent := absent_targets(item)):
        return f"{len(absent)} targets are not on '{item.name}', the first is '{absent[0]}'; correct them."
    keys = sum(row.kind == "KEY" for _, row in face.rows)
    bones = [face.jaw] if face.jaw else [row.target for _, row in face.rows if row.kind == "BONE"]
    meshes = f" on {len(face.parts)} meshes" if len(face.parts) > 1 else ""
    turned = f" and the bone '{bones[0]}'" if bones else ""
    return f"'{item.name}' is moved by {face.kind}: {keys} shape keys{meshes}{turned}."


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
            parts.update(face_of(item).parts)
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
        return head.head_name(speaker)
    if face.kind != FLAME:
        return sources.reference_name()
    if flame:
        return f"FLAME ({Path(flame).stem})"
    spoken = engine.model_head(model)
    if spoken in ("", sources.reference_name()):
        raise EcoFaceBlenderError(
            f"'{speaker.name}' is a FLAME head, which the model does not speak by itself; "
            "choose your FLAME file in the preferences of EcoFace."
        )
    return spoken


def channels(speaker: bpy.types.Object, motion: np.ndarray) -> list[Channel]:
    """The curves that a motion (T, 53) is on this speaker and its parts.

    Raises:
        EcoFaceBlenderError: if it is no face, or the motion is not (T, 53) finite numbers.
    """
    face = face_of(speaker)
    if face is None or face.kind == OWN:
        return head.channels(speaker, motion)
    head.check_motion(motion)
    wanted = {row.source for _, row in face.rows}
    curves = sources.curves(motion, wanted)
    out = [each for owner, row in face.rows for each in _row_channels(owner, row, curves[row.source])]
    armature = jaw_bones.armature_of(speaker)
    if face.jaw and armature:
        jaw = jaw_bones.jaw_of(motion)
        out += jaw_bones.rotation_channels(armature, face.jaw, jaw, list(face.parts))
    return out


def owners(speaker: bpy.types.Object) -> list[bpy.types.ID]:
    """The data-blocks that a take of this speaker moves; its own shape keys first."""
    face = face_of(speaker)
    moved = {owner for owner, row in face.rows if row.kind == "KEY"} if face else set()
    parts = [part for part in face.parts if part in moved or face.kind == OWN] if face else []
    out: list[bpy.types.ID] = [part.data.shape_keys for part in parts]
    bones = [owner for owner, row in face.rows if row.kind == "BONE"] if face else []
    if face and face.jaw:
        bones.append(jaw_bones.armature_of(speaker))
    return list(dict.fromkeys([*out, *bones]))


def moved_keys(speaker: bpy.types.Object) -> tuple[str, ...]:
    """Those of the speaker's own shape keys that a take moves."""
    face = face_of(speaker)
    if face is None or face.kind == OWN:
        return head.key_names(speaker)
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
    if head.is_head(item) or item.data.shape_keys is None:
        return []
    rows = _flame_rows(item)
    for kind, (_, least) in _CONVENTIONS.items():
        own = _rows_of(item, kind)
        if len(own) >= max(least, len(rows)):
            rows = own
    taken = {row.target for row in rows}
    for block in item.data.shape_keys.key_blocks[1:]:
        source = arkit_names.guess(block.name)
        if source and block.name not in taken:
            rows.append(Row(source=source, target=block.name))
    armature = jaw_bones.armature_of(item)
    bone = jaw_bones.find_jaw(armature)
    if armature and bone and not any(row.source == "jawOpen" for row in rows):
        axis, sign = jaw_bones.opening_axis(armature, bone, [item])
        rows.append(Row(source="Jaw Pitch", target=bone, kind="BONE", axis=axis, gain=sign))
    return rows


def _flame(item: bpy.types.Object) -> Face:
    """A head of a FLAME add-on: numbered expressions, pose correctives, a jaw bone."""
    jaw = jaw_bones.find_jaw(jaw_bones.armature_of(item))
    return Face(FLAME, item, (item,), tuple((item, row) for row in _flame_rows(item)), jaw)


def _flame_rows(item: bpy.types.Object) -> list[Row]:
    rows = []
    for block in item.data.shape_keys.key_blocks[1:]:
        kind, number = arkit_names.flame(block.name) or ("", 0)
        if kind == "expression" and 1 <= number <= head.N_EXPRESSIONS:
            rows.append(Row(source=sources.EXPRESSIONS[number - 1], target=block.name))
        jaw_first = len(sources.CORRECTIVES)  # those of the neck come before
        if kind == "corrective" and jaw_first < number <= 2 * jaw_first:
            rows.append(Row(source=sources.CORRECTIVES[number - jaw_first - 1], target=block.name))
    return rows


def _known(item: bpy.types.Object, kind: str) -> Face:
    """A face whose keys are named after one of the conventions, and its companions with such keys."""
    parts = [item, *(part for part in companions(item) if _rows_of(part, kind))]
    rows = tuple((part, row) for part in parts for row in _rows_of(part, kind))
    opens = any(row.source == "jawOpen" for _, row in rows)
    jaw = jaw_bones.find_jaw(jaw_bones.armature_of(item)) if kind == ARKIT and not opens else None
    return Face(kind, item, tuple(parts), rows, jaw)


def _rows_of(part: bpy.types.Object, kind: str) -> list[Row]:
    known, _ = _CONVENTIONS[kind]
    names = [block.name for block in part.data.shape_keys.key_blocks[1:]]
    return [Row(source=source, target=name) for source, name in arkit_names.matches(names, known).items()]


def _mapped(item: bpy.types.Object, rows: Sequence[Row]) -> Face:
    """A face with a mapping of the artist's; its companions follow where they have keys of those names."""
    armature = jaw_bones.armature_of(item)
    out, parts = [], [item]
    for part in (item, *companions(item)):
        keys = part.data.shape_keys.key_blocks
        own = [(part, row) for row in rows if row.kind == "KEY" and row.target in keys]
        out += own
        if own and part != item:
            parts.append(part)
    if armature:
        bones = armature.pose.bones
        out += [(armature, row) for row in rows if row.kind == "BONE" and row.target in bones]
    return Face(MAPPED, item, tuple(parts), tuple(out), None)


def _size(item: bpy.types.Object) -> int:
    return len(item.data.vertices)


def _row_channels(owner: bpy.types.Object, row: Row, curve: np.ndarray) -> list[Channel]:
    values = row.values(curve)
    if row.kind == "BONE":
        return jaw_bones.axis_channel(owner, row.target, row.axis, values)
    keys = owner.data.shape_keys
    return [Channel(keys, keys.key_blocks[row.target].path_from_id("value"), -1, values)]
