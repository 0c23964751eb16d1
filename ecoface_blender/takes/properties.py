"""The live controls that a take carries: whatever is moved shows at once, without the model."""

from typing import Any

import bpy
from bpy.props import FloatProperty, FloatVectorProperty, PointerProperty
from bpy.types import PropertyGroup

from ..animation import adjust
from ..errors import EcoFaceBlenderError
from . import adjusting, turns
from .adjusting import FACE, TURN


def _on_change(group: "TakeControls", _context: bpy.types.Context) -> None:
    try:
        adjusting.adjust(group.id_data)
    except EcoFaceBlenderError as error:
        print(f"EcoFace: {error}")  # a property has no other way to say it


def _on_target(speaker: bpy.types.Object, _context: bpy.types.Context) -> None:
    try:
        adjusting.look(speaker)
    except EcoFaceBlenderError as error:
        print(f"EcoFace: {error}")  # a property has no other way to say it


def _amount(name: str, what: str) -> Any:
    return FloatProperty(
        name=name,
        description=f"How much of the take's {what} is shown: 0 is none, 1 as it was made",
        min=0.0,
        max=2.0,
        default=1.0,
        precision=2,
        options=set(),
        update=_on_change,
    )


class TakeControls(PropertyGroup):
    """Live controls of one take."""

    jaw: _amount("Jaw", "jaw movement")
    lips: _amount("Lips", "movement of lips and cheeks")
    upper: _amount("Upper Face", "movement of brows, lids and nose")
    head_motion: _amount("Head Motion", "turns of the head")
    gaze: _amount("Gaze", "movement of the eyes")
    smoothing: FloatProperty(
        name="Smoothing",
        description="Average over this time; much of it keeps the mouth from closing",
        min=0.0,
        max=0.5,
        step=1,
        precision=3,
        subtype="TIME_ABSOLUTE",
        options=set(),
        update=_on_change,
    )
    offset: FloatProperty(
        name="Time Offset",
        description="Seconds by which the face is later than the sound",
        min=-10.0,
        max=10.0,
        soft_min=-0.5,
        soft_max=0.5,
        step=1,
        precision=3,
        options=set(),
        update=_on_change,
    )
    applied: FloatVectorProperty(
        description="The controls of the face for which the keys were computed",
        size=len(FACE),
        default=tuple(getattr(adjust.Settings(), name) for name in FACE),
        options={"HIDDEN"},
    )
    applied_turn: FloatVectorProperty(
        description="The controls of head and eyes for which the keys were computed",
        size=len(TURN),
        default=tuple(getattr(adjust.Settings(), name) for name in TURN),
        options={"HIDDEN"},
    )


CLASSES = (TakeControls,)

PROPERTIES = (
    (bpy.types.Action, "ecoface_take", PointerProperty(type=TakeControls)),
    (
        bpy.types.Object,
        turns.LOOK_AT,
        PointerProperty(
            type=bpy.types.Object,
            name="Look At",
            description="What the eyes look at, and the head a part of the way: another head, a camera, an "
            "empty. Press Update after it was moved",
            poll=lambda head, other: other != head,
            update=_on_target,
        ),
    ),
)
