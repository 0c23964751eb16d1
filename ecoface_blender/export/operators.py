"""What leaves the scene by a button or a script: baking, and files for other programs."""
# ruff: noqa: RUF012 (bl_options is written as Blender wants it)

from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty
from bpy.types import Operator, PropertyGroup
from bpy_extras.io_utils import ExportHelper

from ..engine.settings import engine_settings
from ..heads import chosen
from ..takes import bake, evaluated, takes
from ..ui.reporting import Reporting
from ..ui.watching import waiting
from . import export, scene_files

KEYS = [
    (
        "SAFE",
        "Normalised (0-1)",
        "Each key as two halves of 0 to 1, which engines show as they are here",
    ),
    ("RAW", "Raw", "Keys as they are here, from minus to plus 10. Engines and Blender's importer cut them"),
    ("ARKIT", "ARKit", "The 52 keys of ARKit, by Apple's names. The face is fitted to them, not the same"),
]
TARGETS = [(name, target.label, target.what) for name, target in scene_files.TARGETS.items()]
KINDS = [(name, kind.label, f"{kind.what} ({kind.suffix})") for name, kind in export.KINDS.items()]


def _keys():
    return EnumProperty(name="Keys", description="Which shape keys the file gets", items=KEYS)


def _jaw_bone():
    return BoolProperty(
        name="Jaw Bone",
        description="Turn the jaw by a bone instead of shape keys: exact, with fewer keys, and a skeleton "
        "that engines ask for",
    )


def _target():
    return EnumProperty(
        name="Target", description="The units and axes that the program expects of an FBX", items=TARGETS
    )


def _animation_only():
    return BoolProperty(
        name="Animation Only",
        description="Write the curves of the keys and of the jaw's bone, and a triangle for each mesh: for a "
        "face that the program has already",
    )


class EcoFaceExport(PropertyGroup):
    """How this scene's heads are exported."""

    kind: EnumProperty(name="Format", description="The kind of file that is written", items=KINDS)
    keys: _keys()
    jaw_bone: _jaw_bone()
    target: _target()
    animation_only: _animation_only()
    frames: EnumProperty(
        name="Frames",
        description="Which frames are written",
        items=[
            ("ALL", "Animated", "From the first to the last frame in which the head is animated"),
            ("SCENE", "Scene", "The preview range if there is one, else the range of the scene"),
        ],
    )


class _OnHead(Reporting):
    """For what is done with the chosen head and its keys."""

    @classmethod
    def poll(cls, context):
        if reason := why_no_keys(context):
            cls.poll_message_set(reason)
            return False
        return True


class ECOFACE_OT_bake(_OnHead, Operator):
    """Key what the head does, all layers together, as plain linear keys in a new action"""

    bl_idname = "ecoface.bake"
    bl_label = "Bake"
    bl_options = {"REGISTER", "UNDO"}

    simplify: BoolProperty(
        name="Simplify", description="Leave out the keys that the face does not need within the error"
    )
    error: FloatProperty(
        name="Error (mm)",
        description="How far any vertex of the head may be from where it was, in millimetres",
        default=0.1,
        min=0.001,
        soft_max=2.0,
        step=1,
        precision=3,
    )

    def invoke(self, context, _event):
        return context.window_manager.invoke_props_dialog(self, title="Bake", confirm_text="Bake")

    def draw(self, _context):
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "simplify")
        column = layout.column()
        column.active = self.simplify
        column.prop(self, "error")

    def run(self, context):
        speaker = chosen.named_head(context)
        with waiting(context):
            action = bake.bake(context, speaker, tolerance_mm=self.error if self.simplify else None)
        self.report({"INFO"}, f"Baked into {action.name}: {bake.n_keys(action)} keys")
        return {"FINISHED"}


class ECOFACE_OT_export(_OnHead, Operator, ExportHelper):
    """Write what the head does to a file for other programs, of the kind that the file's name ends in.
    What a script leaves out is taken from the panel"""

    bl_idname = "ecoface.export"
    bl_label = "Export Face"
    bl_options = {"REGISTER"}

    filename_ext = ".fbx"
    filter_glob: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    head: StringProperty(
        name="Head", description="Name of the head's object", options={"HIDDEN", "SKIP_SAVE"}
    )
    keys: _keys()
    jaw_bone: _jaw_bone()
    target: _target()
    animation_only: _animation_only()
    start: IntProperty(name="Start", description="First frame", options={"SKIP_SAVE"})
    end: IntProperty(name="End", description="Last frame", options={"SKIP_SAVE"})

    def invoke(self, context, event):
        kind = export.KINDS[context.scene.ecoface_export.kind]
        self.filename_ext, self.filter_glob = kind.suffix, f"*{kind.suffix}"
        self._by_click = True
        path = Path(self.filepath)
        if not self.filepath:
            folder = Path(bpy.data.filepath).parent if bpy.data.filepath else Path()
            path = folder / bpy.path.clean_name(chosen.named_head(context).name)
        known = path.suffix.lower() in {each.suffix for each in export.KINDS.values()}
        self.filepath: str = str(path.with_suffix("") if known else path) + kind.suffix
        return ExportHelper.invoke(self, context, event)

    def draw(self, context):
        draw_options(self.layout, context.scene.ecoface_export)

    def run(self, context):
        speaker = chosen.named_head(context, self.head)
        with waiting(context):
            written = export.write(
                context, speaker, self.filepath, self._options(context), settings=engine_settings(context)
            )
        self.report({"INFO"}, f"Wrote {written}")
        return {"FINISHED"}

    def _options(self, context: bpy.types.Context) -> export.Options:
        """What the script has said, else the panel."""
        panel, given = context.scene.ecoface_export, self.properties.is_property_set
        by_click = getattr(self, "_by_click", False)
        said = {
            name: getattr(self if given(name) and not by_click else panel, name)
            for name in ("keys", "jaw_bone", "target", "animation_only")
        }
        if not given("jaw_bone"):  # greyed in the panel where it means nothing
            said["jaw_bone"] &= said["keys"] != "ARKIT"
        start = end = None
        if panel.frames == "SCENE":
            start, end = scene_range(context.scene)
        return export.Options(
            start=self.start if given("start") else start, end=self.end if given("end") else end, **said
        )


def why_no_keys(context: bpy.types.Context) -> str | None:
    """Why there is nothing to bake or export, in one sentence."""
    speaker = chosen.chosen_head(context)
    if speaker is None:
        return chosen.why_no_head(context)
    if not evaluated.is_animated(speaker.data.shape_keys) and takes.played(speaker) is None:
        return f"Nothing moves '{speaker.name}' yet; generate lip sync first."
    return None


def scene_range(scene: bpy.types.Scene) -> tuple[int, int]:
    """First and last frame of the preview range if it is used, else of the scene."""
    if scene.use_preview_range:
        return scene.frame_preview_start, scene.frame_preview_end
    return scene.frame_start, scene.frame_end


def draw_options(layout: bpy.types.UILayout, group: bpy.types.PropertyGroup) -> None:
    """The options that mean something for the kind of file."""
    layout.use_property_split = True
    layout.use_property_decorate = False
    kind = export.KINDS[group.kind]
    if kind.has_keys:
        layout.prop(group, "keys")
        row = layout.row()
        row.active = group.keys != "ARKIT"  # its keys move the jaw themselves
        row.prop(group, "jaw_bone")
    if group.kind == "FBX":
        layout.prop(group, "target")
        layout.prop(group, "animation_only")
    layout.prop(group, "frames")


CLASSES = (EcoFaceExport, ECOFACE_OT_bake, ECOFACE_OT_export)

PROPERTIES = ((bpy.types.Scene, "ecoface_export", PointerProperty(type=EcoFaceExport)),)
