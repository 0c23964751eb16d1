"""How a voice usually sounds, in Blender: made of a head's lines, kept with it and used from then on."""
# ruff: noqa: F811 (fixtures are imported by the names that the tests ask for)

import bpy
import numpy as np
import pytest
from blender_engine import (  # noqa: F401
    RATE,
    REFERENCE,
    context,
    preferences,
    refusal,
    speaker,
    voice,
)
from blender_support import small_head, write_sound
from drawn_panel import drawn
from heard_voices import heard_of, metadata_of

from ecoface_blender.emotion import voice_baseline
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.heads import own_head
from ecoface_blender.listening import panel as panels_listening
from ecoface_blender.sound import sequencer
from ecoface_blender.takes import stored, takes


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """Six lines of one voice, which differ."""
    folder, t = tmp_path_factory.mktemp("lines"), np.arange(2 * RATE) / RATE
    return [
        write_sound(
            folder / f"line {n}.wav",
            0.4 * np.sin(2 * np.pi * (120 + 40 * n) * t) * np.sin(2 * np.pi * (2 + 0.3 * n) * t) ** 2,
        )
        for n in range(6)
    ]


@pytest.fixture
def strips(context, lines):
    """Their strips, two and a half seconds from one to the next."""
    return [sequencer.add_sound_strip(context.scene, line, 1 + 60 * n) for n, line in enumerate(lines)]


@pytest.fixture
def other(context, speaker):
    """A second head, and the first one the active."""
    other = own_head.add_head(context, small_head() | {"name": np.array(REFERENCE)}, "Ben")
    context.view_layer.objects.active = speaker
    return other


def test_a_neutral_line_becomes_the_baseline_that_is_used_from_then_on(
    context, speaker, lines, strips, tmp_path
):
    strip = strips[0].name
    without, _ = heard_of(context, strip=strip)
    assert bpy.ops.ecoface.voice_baseline(strip=strips[3].name) == {"FINISHED"}
    assert voice_baseline.describe(speaker) == "neutral line: line 3"
    with_it, _ = heard_of(context, strip=strip)
    assert np.abs(with_it - without).max() > 1e-3
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    context, speaker = bpy.context, bpy.data.objects["Anna"]
    again, _ = heard_of(context, strip=strip)
    np.testing.assert_allclose(again, with_it, atol=1e-6)
    bpy.ops.ecoface.generate(strip=strip)
    take = takes.played(speaker)
    assert metadata_of(speaker)["heard"]["baseline"] == "neutral"
    assert bpy.ops.ecoface.voice_baseline_remove() == {"FINISHED"}
    assert voice_baseline.of_head(speaker) is None and voice_baseline.describe(speaker) == ""
    assert "'Anna' has no voice baseline" in refusal(bpy.ops.ecoface.voice_baseline_remove)
    bpy.ops.ecoface.generate(strip=strip)
    assert metadata_of(speaker)["heard"]["baseline"] == "none"
    takes.play(speaker, take)
    bpy.ops.ecoface.take_again()
    assert metadata_of(speaker)["heard"]["baseline"] == "neutral", "a take keeps what it was made of"
    np.testing.assert_array_equal(stored.motion_of(takes.played(speaker))[0], stored.motion_of(take)[0])
    bpy.ops.ecoface.take_swap(emotion="")
    assert metadata_of(speaker)["heard"]["baseline"] == "none", "another emotion is the panel's"


def test_all_lines_that_a_head_speaks_become_its_baseline(context, speaker, other, strips):
    assert "Expected a head 'Nobody'" in refusal(bpy.ops.ecoface.voice_baseline, lines="ALL", head="Nobody")
    for strip in strips[:5]:
        strip.ecoface_head = other
    found = voice_baseline.spoken_strips(context, other)
    assert [strip.name for strip in found] == [strip.name for strip in strips[:5]]
    sentence = refusal(bpy.ops.ecoface.voice_baseline, lines="ALL")
    assert "at least 5 audible strips that 'Anna' speaks, found 1" in sentence
    strips[4].mute = True
    assert "that 'Ben' speaks, found 4" in refusal(bpy.ops.ecoface.voice_baseline, lines="ALL", head="Ben")
    strips[4].mute = False
    assert bpy.ops.ecoface.voice_baseline(lines="ALL", head="Ben") == {"FINISHED"}
    assert voice_baseline.describe(other) == "5 lines" and not voice_baseline.of_head(speaker)
    for strip in strips:
        strip.ecoface_head = None
    bpy.ops.ecoface.voice_baseline(lines="ALL")
    assert voice_baseline.describe(speaker) == "6 lines", "those that nobody else speaks"
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.ecoface.generate(strip=strips[0].name)
    assert metadata_of(speaker)["heard"]["baseline"] == "lines"


def test_a_reference_strip_is_heard_with_the_baseline_of_the_head_that_speaks_it(
    context, speaker, other, strips
):
    bpy.ops.ecoface.voice_baseline(strip=strips[2].name, head="Ben")
    wishes = {"strip": strips[0].name, "head": "Anna", "emotion_strip": strips[1].name}
    bpy.ops.ecoface.generate(**wishes)
    assert metadata_of(speaker)["heard"]["baseline"] == "none"
    strips[1].ecoface_head = other
    bpy.ops.ecoface.generate(**wishes)
    assert metadata_of(speaker)["heard"]["baseline"] == "neutral"
    first = stored.motion_of(takes.played(speaker))[0]
    voice_baseline.remove(other)
    bpy.ops.ecoface.take_again()
    np.testing.assert_array_equal(stored.motion_of(takes.played(speaker))[0], first)


def test_the_queue_uses_the_baselines_of_its_heads(context, speaker, other, strips):
    bpy.ops.ecoface.voice_baseline(strip=strips[2].name, head="Ben")
    strips[1].ecoface_head = other
    for strip in strips:
        strip.select = strip in strips[:2]
    bpy.ops.ecoface.generate_strips()
    found = {each.name: metadata_of(each)["heard"]["baseline"] for each in (speaker, other)}
    assert found == {"Anna": "none", "Ben": "neutral"}


def test_a_silent_line_makes_no_baseline_and_a_damaged_one_counts_as_none(context, speaker, tmp_path):
    silence = write_sound(tmp_path / "silence.wav", np.zeros(RATE))
    sentence = refusal(bpy.ops.ecoface.voice_baseline, sound=str(silence))
    assert "Expected at least 0.5 s of speech" in sentence and not voice_baseline.of_head(speaker)
    for damaged in ("no JSON", "[1]", 7):
        speaker[voice_baseline.KEY] = damaged
        assert voice_baseline.of_head(speaker) is None and voice_baseline.describe(speaker) == ""


def test_a_head_of_another_file_keeps_the_baseline_that_it_came_with(context, speaker, voice, tmp_path):
    bpy.ops.ecoface.voice_baseline(sound=str(voice))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "cast.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "cast.blend"), link=True) as (_, wanted):
        wanted.objects = ["Anna"]
    linked = bpy.data.objects["Anna"]
    values = voice_baseline.of_head(linked)
    assert values["kind"] == "neutral"
    for change in (lambda: voice_baseline.keep(linked, values, []), lambda: voice_baseline.remove(linked)):
        with pytest.raises(EcoFaceBlenderError, match="'Anna' is linked from another file; make its voice"):
            change()


def test_the_panel_of_the_baseline_says_what_it_is_made_of(context, speaker, strips):
    shown = drawn(panels_listening.ECOFACE_PT_voice_baseline, context)
    assert [each[1] for each in shown[:2]] == ["None yet", "ecoface.voice_baseline_remove"]
    assert [each[1:] for each in shown[2:]] == [
        ("ecoface.voice_baseline", "From Neutral Line", {"lines": "STRIP"}),
        ("ecoface.voice_baseline", "From All Lines", {"lines": "ALL"}),
    ]
    bpy.ops.ecoface.voice_baseline(lines="ALL")
    shown = drawn(panels_listening.ECOFACE_PT_voice_baseline, context)
    assert shown[0] == ("label", "Made of 6 lines") and shown[1][1] == "ecoface.voice_baseline_remove"


def test_lines_are_chosen_evenly_from_many():
    assert voice_baseline.spread(list(range(5))) == [0, 1, 2, 3, 4]
    chosen = voice_baseline.spread(list(range(1000)))
    assert len(chosen) == voice_baseline.MOST_LINES and chosen[:3] == [0, 5, 10]
