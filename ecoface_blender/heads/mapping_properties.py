"""An object's own mapping, as the artist edits it: rows in a list, and what else belongs to the face."""

from dataclasses import asdict, fields

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)
from bpy.types import PropertyGroup

from . import jaw_bone, source_curves
from .mapping import Row


def target_names(row: "MappingRow", _context: bpy.types.Context, _text: str) -> list[str]:
    """What a row can move on its object."""
    item = row.id_data
    if row.kind == "BONE":
        armature = jaw_bone.armature_of(item)
        return [bone.name for bone in armature.data.bones] if armature else []
    keys = item.data.shape_keys
    return [block.name for block in keys.key_blocks[1:]] if keys else []


class MappingRow(PropertyGroup):
    """One line of a mapping: a curve, what it moves, and how much."""

    source: StringProperty(
        name="Source",
        description="The curve that moves the target: a unit of ARKit, a viseme, the jaw, an expression",
        default="jawOpen",
        search=lambda _row, _context, _text: list(source_curves.NAMES),
    )
    kind: EnumProperty(
        name="Kind",
        description="What is moved",
        items=[
            ("KEY", "Shape Key", "A shape key of this object and its parts", "SHAPEKEY_DATA", 0),
            ("BONE", "Bone", "A bone of its armature, about one of the bone's own axes", "BONE_DATA", 1),
        ],
    )
    target: StringProperty(
        name="Target", description="The shape key or the bone that is moved", search=target_names
    )
    axis: EnumProperty(
        name="Axis",
        description="The bone's own axis that it turns about",
        items=[(axis, axis, f"The bone's {axis} axis") for axis in "XYZ"],
    )
    gain: FloatProperty(
        name="Gain",
        description="What the curve is multiplied by; curves of the jaw are in radians",
        default=1.0,
        soft_min=-2.0,
        soft_max=2.0,
        step=5,
        precision=3,
    )
    offset: FloatProperty(
        name="Offset", description="What is added after the gain", soft_min=-1.0, soft_max=1.0, precision=3
    )
    minimum: FloatProperty(
        name="Minimum", description="The target never gets less than this", default=-10.0, precision=3
    )
    maximum: FloatProperty(
        name="Maximum", description="The target never gets more than this", default=10.0, precision=3
    )

    def fill(self, row: Row) -> None:
        """Take over plain values."""
        for name, value in asdict(row).items():
            setattr(self, name, value)


class FacePart(PropertyGroup):
    """A further mesh of a face."""

    object: PointerProperty(name="Mesh", description="A mesh that moves with the face", type=bpy.types.Object)


class Mapping(PropertyGroup):
    """Of one object."""

    use: BoolProperty(
        name="Use Own Mapping",
        description="Move this face by the list below rather than by the names of its shape keys",
    )
    rows: CollectionProperty(
        name="Rows", description="What moves which shape key or bone, and how far", type=MappingRow
    )
    active: IntProperty(description="The row that is edited", options={"HIDDEN"})
    parts: CollectionProperty(
        name="Parts", description="Teeth, tongue, brows, lashes: meshes that move along", type=FacePart
    )

    def as_rows(self) -> list[Row]:
        """The complete rows as plain values."""
        names = [field.name for field in fields(Row)]
        rows = [row for row in self.rows if row.target and row.source in source_curves.NAMES]
        return [Row(**{name: getattr(row, name) for name in names}) for row in rows]


CLASSES = (MappingRow, FacePart, Mapping)

PROPERTIES = ((bpy.types.Object, "ecoface_mapping", PointerProperty(type=Mapping)),)
