"""The panel keeps its height: whatever is chosen, under way or wrong, no row comes or goes."""
# ruff: noqa: F811 (fixtures)

import bpy
import pytest
from blender_engine import context, preferences, speaker, start, step_to_the_end, voice  # noqa: F401
from blender_support import receive_take, talking_motion
from drawn_panel import Layout, laid_out

import ecoface_blender
from ecoface_blender import running
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.generate import panel as panels
from ecoface_blender.heads import own_head
from ecoface_blender.takes import panel as takes_panel
from ecoface_blender.takes import takes
from ecoface_blender.ui import layout as layouts
from ecoface_blender.ui import message, watching

pytestmark = pytest.mark.blender_version

STILL = (
    "speech", "variation", "emotion_track", "emotion_amount", "voice_baseline", "takes", "edits", "adjust",
    "queue",
)  # fmt: skip
"""Panels that stay as they are; those of the export and the mapping show what was chosen there."""


def heights(context):
    classes = {cls.__name__.removeprefix("ECOFACE_PT_"): cls for cls in ecoface_blender.PANELS}
    found = {name: laid_out(classes[name], context) for name in STILL}
    assert None not in found.values(), "no panel comes or goes"
    return {name: layout.height for name, layout in found.items()}


def told(context):
    layout = laid_out(panels.ECOFACE_PT_speech, context)
    return next(each[3]["text"] for each in layout.shown if each[1] == "ecoface.message")


def test_no_row_comes_or_goes_from_an_empty_scene_to_a_take(context, voice):
    usual = heights(context)
    assert told(context) == "Add a head, or choose the one to speak."
    speaker = own_head.add_head(context, own_head.load_head(), "Anna")
    assert heights(context) == usual
    settings = context.scene.ecoface
    for choice in ("sad", "FILE", "STRIP", "HEAD", "TRACK", "SPEECH"):
        settings.emotion_menu = choice
        assert heights(context) == usual, choice
    settings.sound_from, settings.sound = "FILE", str(voice)
    assert heights(context) == usual
    receive_take(speaker, talking_motion(40))
    bpy.ops.ecoface.layer_add()
    assert takes.played(speaker) and heights(context) == usual
    line = context.window_manager.ecoface_queue.add()
    line.name, line.sentence = "hello.wav", "It could not be read. " * 20
    assert heights(context) == usual
    context.window_manager.ecoface_queue.clear()
    bpy.ops.ecoface.key_emotion(emotion="happy", frame=3)
    context.scene.frame_start, context.scene.frame_end = 900, 950
    assert heights(context) == usual


def test_progress_and_failures_stand_where_they_always_do(context, speaker, voice, monkeypatch):
    usual = heights(context)
    job = start(context, sound=str(voice))
    try:
        assert heights(context) == usual
        shown = [each[1] for each in laid_out(panels.ECOFACE_PT_speech, context).shown]
        assert "ecoface.cancel" in shown and "ecoface.generate" not in shown
    finally:
        step_to_the_end(job)
        running.end(job, "")
    context.scene.ecoface.sound_from, context.scene.ecoface.sound = "FILE", str(voice)
    monkeypatch.setattr(running, "failure", "The engine ended. " * 60)
    assert heights(context) == usual
    assert told(context).startswith("The engine ended.")


def test_a_long_message_is_cut_and_told_whole_by_its_button(context):
    layout = layouts_layout(context, "one two three four five " * 40)
    labels = [each[1] for each in layout.shown if each[0] == "label"]
    assert len(labels) == layouts.MESSAGE_LINES and labels[-1].endswith(" ...")
    button = next(each for each in layout.shown if each[1] == "ecoface.message")
    assert button[3]["text"] == "one two three four five " * 40
    assert button in layout.usable
    nothing = layouts_layout(context, "")
    assert nothing.height == layout.height and not [e for e in nothing.usable if e[0] == "operator"]


def layouts_layout(context, text):
    layouts.draw_message(layout := Layout(), context, text, "INFO")
    return layout


def test_the_tooltip_of_a_message_is_the_message():
    class Given:
        text = "The engine ended."

    assert message.ECOFACE_OT_message.description(None, Given) == "The engine ended"


def test_what_regenerate_touches_is_said_before(context, speaker):
    receive_take(speaker, talking_motion(100))
    scene = context.scene
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 40, 60
    layout = laid_out(takes_panel.ECOFACE_PT_takes, context)
    button = next(each for each in layout.shown if each[1] == "ecoface.take_range")
    assert button[2] == "Regenerate Frames 40 to 60"
    said = next(each[3]["text"] for each in layout.shown if each[1] == "ecoface.message")
    assert said == "Take, Swap: frames 1 to 96, with its own or the panel's emotion. Range: only 40 to 60."
    scene.frame_preview_start, scene.frame_preview_end = 400, 600
    layout = laid_out(takes_panel.ECOFACE_PT_takes, context)
    said = next(each[3]["text"] for each in layout.shown if each[1] == "ecoface.message")
    assert "outside" in said


def test_each_amount_stands_once(context, speaker):
    receive_take(speaker, talking_motion(40))
    names = []
    for cls in ecoface_blender.PANELS:
        if cls.__name__ in ("ECOFACE_PT_mapping", "ECOFACE_PT_emotion_weights"):
            continue
        layout = laid_out(cls, context) if issubclass(cls, bpy.types.Panel) else None
        shown = layout.shown if layout else []
        names += [each[2] for each in shown if each[0] == "prop" and each[1] in AMOUNTS]
    assert sorted(names) == sorted(set(names)) and len(names) == 11


AMOUNTS = (
    "intensity", "strength", "upper", "mouth", "jaw", "lips", "smoothing", "offset", "transition",
    "temperature",
)  # fmt: skip


def test_takes_stand_in_the_order_in_which_they_were_made(context, speaker):
    for name in ("zebra", "apple", "mango"):
        receive_take(speaker, talking_motion(20))
        takes.played(speaker).name = name
    assert [take.name for take in takes.takes_of(speaker)] == ["zebra", "apple", "mango"]
    bpy.ops.ecoface.take_duplicate()
    copy = takes.played(speaker)
    assert takes.takes_of(speaker)[-1] == copy
    listed = takes_panel.ECOFACE_UL_takes
    fake = type("List", (), {"bitflag_filter_item": 1 << 30})()
    flags, places = listed.filter_items(fake, context, bpy.data, "actions")
    mine = [name for _, name in sorted(zip(places, [a.name for a in bpy.data.actions], strict=True))]
    assert [n for n in mine if n in ("zebra", "apple", "mango")] == ["zebra", "apple", "mango"]
    assert all(flags) and mine[-1] == copy.name
    takes.play(speaker, bpy.data.actions["apple"])
    bpy.ops.ecoface.take_delete()
    assert takes.played(speaker).name == "zebra", "the one that was made before it"
    bpy.ops.ecoface.take_delete()
    assert takes.played(speaker).name == "mango"


def test_a_list_row_tells_the_take_s_number_and_lets_it_be_renamed(context, speaker):
    for _ in range(2):
        receive_take(speaker, talking_motion(20))
    rows = []
    for take in takes.takes_of(speaker):
        row = Layout()
        takes_panel.ECOFACE_UL_takes.draw_item(None, context, row, None, take, 0, None, "", 0)
        rows.append(row.shown)
    assert [row[0] for row in rows] == [("label", "1"), ("label", "2")]
    assert all(row[1][:2] == ("prop", "name") for row in rows)


class Clicked(watching.Watching):
    """An operator whose job fails."""

    def __init__(self):
        self.said, self._job, self.cancelled = [], self, False

    def report(self, kinds, sentence):
        self.said.append((kinds, sentence))

    def step(self):
        raise EcoFaceBlenderError("Expected a voice, found none.")

    def end_job(self, _job, why):
        running.fail(why)


def test_what_went_wrong_after_a_click_stands_in_the_panel_and_in_no_pop_up(context, speaker, voice):
    operator, tick = Clicked(), type("Event", (), {"type": "TIMER", "value": "NOTHING"})
    try:
        assert operator.modal(context, tick) == {"CANCELLED"}
        assert operator.said == [({"WARNING"}, "Expected a voice, found none.")], "of an error, one pops up"
        context.scene.ecoface.sound_from, context.scene.ecoface.sound = "FILE", str(voice)
        assert told(context) == "Expected a voice, found none."
    finally:
        running.fail("")
