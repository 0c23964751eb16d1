"""FBX, glTF, USD and Alembic: which options of Blender's own exporters write an animated face whole."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..core.jaw_skinning import N_TURN
from ..errors import EcoFaceBlenderError
from ..heads.rig import OWN, Rig
from ..sound import sequencer
from ..takes import evaluated
from . import fbx_lines, gltf_times
from .copy import Written, copied, only_selected
from .shape_keys import Fetch, arkit_keys, keys_beside_bone, named_keys, split_keys, whole_keys
from .skeletons import skeleton, skeleton_of_another

Y_UP = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
"""From Blender's axes to a file's whose y is up and whose front, as Blender's front view, is +z."""


@dataclass(frozen=True)
class Target:
    """For whom an FBX is written."""

    label: str
    what: str
    unit: float | None
    """Units of the file in a metre, applied to the shapes themselves; None is Blender's own way."""
    options: Mapping[str, Any]


TARGETS = {
    "UNREAL": Target(
        "Unreal Engine",
        "Centimetres, y up, no scale or rotation left on the object",
        100.0,
        {"apply_scale_options": "FBX_SCALE_NONE", "global_scale": 0.01},
    ),
    "UNITY": Target(
        "Unity",
        "Metres, y up, no scale or rotation left on the object",
        1.0,
        {"apply_scale_options": "FBX_SCALE_UNITS", "global_scale": 1.0},
    ),
    "MAYA": Target(
        "Maya",
        "Centimetres, y up, no scale or rotation left on the object; keys of every frame are in a named take",
        100.0,
        {"apply_scale_options": "FBX_SCALE_NONE", "global_scale": 0.01, "mesh_smooth_type": "EDGE"},
    ),
    "BLENDER": Target("Blender", "As Blender itself writes FBX, scaled and turned on the object", None, {}),
}

FBX_OPTIONS = {
    "use_selection": True,
    "object_types": {"MESH", "ARMATURE"},
    "use_mesh_modifiers": False,  # applied modifiers would drop the shape keys
    "mesh_smooth_type": "FACE",
    "use_custom_props": False,
    "add_leaf_bones": False,
    "bake_anim": True,
    # With either of these on, Blender writes no shape-key animation.
    "bake_anim_use_nla_strips": False,
    "bake_anim_use_all_actions": False,
    "bake_anim_simplify_factor": 0.0,
    "axis_forward": "-Z",
    "axis_up": "Y",
}
GLTF_OPTIONS = {
    "export_format": "GLB",
    "use_selection": True,
    "export_animation_mode": "ACTIVE_ACTIONS",  # else every action of the file becomes a clip
    "export_frame_range": False,
    "export_force_sampling": True,
    "export_optimize_animation_size": False,  # it drops keys that are nearly straight
    "export_yup": True,
}
USD_OPTIONS = {
    "selected_objects_only": True,
    "export_animation": True,
    "export_shapekeys": True,
    "export_armatures": True,
    "evaluation_mode": "VIEWPORT",
    "export_lights": False,
    "export_cameras": False,
    "convert_world_material": False,
    "relative_paths": False,
}
ALEMBIC_OPTIONS = {
    "selected": True,
    "evaluation_mode": "VIEWPORT",
    "export_custom_properties": False,
    "export_hair": False,
    "export_particles": False,
    "uvs": True,
    "normals": True,
    "as_background_job": False,
}


def write_fbx(
    context: bpy.types.Context,
    rig: Rig,
    path: Path,
    frames: np.ndarray,
    options: Any,
    arrays: Fetch,
) -> None:
    """The keys that the options ask for, in the units and axes of the target."""
    target = TARGETS[options.target]
    space, own = np.eye(4), {}
    if target.unit is not None:
        scale = target.unit * context.scene.unit_settings.scale_length
        space = np.diag([scale, scale, scale, 1]) @ Y_UP
        own = {"use_space_transform": False, "apply_unit_scale": False}
    _need("export_scene", "fbx", "FBX format")
    shown = evaluated.see(context, rig, frames)
    meshes = _meshes(rig, shown, options, arrays)

    def write(path: Path, meshes: list[Written], frames: np.ndarray) -> None:
        with (
            _staged(context, rig, meshes, frames, space, options.animation_only) as items,
            evaluated.unshaped(_keys_of(*rig.parts, *items)),
        ):
            bpy.ops.export_scene.fbx(
                filepath=str(path), check_existing=False, **FBX_OPTIONS | own | dict(target.options)
            )

    pattern = fbx_lines.pattern_of(context, rig, meshes, options, space, write)
    if pattern is None:
        write(path, meshes, frames)
    else:
        path.write_bytes(
            pattern.write(frames, fbx_lines.values_of(meshes), fbx_lines.turns_of(meshes, space))
        )


def write_gltf(
    context: bpy.types.Context,
    rig: Rig,
    path: Path,
    frames: np.ndarray,
    options: Any,
    arrays: Fetch,
) -> None:
    """Morph targets and their animation, metres, y up, in one binary file."""
    _need("export_scene", "gltf", "glTF 2.0 format")
    meshes = _meshes(rig, evaluated.see(context, rig, frames), options, arrays)
    with _staged(context, rig, meshes, frames, np.eye(4)):
        bpy.ops.export_scene.gltf(
            filepath=str(path),
            check_existing=False,
            export_morph_normal=options.keys == "ARKIT",  # of keys at 10 they would be far from linear
            **GLTF_OPTIONS,
        )
    gltf_times.set_span(path, (frames[-1] - frames[0]) / sequencer.scene_rate(context.scene))


def write_usd(
    context: bpy.types.Context,
    rig: Rig,
    path: Path,
    frames: np.ndarray,
    options: Any,
    arrays: Fetch,
) -> None:
    """Blend shapes with their weights over time (UsdSkel), metres, z up, in one binary file."""
    _need("wm", "usd_export", "USD")
    meshes = _meshes(rig, evaluated.see(context, rig, frames), options, arrays)
    with _staged(context, rig, meshes, frames, np.eye(4)):
        bpy.ops.wm.usd_export(filepath=str(path), check_existing=False, **USD_OPTIONS)


def write_alembic(
    context: bpy.types.Context,
    rig: Rig,
    path: Path,
    frames: np.ndarray,
    _options: Any,
    _arrays: Fetch,
) -> None:
    """Where the vertices are in every frame, modifiers and all; no keys."""
    _need("wm", "alembic_export", "Alembic")
    items, _ = evaluated.moved_by(rig)
    for item in items:
        if not item.visible_get():  # and so cannot be selected
            raise EcoFaceBlenderError(f"'{item.name}' is hidden; show it first.")
    with (
        evaluated.frame_range(context.scene, frames, rig),
        only_selected(context, items),
    ):
        bpy.ops.wm.alembic_export(
            filepath=str(path),
            check_existing=False,
            start=int(frames[0]),
            end=int(frames[-1]),
            **ALEMBIC_OPTIONS,
        )


def usd_bytes(context: bpy.types.Context, rig: Rig, n_frames: int) -> int:
    """More than a USD of so many frames of this head takes."""
    room, depsgraph = 8 * _posed_bytes(context, rig), context.evaluated_depsgraph_get()
    for item in evaluated.moved_by(rig)[0]:
        n_keys = 2 * len(item.data.shape_keys.key_blocks) + 2 * N_TURN
        n_vertices = len(item.evaluated_get(depsgraph).data.vertices)  # modifiers are applied
        room += n_keys * (16 * n_vertices + 4096 + 32 * n_frames)
    return room


def alembic_bytes(context: bpy.types.Context, rig: Rig, n_frames: int) -> int:
    """More than an Alembic of so many frames of this head takes."""
    return (n_frames + 8) * _posed_bytes(context, rig)


def _posed_bytes(context: bpy.types.Context, rig: Rig) -> int:
    """Of all positions and normals of one frame as single floats."""
    depsgraph, room = context.evaluated_depsgraph_get(), 0
    for item in evaluated.moved_by(rig)[0]:
        mesh = item.evaluated_get(depsgraph).data
        room += 12 * (len(mesh.vertices) + len(mesh.loops)) + 1024
    return room


@contextmanager
def _staged(
    context: bpy.types.Context,
    rig: Rig,
    meshes: list[Written],
    frames: np.ndarray,
    space: np.ndarray,
    animation_only: bool = False,
) -> Iterator[list[bpy.types.Object]]:
    """The copy that is written is there and selected, in a scene that runs over its frames."""
    with (
        copied(context, meshes, frames, space, animation_only) as items,
        evaluated.frame_range(context.scene, frames, rig),
        only_selected(context, items),
    ):
        yield items


def _keys_of(*items: bpy.types.Object) -> list[bpy.types.Key]:
    """Of those meshes that have any."""
    meshes = (item.data for item in items if item.type == "MESH")
    return [mesh.shape_keys for mesh in meshes if mesh.shape_keys is not None]


def _meshes(rig: Rig, shown: evaluated.Seen, options: Any, arrays: Fetch) -> list[Written]:
    """What of a speaker is written, with the keys that the options ask for."""
    return _own(shown, options, arrays) if rig.kind == OWN else _others(rig, shown, options)


def _own(shown: evaluated.Seen, options: Any, arrays: Fetch) -> list[Written]:
    """EcoFace's own head with the keys that the options ask for."""
    (part,) = shown.parts
    head, values = part.item, part.values
    if options.jaw_bone and options.keys == "ARKIT":
        raise EcoFaceBlenderError("ARKit's keys move the jaw themselves; choose other keys, or no jaw bone.")
    if options.jaw_bone:
        morphs, jaw = keys_beside_bone(head, values, arrays(), safe=options.keys == "SAFE")
        return [Written(part, morphs, skeleton(head, shown.turned, jaw))]
    if options.keys == "ARKIT":
        morphs = arkit_keys(head, values, arrays(), shown.turned)
        return [Written(part, morphs, skeleton(head, shown.turned, None, eyes=False))]
    morphs = (split_keys if options.keys == "SAFE" else whole_keys)(part.keys, values)
    return [Written(part, morphs, skeleton(head, shown.turned, None))]


def _others(rig: Rig, shown: evaluated.Seen, options: Any) -> list[Written]:
    """The meshes of another head, with their keys, and bones of head and eyes where the take turns them."""
    speaker = rig.speaker
    beside = tuple(f'pose.bones["{name}"]' for name in rig.bones.moved) if rig.bones else ()
    if jaws := [each for each in shown.others if not each.path.startswith(beside)]:
        bone = jaws[0]
        raise EcoFaceBlenderError(
            f"'{speaker.name}' turns its jaw by a bone of '{bone.id_data.name}': write an Alembic, "
            "or bake and export the whole character from Blender's File menu."
        )
    if options.jaw_bone:
        raise EcoFaceBlenderError(
            f"'{speaker.name}' is no head of EcoFace, so its jaw moves by its keys; choose no jaw bone."
        )
    make = {"SAFE": split_keys, "RAW": whole_keys, "ARKIT": named_keys}[options.keys]
    meshes = [
        Written(part, make(part.keys, part.values), skeleton_of_another(rig, part.item, shown.turned))
        for part in shown.parts
    ]
    if not any(mesh.morphs for mesh in meshes):
        raise EcoFaceBlenderError(f"'{speaker.name}' has no keys of ARKit's; choose other keys.")
    return meshes


def _need(module: str, name: str, addon: str) -> None:
    """See that Blender has an exporter.

    Raises:
        EcoFaceBlenderError: if it is switched off, or not built in.
    """
    if name not in dir(getattr(bpy.ops, module)):
        raise EcoFaceBlenderError(
            f"This Blender has no exporter '{addon}'; switch that add-on on in the preferences, or take a "
            "Blender from blender.org, where it is built in."
        )
