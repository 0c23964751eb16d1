"""Emotion in Blender: from its sources, in amounts, and swapped on a take."""

import re

import bpy
import numpy as np
import pytest
from blender_support import (
    REFERENCE_HEAD,
    read_sound,
    talking_motion,
    write_sound,
)
from drawn_panel import drawn, laid_out
from emotion_stage import give_take, key_three, line_of, read, with_sound
from engine_python import ENGINE_PYTHON, ROOT

from ecoface_blender.animation import actions, emotion_keys
from ecoface_blender.emotion import panel as panels_emotion
from ecoface_blender.emotion import properties as settings_emotion
from ecoface_blender.engine.settings import engine_settings
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.generate import gather
from ecoface_blender.generate import panel as panels
from ecoface_blender.generate import properties as settings
from ecoface_blender.heads import jaw_shape_keys
from ecoface_blender.sound import sequencer
from ecoface_blender.takes import stored, takes

SPEECH = ROOT / "demo" / "speech.wav"


pytest_plugins = ["emotion_fixtures"]


def test_a_script_says_the_source_before_the_panel(context, speaker, other, mood, tmp_path):
    panel = context.scene.ecoface
    panel.emotion_from, panel.strength = "LABEL", 0.5
    sequencer.add_sound_strip(context.scene, mood, 1)
    give_take(other, talking_motion(40))
    key_three(speaker)

    def fields(**given):
        return gather.emotion_fields(
            context, engine_settings(context), line_of(speaker), str(tmp_path), given
        )

    assert fields()["emotion"] == "happy:1.5" and fields()["strength"] == 0.5
    assert fields(emotion="", strength=1.5)["emotion"] is None
    assert fields(strength=1.5)["strength"] == 1.5
    assert fields(emotion_from=str(mood))["emotion_from"] == str(mood)
    assert fields(emotion_strip="mood")["emotion_seconds"] == pytest.approx(4)
    assert len(read(fields(emotion_head="Ben")["emotion_from"])["motion"]) == 40
    assert len(read(fields(emotion_track=True)["emotion_track"])["weights"]) == 21
    with pytest.raises(EcoFaceBlenderError, match="found emotion 'sad' and emotion_strip 'mood'"):
        fields(emotion="sad", emotion_strip="mood")
    with pytest.raises(EcoFaceBlenderError, match="Expected a head 'Cleo' as the emotion's reference"):
        fields(emotion_head="Cleo")


@pytest.fixture
def preferences(context, model):
    """EcoFace's preferences with the tiny model in them."""
    context.preferences.addons.new().module = "ecoface_blender"
    preferences = context.preferences.addons["ecoface_blender"].preferences
    preferences.python, preferences.model, preferences.device = ENGINE_PYTHON, str(model), "cpu"
    yield preferences
    context.preferences.addons.remove(context.preferences.addons["ecoface_blender"])


def choose(context, source, speaker, other, mood):
    """Each source of emotion in the panel, as a script chooses it."""
    panel = context.scene.ecoface
    kind, _, reference = source.partition(" ")
    panel.emotion_from, panel.emotion, panel.intensity = kind, "happy", 2.0
    panel.reference_from = reference or "FILE"
    panel.reference_file, panel.reference_head = str(mood), other
    panel.reference_strip = context.scene.sequence_editor.strips["mood"].name
    assert gather.what_is_missing(context) is None


SOURCES = ("SPEECH", "LABEL", "TRACK", "REFERENCE FILE", "REFERENCE STRIP", "REFERENCE HEAD")


SAID = (
    "from the speech",
    "happy:2",
    "from an emotion track",
    *["from another clip"] * 2,
    "from a performance",
)


NAMED = {
    "SPEECH": "heard neutral",
    "TRACK": "keyed",
    "REFERENCE FILE": "like mood",
    "REFERENCE STRIP": "like mood",
    "REFERENCE HEAD": "like Ben",
}


def test_every_source_reaches_the_engine_and_can_be_made_again(
    context, preferences, speaker, other, voice, mood, tmp_path
):
    panel = with_sound(context).scene.ecoface
    panel.sound, panel.add_strip = str(voice), False
    panel.strength, panel.upper, panel.mouth = 1.25, 0.5, 0.75
    strip = sequencer.add_sound_strip(context.scene, mood, 1)
    strip.frame_final_end = 25
    strip.sound.pack()
    key_three(speaker)
    give_take(other, talking_motion(40), name="other")
    motions = []
    for source, said in zip(SOURCES, SAID, strict=True):
        choose(context, source, speaker, other, mood)
        bpy.ops.ecoface.generate()
        take = takes.played(speaker)
        story = actions.read_metadata(take)
        assert story["emotion"] == said
        named = NAMED.get(source, re.sub(":(.+)", r" (\1)", said))
        assert take.name.startswith(f"{named} voice average"), take.name
        assert story["amounts"] == {"strength": 1.25, "upper": 0.5, "mouth": 0.75}
        motions.append(stored.motion_of(take)[0])
        emotion_keys.key(speaker, 30, {"disgust": 1}, 4)  # what the take was made of is its own
        bpy.ops.ecoface.take_again()
        np.testing.assert_array_equal(stored.motion_of(takes.played(speaker))[0], motions[-1])
        emotion_keys.remove(speaker, 30)
    del motions[SOURCES.index("REFERENCE STRIP")]  # a steady hum: its part is felt as the whole
    for one, motion in enumerate(motions):
        assert all(np.abs(motion - another).max() > 1e-5 for another in motions[one + 1 :])


def aperture(arrays, motion):
    """Height (T,) of the upper over the lower inner lip on the head: iBUG 61-63 and 67-65."""
    vertices = jaw_shape_keys.skinned(arrays, motion)
    corners = arrays["faces"][arrays["landmark_faces"]]
    heights = (vertices[:, corners, 1] * arrays["landmark_barycentric"]).sum(axis=-1)  # (T, 68)
    return (heights[:, [61, 62, 63]] - heights[:, [67, 66, 65]]).mean(axis=1)


def test_swapping_the_emotion_leaves_the_lips_to_the_words(
    context, preferences, speaker, other, mood, tmp_path
):
    preferences.model = ""  # the real one
    samples, rate = read_sound(SPEECH)
    clip = write_sound(tmp_path / "clip.wav", samples[: 3 * rate, 0], rate)
    sequencer.add_sound_strip(context.scene, mood, 1)
    bpy.ops.ecoface.generate(sound=str(clip), emotion="calm:1.5", seed=3)
    original = takes.played(speaker)
    with np.load(REFERENCE_HEAD) as file:
        arrays = {name: file[name] for name in file.files}
    before, _ = stored.motion_of(original)
    lips = aperture(arrays, before)
    emotion_keys.key(speaker, 1, {"happy": 1}, 0)
    emotion_keys.key(speaker, 48, {"angry": 1}, 14)
    other_motion = np.zeros((50, 53))
    other_motion[:, :3] = [2, -1, 1]
    give_take(other, other_motion, name="other")
    for source in SOURCES:
        context.scene.ecoface.seed = 9  # of the panel, not of the take
        choose(with_sound(context), source, speaker, other, mood)
        takes.play(speaker, original)
        bpy.ops.ecoface.take_swap()
        swapped = takes.played(speaker)
        old, new = actions.read_metadata(original), actions.read_metadata(swapped)
        assert swapped != original and (new["seed"], new["style"]) == (old["seed"], old["style"])
        motion, _ = stored.motion_of(swapped)
        correlation = np.corrcoef(aperture(arrays, motion), lips)[0, 1]
        print(f"{source}: r {correlation:.3f}, face moved {np.abs(motion - before).mean():.3f}")
        assert correlation > 0.9
        assert np.abs(motion - before).mean() > 0.05
    np.testing.assert_array_equal(stored.motion_of(original)[0], before)
    takes.play(speaker, original)
    bpy.ops.ecoface.take_swap(emotion="angry:2", strength=0.5)
    story = actions.read_metadata(takes.played(speaker))
    assert (story["emotion"], story["amounts"]["strength"], story["seed"]) == ("angry:2", 0.5, 3)


def test_the_panels_show_what_the_source_needs(context, speaker, other):
    panel = context.scene.ecoface

    def names():
        layout = laid_out(panels.ECOFACE_PT_speech, context)
        return [each[1] for each in layout.usable if "emotion" in each[1] or each[1] in asked]

    asked = {"intensity", "reference_file", "reference_strip", "reference_head"}
    panel.emotion_menu = "SPEECH"
    assert names() == ["emotion_menu"]
    panel.emotion_menu = "sad"
    assert (panel.emotion_from, panel.emotion) == ("LABEL", "sad")
    assert names() == ["emotion_menu", "intensity"]
    for kind in ("FILE", "STRIP", "HEAD"):
        panel.emotion_menu = kind
        assert (panel.emotion_from, panel.reference_from) == ("REFERENCE", kind)
        assert names() == ["emotion_menu", f"reference_{kind.lower()}"]
    panel.emotion_from = "LABEL"
    assert panel.emotion_menu == "sad", "a script's choice is what the menu shows"
    amount = drawn(panels_emotion.ECOFACE_PT_emotion_amount, context)
    assert [each[1] for each in amount if each[0] == "prop"] == ["strength", "upper", "mouth"]
    weights = drawn(panels_emotion.ECOFACE_PT_emotion_weights, context)
    assert [each[1] for each in weights] == list(emotion_keys.NAMES)


def test_every_setting_of_emotion_says_what_it_is():
    for owner in (settings.EcoFaceSettings, settings_emotion.EmotionWeights):
        for name in owner.__annotations__:
            found = owner.bl_rna.properties[name]
            assert found.description and not found.description.endswith("."), name
