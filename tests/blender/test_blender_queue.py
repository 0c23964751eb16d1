"""Several strips onto their heads in one go."""
# ruff: noqa: F811 (fixtures are imported by the names that the tests ask for)

import os
import time

import bpy
import numpy as np
import pytest
from blender_engine import (  # noqa: F401
    REFERENCE,
    context,
    preferences,
    refusal,
    speaker,
    troubled_python,
    voice,
)
from blender_support import small_head
from speaking_meshes import mesh_with_keys

from ecoface_blender import running
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.heads import own_head
from ecoface_blender.heads.key_names import ARKIT
from ecoface_blender.line_queue import queue
from ecoface_blender.sound import sequencer


@pytest.fixture(autouse=True)
def empty_queue(context):
    yield
    queue.abandon()


@pytest.fixture
def other(context, speaker):
    """A second head, and the first one the active."""
    other = own_head.add_head(context, small_head() | {"name": np.array(REFERENCE)}, "Ben")
    context.view_layer.objects.active = speaker
    return other


@pytest.fixture
def strips(context, voice):
    """Three selected strips: at frames 10, 100, 200."""
    made = [sequencer.add_sound_strip(context.scene, voice, frame) for frame in (10, 100, 200)]
    for strip in made:
        strip.select = True
    return made


def shown(context):
    return [(item.name, item.head, item.state) for item in context.window_manager.ecoface_queue]


def first_frames(speaker):
    return sorted(
        action.frame_range[0]
        for action in bpy.data.actions
        if f'"speaker": "{speaker.name}"' in action["ecoface"]
    )


def step_until(run, condition):
    while not condition():
        assert not run.step()
        time.sleep(0.01)


def test_a_strip_remembers_a_head_of_any_kind(context, speaker, strips):
    mesh = mesh_with_keys("Face", ARKIT)
    strips[0].ecoface_head = mesh
    context.view_layer.objects.active = speaker
    assert [queue.speaker_of(context, strip) for strip in strips[:2]] == [mesh, speaker]


def test_selected_strips_are_spoken_by_the_heads_that_they_remember(context, speaker, other, strips):
    strips[1].ecoface_head = other
    strips[2].select = False
    assert bpy.ops.ecoface.generate_strips() == {"FINISHED"}
    names = [strip.name for strip in strips]
    assert shown(context) == [(names[0], "Anna", "DONE"), (names[1], "Ben", "DONE")]
    assert (first_frames(speaker), first_frames(other)) == ([10], [100])
    assert "frames 100 to" in context.window_manager.ecoface_queue[1].sentence
    assert running.job is None and running.queue is None


def test_a_strip_remembers_its_head_in_the_file_until_it_is_deleted(context, other, strips, tmp_path):
    context.scene.ecoface.head = other
    assert bpy.ops.ecoface.assign_head() == {"FINISHED"}
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    strip = sequencer.sound_strips(bpy.context)[0]
    bpy.context.scene.ecoface.head = None
    assert strip.ecoface_head.name == queue.speaker_of(bpy.context, strip).name == "Ben"
    bpy.data.objects.remove(bpy.data.objects["Ben"])
    assert strip.ecoface_head is None and queue.speaker_of(bpy.context, strip).name == "Anna"


def test_a_line_that_fails_does_not_stop_the_others_and_is_retried(context, speaker, strips):
    strips[1].mute = True
    assert bpy.ops.ecoface.generate_strips() == {"FINISHED"}
    assert [state for *_, state in shown(context)] == ["DONE", "FAILED", "DONE"]
    assert "is muted" in context.window_manager.ecoface_queue[1].sentence
    assert first_frames(speaker) == [10, 200]
    strips[1].mute = False
    assert bpy.ops.ecoface.queue_retry() == {"FINISHED"}
    assert [state for *_, state in shown(context)] == ["DONE"] * 3
    assert first_frames(speaker) == [10, 100, 200]
    assert "No line has failed" in refusal(bpy.ops.ecoface.queue_retry)


def test_where_every_line_fails_the_script_is_told(context, speaker, strips):
    for strip in strips:
        strip.mute = True
    sentence = refusal(bpy.ops.ecoface.generate_strips)
    assert "0 lines done, 3 failed" in sentence and "is muted" in sentence


@pytest.mark.slow
def test_a_crashing_line_fails_and_the_others_are_done(context, preferences, speaker, strips, tmp_path):
    preferences.python = str(troubled_python(tmp_path, crashes=2))
    bpy.ops.ecoface.generate_strips()
    assert [state for *_, state in shown(context)] == ["FAILED", "DONE", "DONE"]
    assert "Again: The engine ended unexpectedly" in context.window_manager.ecoface_queue[0].sentence


def test_lines_are_added_removed_and_cleared_while_others_are_spoken(context, speaker, other, strips):
    queue.add(context, strips[:2])
    run = queue.start()
    step_until(run, lambda: [state for *_, state in shown(context)] == ["WORKING", "WAITING"])
    queue.add(context, [*strips[:2], strips[2]])
    assert [strip for strip, *_ in shown(context)] == [s.name for s in (strips[0], strips[1], strips[2])]
    assert run.stage.startswith("Line 1 of 3: ") and 0 <= run.fraction < 1
    context.window_manager.ecoface_queue_index = 0
    bpy.ops.ecoface.queue_remove()
    assert [state for *_, state in shown(context)] == ["WAITING", "WAITING"] and running.job is None
    step_until(run, lambda: shown(context)[0][2] == "WORKING")
    bpy.ops.ecoface.queue_clear()
    assert [state for *_, state in shown(context)] == ["WORKING"]
    step_until(run, lambda: shown(context)[0][2] == "DONE")
    assert run.step() and not run.failed and run.summary() == "1 line done"
    queue.end(run)
    assert len(bpy.data.actions) == 1


def test_cancelling_gives_up_all_lines_at_once(context, speaker, strips):
    queue.add(context, strips)
    run = queue.start()
    step_until(run, lambda: running.job)  # its short line may be done a moment later
    folder, begun = running.job.folder.name, time.monotonic()
    bpy.ops.ecoface.cancel()
    with pytest.raises(EcoFaceBlenderError, match="Cancelled"):
        run.step()
    queue.end(run)
    assert time.monotonic() - begun < 0.5
    assert [state for *_, state in shown(context)] == ["FAILED"] * 3
    assert not bpy.data.actions and not running.job
    assert not os.path.exists(folder)


def test_an_undo_costs_the_line_that_is_spoken_and_the_others_go_on(context, speaker, strips):
    bpy.ops.ed.undo_push(message="before")
    bpy.data.objects.new("artist", None)
    bpy.ops.ed.undo_push(message="artist")
    queue.add(context, strips[:2])
    run = queue.start()
    step_until(run, lambda: running.job)
    bpy.ops.ed.undo()
    step_until(run, lambda: shown(context)[1][2] == "DONE")
    assert "An undo or redo" in context.window_manager.ecoface_queue[0].sentence
    queue.end(run)


def test_each_line_is_one_undo_step(context, speaker, strips):
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.ecoface.generate_strips()
    bpy.ops.ed.undo()
    assert first_frames(bpy.data.objects["Anna"]) == [10, 100]


def test_another_file_ends_the_queue(context, speaker, strips):
    queue.add(context, strips)
    run = queue.start()
    run.step()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert queue.lines == [] and running.queue is None and running.job is None
    assert shown(bpy.context) == []


def test_a_strip_without_a_head_and_nothing_selected_are_sentences(context, voice):
    strip = sequencer.add_sound_strip(context.scene, voice, 1)
    strip.select = True
    assert "Expected a head for each strip" in refusal(bpy.ops.ecoface.generate_strips)
    strip.select = False
    assert "Select sound strips in the sequencer first" in refusal(bpy.ops.ecoface.generate_strips)
    assert "Add a head" in refusal(bpy.ops.ecoface.assign_head)
