"""The preferences: files and engine of this machine, the same for every shot."""

from bpy.props import IntProperty, StringProperty
from bpy.types import AddonPreferences

from .engine import engine
from .engine import tasks as engine_tasks
from .engine.interpreter import installed_engine
from .engine.settings import engine_settings
from .package import PACKAGE
from .ui import translations
from .ui.layout import draw_sentence

EMPTY = {
    "python": "Automatic",
    "model": "Shipped with EcoFace",
    "flame": "Shipped with EcoFace",
    "device": "Automatic",
}
"""Fields, and what is written into them while they are empty: nothing has to be filled in."""


class EcoFacePreferences(AddonPreferences):
    """The engine and the files it uses; the same for every shot on this machine."""

    bl_idname = PACKAGE

    python: StringProperty(
        name="Python",
        description="A Python 3.11 or newer with PyTorch, or the folder of its environment. "
        "Leave empty for ECOFACE_PYTHON, the graphics card's, or the engine that is built in",
        subtype="FILE_PATH",
    )
    model: StringProperty(
        name="Model",
        description="A model file (.safetensors). Leave empty for the model that ships with EcoFace",
        subtype="FILE_PATH",
    )
    flame: StringProperty(
        name="FLAME Head",
        description="Your FLAME model (.pkl), which Add Head then adds. "
        "Leave empty for the head that ships with EcoFace",
        subtype="FILE_PATH",
    )
    device: StringProperty(
        name="Device",
        description="Where PyTorch computes, such as cpu or cuda:1. Leave empty for the fastest there is",
    )
    idle_minutes: IntProperty(
        name="Unload When Idle",
        description="Minutes without work after which the engine ends and gives its memory back; 0 keeps it",
        min=0,
        max=24 * 60,
        soft_max=60,
        default=10,
    )
    wheels: StringProperty(
        name="Wheel Folder",
        description="The only place where Use a Graphics Card finds its packages, without network. "
        "Leave empty to download them",
        subtype="DIR_PATH",
    )
    index: StringProperty(
        name="Package Index",
        description="Address of the only index that Use a Graphics Card downloads from. Leave empty for PyPI",
    )

    def draw(self, context):
        """Paths, the engine, its installation."""
        layout = self.layout
        layout.use_property_split = True
        for name, empty in EMPTY.items():
            layout.prop(self, name, placeholder=empty)
        layout.prop(self, "idle_minutes", text="Unload When Idle (min)")
        if described := engine.describe(engine_settings(context)):
            layout.label(text=translations.sentence("Engine: {engine}", engine=described), icon="SYSTEM")
        row = layout.row(align=True)
        row.operator("ecoface.check_engine", icon="CHECKMARK")
        if engine.is_running():
            row.operator("ecoface.unload_engine")
        else:
            row.operator("ecoface.start_engine")
        if engine_tasks.check:
            layout.label(text=f"{translations.sentence(engine_tasks.check.stage)} ...", icon="SORTTIME")
        column = layout.column(align=True)
        for line in engine_tasks.report:
            column.label(text=line)
        self._draw_installation(layout)
        for sentence, icon in ((engine_tasks.failure, "ERROR"), (engine_tasks.success, "CHECKMARK")):
            if sentence:
                draw_sentence(layout, context, sentence, icon=icon)

    def _draw_installation(self, layout):
        layout.separator()
        layout.prop(self, "wheels", placeholder="None")
        row = layout.row()
        row.enabled = not self.wheels
        row.prop(self, "index", placeholder="PyPI")
        job = engine_tasks.installation
        if job is None:
            row = layout.row(align=True)
            row.operator("ecoface.install_engine", icon="IMPORT")
            if installed_engine().is_dir():
                row.operator("ecoface.remove_engine", icon="TRASH")
            return
        row = layout.row(align=True)
        row.label(text=f"{translations.sentence(job.stage)} ...", icon="SORTTIME")
        row.operator("ecoface.cancel_install", icon="CANCEL")
        box = layout.box().column(align=True)
        box.scale_y = 0.8
        for line in list(job.log):
            box.label(text=line[:160])


CLASSES = (EcoFacePreferences,)
