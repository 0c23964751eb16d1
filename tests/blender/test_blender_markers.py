"""Phones as markers: where the m is, at the scene's rate and the strip's place; and away again."""
# ruff: noqa: F811 (fixtures)

import bpy
import numpy as np
import pytest
from blender_engine import context, preferences, speaker  # noqa: F401
from blender_support import receive_take, talking_motion

from ecoface_blender.engine.settings import EngineSettings
from ecoface_blender.heads import face_kinds
from ecoface_blender.request import GenerationRequest
from ecoface_blender.takes import markers, takes

pytestmark = pytest.mark.blender_version

NAMES = ["SIL", "M", "AA", "S"]
SAID = ["SIL"] * 10 + ["M"] * 5 + ["AA"] * 10 + ["S"] * 1 + ["AA"] * 4 + ["M"] * 4 + ["SIL"] * 6


def give_take(speaker, first_frame=1.0, said=SAID):
    """A line at 25 fps of which the phones are known."""
    line = GenerationRequest(
        scene=bpy.context.scene.name,
        speaker=speaker.name,
        head=face_kinds.known_rig(speaker).coefficients(EngineSettings()),
        sound="/hello.wav",
        first_frame=first_frame,
    )
    phones = np.full((len(said), len(NAMES)), 20, np.uint8)
    phones[np.arange(len(said)), [NAMES.index(name) for name in said]] = 190
    story = {"style": "anna", "phones": NAMES}
    takes.receive(
        bpy.context,
        line,
        talking_motion(len(said)),
        25,
        np.eye(50),
        story,
        phones,
    )


def marked(scene):
    return [(each.name, each.frame) for each in sorted(scene.timeline_markers, key=lambda m: m.frame)]


@pytest.mark.parametrize(("fps", "first"), [(25, 1.0), (50, 101.0), (24, 10.5)])
def test_each_phone_is_marked_where_it_begins(context, speaker, fps, first):
    context.scene.render.fps = fps
    give_take(speaker, first)
    assert bpy.ops.ecoface.mark_phones() == {"FINISHED"}
    begins = [("M", 10), ("AA", 15), ("S", 25), ("AA", 26), ("M", 30)]
    assert marked(context.scene) == [(name, round(first + at / 25 * fps)) for name, at in begins]


@pytest.mark.parametrize(("fps", "first"), [(25, 1.0), (50, 101.0)])
def test_each_phrase_is_marked_where_it_begins_and_ends(context, speaker, fps, first):
    context.scene.render.fps = fps
    said = SAID + SAID[10:20] + ["SIL"] * 3 + ["M"] * 6  # 6 frames of silence part phrases, 3 do not
    give_take(speaker, first, said)
    bpy.ops.ecoface.mark_phones()
    assert bpy.ops.ecoface.mark_phones(phrases=True) == {"FINISHED"}
    ends = [("phrase 1", 10), ("phrase 1 end", 34), ("phrase 2", 40), ("phrase 2 end", 59)]
    assert marked(context.scene) == [(name, round(first + at / 25 * fps)) for name, at in ends]
    bpy.ops.ecoface.unmark_phones()
    assert not context.scene.timeline_markers


def test_marking_again_and_removing_leave_others_alone(context, speaker):
    give_take(speaker)
    context.scene.timeline_markers.new("cut", frame=7)
    bpy.ops.ecoface.mark_phones()
    bpy.ops.ecoface.mark_phones(closing=True)
    assert marked(context.scene) == [("cut", 7), ("M", 11), ("M", 30)]
    bpy.ops.ecoface.unmark_phones()
    assert marked(context.scene) == [("cut", 7)]


def test_a_take_without_phones_is_said(context, speaker):
    receive_take(speaker, talking_motion(20))
    with pytest.raises(RuntimeError, match="tells no phones; press Regenerate Take"):
        bpy.ops.ecoface.mark_phones()
    assert not context.scene.timeline_markers


def test_pauses_are_runs_too():
    shares = np.eye(4)[[NAMES.index(name) for name in SAID]]
    found = markers.runs(shares, NAMES)
    assert found[:2] == [("SIL", 0), ("M", 10)] and found[-1] == ("SIL", 34) and len(found) == 7
    assert markers.runs(shares[:1], NAMES) == [("SIL", 0)]
