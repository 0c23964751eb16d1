"""What the artist sets for this shot: the scene's properties."""

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)
from bpy.types import PropertyGroup

from ..animation.emotion_keys import EMOTION_ITEMS
from ..core.constants import DEFAULT_INTENSITY, LONGEST_IDLE
from ..core.emotion_label import TURN
from ..emotion import choice as emotion_choice
from ..emotion import reference as emotion_reference
from ..emotion.operator_properties import strength_property
from ..engine import engine
from ..engine.settings import engine_settings
from ..heads import finding
from ..sound import sequencer
from .sound_choice import SoundChoice

_FINE = {"step": 10, "precision": 2}
_items: dict[tuple[str, ...], list[tuple[str, str, str, int]]] = {}
"""Blender does not keep the texts of a dynamic enum alive, so we do."""


def style_items(_settings, context):
    """The speaker styles of the model that the preferences name."""
    names = engine.styles(engine_settings(context).model) or ("no model",)
    if names not in _items:
        _items[names] = [(name, name.replace("_", " ").title(), "", i) for i, name in enumerate(names)]
    return _items[names]


def _style_index(settings):
    names = engine.styles(engine_settings(bpy.context).model)
    return names.index(settings.style_name) if settings.style_name in names else 0


def _choose_style(settings, index):
    settings.style_name = engine.styles(engine_settings(bpy.context).model)[index]


def idle_property(**more):
    """How long a face lives on after a line; `more` is for Blender's FloatProperty."""
    return FloatProperty(
        name="Idle",
        description=(
            "Seconds after the sound in which the expression fades and the face rests and breathes; it also "
            "comes out of rest in a moment before the sound, then"
        ),
        min=0.0,
        max=LONGEST_IDLE,
        soft_max=10.0,
        step=10,
        precision=1,
        subtype="TIME_ABSOLUTE",
        **more,
    )


class EcoFaceSettings(PropertyGroup):
    """What to generate in this scene."""

    head: PointerProperty(
        name="Head",
        description="The head that speaks: EcoFace's, FLAME's, one with ARKit's or other known shape keys, "
        "or its armature. Leave empty for the active head, or the only one in the scene",
        type=bpy.types.Object,
        poll=lambda _settings, candidate: finding.speaking_mesh(candidate) is not None,
    )
    sound_from: EnumProperty(
        name="Sound",
        description="Where the voice comes from",
        items=[
            ("STRIP", "Strip", "A sound strip of the sequencer, as far as it is heard", "SEQUENCE", 0),
            ("FILE", "File", "A sound file, from the first frame of the scene", "FILE_SOUND", 1),
        ],
    )
    strip: StringProperty(
        name="Strip",
        description="The strip to speak, a sound or a movie. Leave empty for the active one, or the only one",
        search=lambda _settings, context, _text: [
            (strip.name, sequencer.place(strip)) for strip in sequencer.voice_strips(context)
        ],
    )
    sound: StringProperty(
        name="File",
        description="A recorded voice: wav, flac, ogg, mp3, m4a, or a video with sound",
        subtype="FILE_PATH",
        update=lambda settings, _context: settings.property_unset("choice"),
    )
    choice: PointerProperty(
        name="Choice", description="Which soundtrack and channel of the file is heard", type=SoundChoice
    )
    style_name: StringProperty(
        description="The style by its name: its place in the list changes with the model"
    )
    style: EnumProperty(
        name="Style",
        description="The speaker whose way of moving the face is used",
        items=style_items,
        get=_style_index,
        set=_choose_style,
    )
    emotion_menu: EnumProperty(
        name="Emotion",
        description="The emotion of the next take",
        items=emotion_choice.ITEMS,
        get=emotion_choice.index,
        set=emotion_choice.choose,
    )
    emotion_from: EnumProperty(
        name="Emotion",
        description="Where the emotion comes from",
        items=[
            ("SPEECH", "From the Speech", "The emotion that is heard in the voice itself", "SPEAKER", 0),
            ("LABEL", "Label", "An emotion by its name, as strong as you like", "BOOKMARKS", 1),
            (
                "REFERENCE",
                "Reference",
                "The mood of another recording or performance, whatever it says and how long it is",
                "ACTION",
                2,
            ),
            (
                "TRACK",
                "Track",
                "Emotions that are keyed on the head and give way to one another",
                "KEYFRAME",
                3,
            ),
        ],
    )
    emotion: EnumProperty(
        name="Emotion", description="The emotion to show", items=EMOTION_ITEMS, default="happy"
    )
    intensity: FloatProperty(
        name="Intensity",
        description="How strong the chosen emotion is, or the next one that is keyed: 0 is none at all, "
        "1 plain, 2 strong. Shows in the next take",
        min=0.0,
        max=2.0,
        default=DEFAULT_INTENSITY,
        step=10,
        precision=2,
    )
    transition: FloatProperty(
        name="Transition",
        description="Seconds over which the emotion before gives way to the one that is keyed",
        min=0.0,
        soft_max=3.0,
        default=TURN,
        step=10,
        precision=2,
        subtype="TIME_ABSOLUTE",
    )
    reference_from: EnumProperty(
        name="Reference",
        description="What shows the emotion",
        items=[
            ("FILE", "File", "A sound, a movie, or a face tracker's coefficients (.npz)", 0),
            ("STRIP", "Strip", "A sound or movie strip of the sequencer, as far as it is heard", 1),
            ("HEAD", "Head", "What a head of this file does now: its take, or its keyframes", 2),
        ],
    )
    reference_file: StringProperty(
        name="File",
        description="A sound or movie whose emotion is heard, or an .npz of a performance, which is seen",
        subtype="FILE_PATH",
    )
    reference_strip: StringProperty(
        name="Strip",
        description="The sound or movie strip whose emotion is heard",
        search=lambda _settings, context, _text: [strip.name for strip in emotion_reference.strips(context)],
    )
    reference_head: PointerProperty(
        name="Head",
        description="The head whose performance shows the emotion",
        type=bpy.types.Object,
        poll=lambda _settings, candidate: finding.speaking_mesh(candidate) is not None,
    )
    strength: strength_property(
        "Whole Face", "The emotion all over, as far as the model knows a stronger one", step=10, precision=2
    )
    upper: strength_property(
        "Brows and Eyes", "What the emotion does to brows, lids and nose", step=10, precision=2
    )
    mouth: strength_property(
        "Mouth and Cheeks",
        "What the emotion does to cheeks, lips and jaw; the words stay",
        step=10,
        precision=2,
    )
    seed: IntProperty(
        name="Seed",
        description="Another seed gives another performance of the same line; the same seed the same again. "
        "Shows in the next take",
        min=0,
    )
    temperature: FloatProperty(
        name="Randomness",
        description="How far one performance may be from another: 0 gives the same for every seed; shows in "
        "the next take",
        min=0.0,
        max=2.0,
        default=1.0,
        step=10,
        precision=2,
    )
    live_preview: BoolProperty(
        name="Live Preview",
        description="Play what is ready of the line while the rest is still being computed",
        default=True,
    )
    idle: idle_property()
    add_strip: BoolProperty(
        name="Add Strip",
        description="Also add the sound file to the sequencer, where the face speaks it",
        default=True,
    )
    extend_frames: BoolProperty(
        name="Extend Scene",
        description="Where the scene ends before the line does, let it go on to the line's end",
        default=True,
    )


CLASSES = (EcoFaceSettings,)

PROPERTIES = ((bpy.types.Scene, "ecoface", PointerProperty(type=EcoFaceSettings)),)
