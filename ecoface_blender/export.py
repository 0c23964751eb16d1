"""Out of the scene: baking what is seen to plain keys, and FBX files with the shape keys' animation."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from .errors import EcoFaceBlenderError
from .head import why_not_a_head
from .keyframes import animated_frames, read_metadata, write_keys

FBX_OPTIONS = {
    "use_selection": True,
    "object_types": {"MESH"},
    "use_mesh_modifiers": False,  # applied modifiers would drop the shape keys
    "mesh_smooth_type": "FACE",
    "use_custom_props": False,
    "bake_anim": True,
    # With either of these on, Blender writes no shape-key animation.
    "bake_anim_use_nla_strips": False,
    "bake_anim_use_all_actions": False,
    "bake_anim_simplify_factor": 0.0,
}


@dataclass(frozen=True)
class _Half:
    """One key of the file: `offsets` (V, 3) at value 1, and its value (frames,)."""

    name: str
    offsets: np.ndarray
    values: np.ndarray


def bake(
    context: bpy.types.Context, head: bpy.types.Object, start: int | None = None, end: int | None = None
) -> bpy.types.Action:
    """A new action with a linear key on every frame of every shape key, as seen through NLA and drivers.

    The NLA tracks are muted, since the action holds them; the action before is kept. Without `start` and
    `end` all that is animated is baked.

    Raises:
        EcoFaceBlenderError: if this is no head, or nothing moves it.
    """
    frames = _frames(context, head, start, end)
    keys = head.data.shape_keys
    values = _seen_values(context, head, frames)
    before = keys.animation_data.action if keys.animation_data else None
    metadata = read_metadata(before) | {"baked_from": before.name} if before else {}
    names = tuple(block.name for block in keys.key_blocks[1:])
    action = write_keys(keys, names, values, frames, f"{head.name} Baked", metadata)
    animation = keys.animation_data
    for track in animation.nla_tracks:
        track.is_solo, track.mute = False, True
    animation.action_blend_type, animation.action_influence = "REPLACE", 1.0
    return action


def export_fbx(
    context: bpy.types.Context,
    head: bpy.types.Object,
    path: str | Path,
    start: int | None = None,
    end: int | None = None,
    raw: bool = False,
) -> Path:
    """The head and what it does as FBX; the scene stays as it is.

    Keys reach from -10 to 10, which game engines and Blender's own importer cut to 0..1. So each key becomes
    two, `..._pos` and `..._neg`, that show at 1 what the slider shows at its end: the same in every file of
    this head. `raw` writes the keys as they are.

    Raises:
        EcoFaceBlenderError: if this is no head, nothing moves it, or the file cannot be written.
    """
    path = Path(path)
    if "fbx" not in dir(bpy.ops.export_scene):
        raise EcoFaceBlenderError("Blender's add-on 'FBX format' is off; switch it on in the preferences.")
    if not path.parent.is_dir():
        raise EcoFaceBlenderError(
            f"Expected the folder '{path.parent}', found none; make it or choose another."
        )
    if head is not None and head.mode != "OBJECT":
        raise EcoFaceBlenderError(f"'{head.name}' is being edited; leave its Edit or Sculpt Mode first.")
    frames = _frames(context, head, start, end)
    values = _seen_values(context, head, frames)
    halves = _whole_keys(head, values) if raw else _split_keys(head, values)
    beside = path.with_name(f".{path.stem}.writing.fbx")
    try:
        with (
            _copy_with_keys(context, head, halves, frames) as copy,
            _range(context.scene, frames, head.data.shape_keys),
            context.temp_override(selected_objects=[copy]),
        ):
            bpy.ops.export_scene.fbx(filepath=str(beside), check_existing=False, **FBX_OPTIONS)
        os.replace(beside, path)
    except (OSError, RuntimeError) as error:
        raise EcoFaceBlenderError(f"'{path}' cannot be written; choose another place: {error}") from error
    finally:
        beside.unlink(missing_ok=True)
    return path


def _frames(
    context: bpy.types.Context, head: bpy.types.Object | None, start: int | None, end: int | None
) -> np.ndarray:
    """The whole frames asked for; by default those that the head is animated in."""
    if reason := why_not_a_head(head):
        raise EcoFaceBlenderError(reason)
    if start is None or end is None:
        first, last = animated_frames(head.data.shape_keys, context.scene)
        start, end = first if start is None else start, last if end is None else end
    if end < start:
        raise EcoFaceBlenderError(f"Expected frames in order, found {start} to {end}; swap them.")
    return np.arange(start, end + 1, dtype=np.float64)


def _seen_values(context: bpy.types.Context, head: bpy.types.Object, frames: np.ndarray) -> np.ndarray:
    """Values (frames, keys) of all keys but the basis, after actions, NLA and drivers; a muted key is 0."""
    keys = head.data.shape_keys
    muted = np.array([block.mute for block in keys.key_blocks[1:]], dtype=bool)
    values = np.empty((len(frames), len(keys.key_blocks)), dtype=np.float32)
    with _time_kept(context.scene, keys):
        for row, frame in enumerate(frames):
            context.scene.frame_set(int(frame))
            seen = keys.evaluated_get(context.evaluated_depsgraph_get())
            seen.key_blocks.foreach_get("value", values[row])
    values = values[:, 1:]
    values[:, muted] = 0
    return values


def _offsets(block: bpy.types.ShapeKey) -> np.ndarray:
    """(V, 3) from the key it is relative to."""
    return _coordinates(block) - _coordinates(block.relative_key)


def _coordinates(block: bpy.types.ShapeKey) -> np.ndarray:
    out = np.empty(len(block.data) * 3, dtype=np.float32)
    block.data.foreach_get("co", out)
    return out.reshape(-1, 3)


def _whole_keys(head: bpy.types.Object, values: np.ndarray) -> list[_Half]:
    blocks = head.data.shape_keys.key_blocks[1:]
    return [_Half(b.name, _offsets(b), v) for b, v in zip(blocks, values.T, strict=True)]


def _split_keys(head: bpy.types.Object, values: np.ndarray) -> list[_Half]:
    """Each key as one for its slider's positive and one for its negative reach, valued 0..1."""
    halves = []
    for block, value in zip(head.data.shape_keys.key_blocks[1:], values.T, strict=True):
        name, offsets = block.name.replace(" ", ""), _offsets(block)
        for suffix, reach in (("pos", block.slider_max), ("neg", block.slider_min)):
            if (suffix == "pos") == (reach > 0) and reach != 0:
                halves.append(_Half(f"{name}_{suffix}", reach * offsets, (value / reach).clip(0, 1)))
    return halves


@contextmanager
def _copy_with_keys(
    context: bpy.types.Context, head: bpy.types.Object, halves: list[_Half], frames: np.ndarray
) -> Iterator[bpy.types.Object]:
    """A copy of the head under its name with other keys, animated; it is gone afterwards."""
    copy, mesh, action = head.copy(), bpy.data.meshes.new_from_object(head), None  # without keys
    try:
        copy.data = mesh
        rest = _coordinates(head.data.shape_keys.key_blocks[0])
        mesh.vertices.foreach_set("co", rest.ravel())
        context.scene.collection.objects.link(copy)
        copy.shape_key_add(name="Neutral", from_mix=False)
        for half in halves:
            key = copy.shape_key_add(name=half.name, from_mix=False)
            key.data.foreach_set("co", (rest + half.offsets).ravel())
            key.slider_max, key.slider_min = 10.0, -10.0
            key.value = 0.0
        values = np.column_stack([half.values for half in halves])
        names = tuple(half.name for half in halves)
        action = write_keys(mesh.shape_keys, names, values, frames, f"{head.name} Export")
        with _names_lent((head, copy), (head.data, mesh)):
            yield copy
    finally:
        bpy.data.objects.remove(copy)
        bpy.data.meshes.remove(mesh)
        if action is not None:
            bpy.data.actions.remove(action)


@contextmanager
def _names_lent(*pairs: tuple[bpy.types.ID, bpy.types.ID]) -> Iterator[None]:
    """The copies carry the originals' names for a while; linked originals keep theirs."""
    lent = [(original, copy, original.name) for original, copy in pairs if original.is_editable]
    for original, copy, name in lent:
        original.name = f"{name} (exporting)"
        copy.name = name
    try:
        yield
    finally:
        for original, copy, name in lent:
            copy.name = f"{name} (exported)"
            original.name = name


@contextmanager
def _range(scene: bpy.types.Scene, frames: np.ndarray, keys: bpy.types.Key) -> Iterator[None]:
    """The scene runs from the first to the last of these frames for a while."""
    before = scene.frame_start, scene.frame_end
    with _time_kept(scene, keys):
        scene.frame_start, scene.frame_end = int(frames[0]), int(frames[-1])
        try:
            yield
        finally:
            scene.frame_start, scene.frame_end = before


@contextmanager
def _time_kept(scene: bpy.types.Scene, keys: bpy.types.Key) -> Iterator[None]:
    """Afterwards the scene is back in its frame, with sliders moved but not keyed there where they were."""
    frame, subframe = scene.frame_current, scene.frame_subframe
    values = np.empty(len(keys.key_blocks), dtype=np.float32)
    keys.key_blocks.foreach_get("value", values)
    try:
        yield
    finally:
        scene.frame_set(frame, subframe=subframe)
        keys.key_blocks.foreach_set("value", values)
