"""Head arrays -> a mesh with shape keys for expression and jaw; and finding such heads again."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import bpy
import numpy as np

from ..channels import Channel, key_channels
from ..core.constants import EXPRESSION_DIM
from ..core.head_file import REFERENCE_HEAD, read_head
from ..core.jaw_skinning import N_TERMS, expression_directions, terms
from ..core.motion_file import FlameMotion
from ..errors import EcoFaceBlenderError, refusals_of_core
from . import jaw_shape_keys, own_bones
from .materials import COLOUR_ATTRIBUTE, make_material

EXPRESSION_KEYS = tuple(f"Expression {number:02}" for number in range(1, EXPRESSION_DIM + 1))
SLIDER = 10.0
"""Blender's widest; keyed values are clamped to the slider's range."""
VERSION = 1
"""Of what is stored on a head: "ecoface_*" custom properties of the object and its mesh."""


def load_head(path: str | Path | None = None) -> dict[str, np.ndarray]:
    """The arrays of a head file, as the worker writes them; of the head that ships with EcoFace without one.

    Raises:
        EcoFaceBlenderError: if the file cannot be read or its arrays do not fit together.
    """
    with refusals_of_core():
        if path and Path(path) != REFERENCE_HEAD:
            return read_head(Path(path)).arrays()
        return dict(_shipped())


@cache
def _shipped() -> dict[str, np.ndarray]:
    """Read once: a head that is added asks for it several times. Not to be written into."""
    arrays = read_head().arrays()
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def add_head(context: bpy.types.Context, arrays: Mapping[str, np.ndarray], name: str) -> bpy.types.Object:
    """A new head at the 3D cursor, selected and active; metres, facing -Y as Blender's front view looks."""
    mesh = _make_mesh(arrays, name)
    head = bpy.data.objects.new(name, mesh)
    context.collection.objects.link(head)
    head.location = context.scene.cursor.location
    jaw = jaw_shape_keys.make_jaw_keys(arrays)
    _add_shape_keys(head, arrays, jaw)
    head["ecoface_head"], head["ecoface_version"] = str(arrays["name"]), VERSION
    head["ecoface_jaw_error_mm"] = round(jaw.error * 1000, 3)
    mesh["ecoface_jaw"] = jaw.weights.ravel().tolist()  # of bytes, Alembic's export ends Blender
    if own_bones.why_no_bones(arrays) is None:
        own_bones.add_bones(context, head, arrays)
    for other in context.view_layer.objects.selected[:]:
        other.select_set(False)
    head.select_set(True)
    context.view_layer.objects.active = head
    return head


def find_heads(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The scene's heads, whether or not their keys are whole."""
    return [item for item in context.scene.objects if is_head(item)]


def is_head(item: bpy.types.Object | None) -> bool:
    """Whether Add Head made this object (or a copy of it is)."""
    return item is not None and item.type == "MESH" and "ecoface_jaw" in item.data


def why_not_a_head(item: bpy.types.Object | None) -> str | None:
    """What keeps this object from being animated, in one sentence; None if nothing does."""
    if item is None:
        return "No head is chosen; press Add Head, or choose one that Add Head made."
    if not is_head(item):
        return f"'{item.name}' is not a head of EcoFace; press Add Head, or choose one that Add Head made."
    blocks = item.data.shape_keys.key_blocks if item.data.shape_keys else {}
    if missing := [name for name in key_names(item) if name not in blocks]:
        return (
            f"'{item.name}' has lost {len(missing)} of its shape keys, the first is '{missing[0]}'; "
            "give it its name back, or press Add Head for a new head."
        )
    return None


def head_name(head: bpy.types.Object) -> str:
    """Which head's coefficients the keys speak, as in a motion's metadata."""
    return str(head["ecoface_head"])


def key_names(head: bpy.types.Object) -> tuple[str, ...]:
    """The shape keys that a motion drives, in the order of `key_values`."""
    return EXPRESSION_KEYS + jaw_shape_keys.key_names(_jaw_weights(head).shape[1])


def key_values(head: bpy.types.Object, motion: np.ndarray) -> np.ndarray:
    """Values (T, keys) of the head's shape keys for a motion (T, 53).

    Raises:
        EcoFaceBlenderError: if the motion is not (T, 53) finite numbers, or the head's keys are not whole.
    """
    if reason := why_not_a_head(head):
        raise EcoFaceBlenderError(reason)
    with refusals_of_core():
        FlameMotion(motion)
    expression, jaw = np.split(motion, [EXPRESSION_DIM], axis=1)
    return np.hstack([expression, terms(expression, jaw) @ _jaw_weights(head)])


def channels(head: bpy.types.Object, motion: np.ndarray) -> list[Channel]:
    """The curves that a motion (T, 53) is on our own head; raises as `key_values` does."""
    return key_channels(head.data.shape_keys, key_names(head), key_values(head, motion))


def _jaw_weights(head: bpy.types.Object) -> np.ndarray:
    """JawKeys.weights (N_TERMS, keys) of this head."""
    return np.array(head.data["ecoface_jaw"]).reshape(N_TERMS, -1)


def to_blender(points: np.ndarray) -> np.ndarray:
    """FLAME's axes (y up, face to +z) to Blender's (z up, face to -y); float32, last axis 3."""
    x, y, z = np.moveaxis(np.asarray(points, dtype=np.float32), -1, 0)
    return np.ascontiguousarray(np.stack([x, -z, y], axis=-1))


def _make_mesh(arrays: Mapping[str, np.ndarray], name: str) -> bpy.types.Mesh:
    """The neutral head with smooth faces, materials, and what it has of UVs and colours."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(to_blender(arrays["v_template"]), [], arrays["faces"])
    mesh.shade_smooth()
    if len(arrays.get("uv_faces", ())):
        layer = mesh.uv_layers.new(name="UVMap")
        layer.uv.foreach_set("vector", arrays["uv"][arrays["uv_faces"]].astype(np.float32).ravel())
    _add_materials(mesh, arrays)
    mesh.update()
    return mesh


def _add_materials(mesh: bpy.types.Mesh, arrays: Mapping[str, np.ndarray]) -> None:
    """Materials of the head's parts and its vertex colours; heads without parts are skin all over."""
    names = [str(name) for name in arrays.get("material_names", ())] or ["skin"]
    part = arrays.get("material", ())
    part = np.asarray(part if len(part) else np.zeros(len(arrays["faces"])), dtype=np.int32)
    mesh.polygons.foreach_set("material_index", part)
    colours = arrays.get("vertex_colors", ())
    if len(colours):
        attribute = mesh.color_attributes.new(COLOUR_ATTRIBUTE, "FLOAT_COLOR", "POINT")
        opaque = np.hstack([colours, np.ones((len(colours), 1))]).astype(np.float32)
        attribute.data.foreach_set("color", opaque.ravel())
    for number, name in enumerate(names):
        corners = arrays["faces"][part == number].ravel()
        typical = np.median(colours[corners], axis=0) if len(colours) and len(corners) else None
        mesh.materials.append(make_material(name, typical))


def _add_shape_keys(
    head: bpy.types.Object, arrays: Mapping[str, np.ndarray], jaw: jaw_shape_keys.JawKeys
) -> None:
    """Expression and jaw keys, all at rest."""
    template = to_blender(arrays["v_template"])
    expressions = np.moveaxis(expression_directions(arrays), -1, 0)  # (50, V, 3)
    head.shape_key_add(name="Neutral", from_mix=False)
    for name, offsets in zip(EXPRESSION_KEYS + jaw.names, [*expressions, *jaw.offsets], strict=True):
        key = head.shape_key_add(name=name, from_mix=False)  # from the mix, keys would pile up
        key.data.foreach_set("co", (template + to_blender(offsets)).ravel())
        key.slider_max, key.slider_min = SLIDER, -SLIDER
        key.value = 0.0  # new keys come at 1 from Blender 5.0 on
