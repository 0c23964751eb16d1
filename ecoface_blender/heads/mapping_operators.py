"""Editing an object's own mapping: filling it by names, its rows, its parts, presets."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

import bpy
from bpy.props import StringProperty
from bpy.types import Operator
from bpy_extras.io_utils import ExportHelper, ImportHelper

from ..errors import EcoFaceBlenderError
from ..ui.reporting import Reporting
from . import chosen, face_kinds, finding, mapping

NO_MESH = "Select a mesh with shape keys."


def edited(context: bpy.types.Context) -> bpy.types.Object | None:
    """The object whose mapping is shown: the active mesh with shape keys, else the head that is meant."""
    active = context.view_layer.objects.active
    if active is not None and active.type == "MESH" and active.data.shape_keys is not None:
        return active
    return chosen.chosen_head(context) or chosen.meant_head(context)


def item_of(context: bpy.types.Context) -> bpy.types.Object:
    """The object whose mapping is shown.

    Raises:
        EcoFaceBlenderError: if there is none.
    """
    if (item := edited(context)) is None:
        raise EcoFaceBlenderError(NO_MESH)
    return item


class _OnMapping(Reporting):
    """For what changes the mapping that is shown."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        item = edited(context)
        if item is None:
            cls.poll_message_set(NO_MESH)
        elif item.library:
            cls.poll_message_set(f"'{item.name}' is linked from another file; make it local, or override it.")
        return item is not None and item.library is None


class _OnRow(_OnMapping):
    """For what needs a row."""

    @classmethod
    def poll(cls, context):
        if not super().poll(context):
            return False
        if not item_of(context).ecoface_mapping.rows:
            cls.poll_message_set("There are no rows yet; press Auto Fill or add one.")
            return False
        return True


class ECOFACE_OT_mapping_fill(_OnMapping, Operator):
    """Add a row for each shape key whose name tells what it is, and for the jaw's bone; rows that are there \
stay"""

    bl_idname = "ecoface.mapping_fill"
    bl_label = "Auto Fill"

    head: StringProperty(
        name="Head", description="Name of the face; the one that is shown if empty", options={"SKIP_SAVE"}
    )

    def run(self, context):
        item = finding.named(context.scene, self.head) if self.head else edited(context)
        if item is None or item.type != "MESH" or item.library:
            self.report({"ERROR"}, f"Expected a mesh '{self.head}' of this file, found none; choose another")
            return {"CANCELLED"}
        group = item.ecoface_mapping
        taken = {(row.kind, row.target) for row in group.rows}
        new = [row for row in face_kinds.guessed_rows(item) if (row.kind, row.target) not in taken]
        if not new:
            self.report({"WARNING"}, f"No further name on '{item.name}' tells what it is; add rows by hand")
            return {"CANCELLED"}
        for row in new:
            group.rows.add().fill(row)
        group.use = True
        self.report({"INFO"}, f"{len(new)} rows added to the mapping of '{item.name}'")
        return {"FINISHED"}


class ECOFACE_OT_mapping_add(_OnMapping, Operator):
    """Add a row"""

    bl_idname = "ecoface.mapping_add"
    bl_label = "Add Row"

    def run(self, context):
        group = item_of(context).ecoface_mapping
        group.rows.add()
        group.active = len(group.rows) - 1
        group.use = True
        return {"FINISHED"}


class ECOFACE_OT_mapping_remove(_OnRow, Operator):
    """Remove the row that is chosen"""

    bl_idname = "ecoface.mapping_remove"
    bl_label = "Remove Row"

    def run(self, context):
        group = item_of(context).ecoface_mapping
        group.rows.remove(min(group.active, len(group.rows) - 1))
        group.active = max(0, min(group.active, len(group.rows) - 1))
        return {"FINISHED"}


class ECOFACE_OT_mapping_clear(_OnRow, Operator):
    """Remove all rows; the names of the shape keys decide again"""

    bl_idname = "ecoface.mapping_clear"
    bl_label = "Clear"

    def run(self, context):
        group = item_of(context).ecoface_mapping
        group.rows.clear()
        group.use = False
        return {"FINISHED"}


class ECOFACE_OT_mapping_parts(_OnMapping, Operator):
    """Let the other selected meshes move with this face: teeth, tongue, brows; with none selected, forget \
those that were named"""

    bl_idname = "ecoface.mapping_parts"
    bl_label = "Use Selected as Parts"

    def run(self, context):
        item = item_of(context)
        group = item.ecoface_mapping
        group.parts.clear()
        for other in context.selected_objects:
            if other != item and other.type == "MESH" and other.data.shape_keys is not None:
                group.parts.add().object = other
        self.report({"INFO"}, f"{len(group.parts)} meshes named as parts of '{item.name}'")
        return {"FINISHED"}


class ECOFACE_OT_mapping_save(_OnRow, ExportHelper, Operator):
    """Save the rows as a preset file for other heads"""

    bl_idname = "ecoface.mapping_save"
    bl_label = "Save Preset"
    bl_options = {"REGISTER"}
    filename_ext = mapping.SUFFIX
    filter_glob: StringProperty(default=f"*{mapping.SUFFIX}", options={"HIDDEN"})

    def run(self, context):
        mapping.write_preset(self.filepath, item_of(context).ecoface_mapping.as_rows())
        return {"FINISHED"}


class ECOFACE_OT_mapping_load(_OnMapping, ImportHelper, Operator):
    """Replace the rows by those of a preset file"""

    bl_idname = "ecoface.mapping_load"
    bl_label = "Load Preset"
    filename_ext = mapping.SUFFIX
    filter_glob: StringProperty(default=f"*{mapping.SUFFIX}", options={"HIDDEN"})

    def run(self, context):
        rows = mapping.read_preset(self.filepath)
        item = item_of(context)
        group = item.ecoface_mapping
        group.rows.clear()
        for row in rows:
            group.rows.add().fill(row)
        group.use = True
        absent = face_kinds.absent_targets(item)
        if absent:
            self.report(
                {"WARNING"},
                f"{len(absent)} of {len(rows)} targets are not on '{item.name}', the first is '{absent[0]}'",
            )
        return {"FINISHED"}


CLASSES = (
    ECOFACE_OT_mapping_fill,
    ECOFACE_OT_mapping_add,
    ECOFACE_OT_mapping_remove,
    ECOFACE_OT_mapping_clear,
    ECOFACE_OT_mapping_parts,
    ECOFACE_OT_mapping_save,
    ECOFACE_OT_mapping_load,
)
