"""A line under way: how far it is, and every way in which it may be ended."""
# ruff: noqa: F811 (fixtures are imported by the names that the tests ask for)

import os
import time
from types import SimpleNamespace

import bpy
import pytest
from blender_engine import (  # noqa: F401
    context,
    long_voice,
    preferences,
    refusal,
    speaker,
    start,
    step_to_stage,
    step_to_the_end,
    troubled_python,
    voice,
)

from ecoface_blender import running
from ecoface_blender.engine import engine
from ecoface_blender.engine import job as engine_job
from ecoface_blender.engine.settings import EngineSettings
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.generate import generation
from ecoface_blender.ui import cancellation, eta, watching


def assert_nothing_is_left(job):
    assert running.job is None and not os.path.exists(job.folder.name)
    assert not bpy.data.actions


@pytest.mark.parametrize("change", ["deleted", "taken out", "renamed"])
def test_a_head_that_is_gone_meanwhile_is_one_sentence(context, speaker, voice, change):
    job = start(context, sound=str(voice))
    if change == "deleted":
        bpy.data.objects.remove(speaker)
    elif change == "taken out":
        context.scene.collection.objects.unlink(speaker)
    else:
        speaker.name = "Berta"
    with pytest.raises(EcoFaceBlenderError, match="The head 'Anna' is gone"):
        step_to_the_end(job)
    running.end(job)
    assert_nothing_is_left(job)


@pytest.mark.parametrize("change", ["undo", "redo"])
def test_an_undo_ends_the_line_with_one_sentence(context, speaker, voice, change):
    for name in ("one", "two"):
        bpy.data.objects.new(name, None)
        bpy.ops.ed.undo_push(message=name)
    if change == "redo":
        bpy.ops.ed.undo()
    job = start(context, sound=str(voice))
    getattr(bpy.ops.ed, change)()
    with pytest.raises(EcoFaceBlenderError, match="An undo or redo has changed the scene meanwhile"):
        job.step()
    running.end(job)
    assert_nothing_is_left(job)


def test_another_file_ends_the_line_with_one_sentence_and_can_be_used(preferences, context, speaker, voice):
    job = start(context, sound=str(voice))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert job.stopped == cancellation.OPENED and not job.cancelled
    with pytest.raises(EcoFaceBlenderError, match="Another file was opened meanwhile"):
        job.step()
    running.end(job)
    assert_nothing_is_left(job)


def test_blender_ending_the_operator_is_told(context, speaker, voice, capsys):
    """As when the window is closed: a modal operator's `cancel`, which no script can call."""
    job = start(context, sound=str(voice))
    operator = SimpleNamespace(_job=job, end_job=running.end)
    watching.Watching.cancel(operator, context)
    assert_nothing_is_left(job)
    assert running.failure == cancellation.WINDOW_CLOSED
    assert cancellation.WINDOW_CLOSED in capsys.readouterr().out


def test_a_second_line_waits_for_the_first(context, speaker, voice):
    job = start(context, sound=str(voice))
    assert "A line is being generated" in refusal(bpy.ops.ecoface.generate, sound=str(voice))
    step_to_the_end(job)
    running.end(job)
    assert bpy.ops.ecoface.generate(sound=str(voice)) == {"FINISHED"}


def test_a_cancelled_line_ends_at_once_and_leaves_nothing_and_the_next_one_works(
    context, speaker, voice, long_voice
):
    job = start(context, sound=str(long_voice))
    step_to_stage(job, "Animating")
    begun = time.monotonic()
    bpy.ops.ecoface.cancel()
    with pytest.raises(EcoFaceBlenderError, match="Cancelled"):
        job.step()
    running.end(job)
    assert time.monotonic() - begun < 0.5
    assert_nothing_is_left(job)
    assert bpy.ops.ecoface.generate(sound=str(voice)) == {"FINISHED"}
    assert not os.path.exists(job.folder.name), "nor does the engine leave anything later"


def test_an_engine_that_crashes_once_is_started_again_and_the_line_done(
    context, preferences, speaker, voice, tmp_path
):
    preferences.python = str(troubled_python(tmp_path, crashes=1))
    assert bpy.ops.ecoface.generate(sound=str(voice)) == {"FINISHED"}
    assert speaker.data.shape_keys.animation_data.action and not running.failure


@pytest.mark.slow
def test_an_engine_that_crashes_twice_is_one_sentence(context, preferences, speaker, voice, tmp_path):
    preferences.python = str(troubled_python(tmp_path, crashes=3))
    sentence = refusal(bpy.ops.ecoface.generate, sound=str(voice))
    assert "Again: The engine ended unexpectedly (exit code 9" in sentence
    assert (tmp_path / "crashes").read_text() == "1"
    assert running.failure in sentence and not bpy.data.actions


def test_where_the_graphics_card_is_full_the_cpu_takes_over_with_a_warning(
    context, preferences, speaker, voice, tmp_path
):
    preferences.python, preferences.device = str(troubled_python(tmp_path)), "cuda"
    for _ in range(2):  # the second line does not try the card again
        job = start(context, sound=str(voice))
        step_to_the_end(job)
        result = generation.finish(context, job)
        running.end(job)
        assert bpy.data.actions
        if _ == 0:
            assert job.warnings == [engine_job.CPU_INSTEAD] and engine_job.CPU_INSTEAD in result
    assert not job.warnings and engine.device(EngineSettings(device="cuda")) == "cpu"
    engine.close()
    assert engine.device(EngineSettings(device="cuda")) == "cuda"


def test_percentage_and_time_left_follow_what_was_measured():
    now = [0.0]
    eta.pace.loading, eta.pace.window = 8.0, 1.0
    line = eta.Eta(cold=True, clock=lambda: now[0])
    assert line.fraction == 0 and line.seconds_left == 9
    now[0] = 4.0
    assert line.seconds_left == 5 and line.fraction == pytest.approx(4 / 9)
    now[0] = 12.0  # longer than ever
    assert line.seconds_left is None and line.fraction == pytest.approx(4 / 9)
    line.loaded()
    line.windows(0, 4)
    assert line.seconds_left == 4 and line.fraction == pytest.approx(12 / 16)
    now[0] = 14.0
    line.windows(1, 4)
    assert line.seconds_left == 6, "as fast as this line itself"
    assert line.fraction == pytest.approx(12 / 16), "a bar does not go back"
    now[0] = 20.0
    line.finished()
    assert (eta.pace.loading, eta.pace.window) == (12.0, 2.0)
    assert eta.Eta(cold=False, clock=lambda: now[0]).seconds_left == 2.0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0.3, "a moment left"), (12.4, "12 s left"), (240.0, "4 min left")],
)
def test_time_left_is_said_for_people(seconds, text):
    assert eta.time_left(seconds) == text


def test_escape_counts_over_a_sidebar_that_shows_the_panels():
    sidebar = SimpleNamespace(type="UI", x=900, y=20, width=300, height=700, active_panel_category="EcoFace")
    view = SimpleNamespace(type="WINDOW", x=0, y=20, width=1200, height=700)
    area = SimpleNamespace(type="VIEW_3D", regions=[view, sidebar])
    window = SimpleNamespace(screen=SimpleNamespace(areas=[area]))

    def over(x, y):
        return watching.over_sidebar(window, SimpleNamespace(mouse_x=x, mouse_y=y))

    assert over(900, 20) and over(1199, 719)
    assert not over(899, 300) and not over(1200, 300) and not over(1000, 719 + 1)
    sidebar.active_panel_category = "Item"
    assert not over(1000, 300)


def test_progress_is_one_line_of_text(context, speaker, voice):
    job = start(context, sound=str(voice))
    assert watching.progress_text(job).startswith("Starting the engine 0%")
    step_to_the_end(job)
    assert " left" in watching.progress_text(job) or watching.progress_text(job).endswith("%")
    running.end(job)
