"""One line asked for by every door: the same request, the same keys."""
# ruff: noqa: F401, F811 (fixtures)

from pathlib import Path

import bpy
import numpy as np
import pytest
from blender_engine import context, preferences, speaker, voice
from blender_support import empty_blend, mix_down

from ecoface_blender.headless import commands
from ecoface_blender.sound import sequencer
from ecoface_blender.takes import takes
from ecoface_blender.worker import protocol

STYLE, SEED = "ben", 3
DOORS = ("panel", "script", "strip", "queue", "again", "command", "row")


@pytest.fixture(scope="module")
def compressed(voice, tmp_path_factory):
    """The voice as an .mp3, whose first samples decoders place differently."""
    scene = empty_blend().scene
    strip = sequencer.add_sound_strip(scene, voice, 1)
    scene.frame_start, scene.frame_end = 1, int(strip.frame_final_end) - 1
    path = tmp_path_factory.mktemp("compressed") / "voice.mp3"
    mix_down(scene, path, 48_000, "MP3", "MP3")
    return path


@pytest.fixture
def received(monkeypatch):
    """Each request that becomes a take, and the keys that it became."""
    made, receive = [], takes.receive

    def record(context, request, *motion):
        said = receive(context, request, *motion)
        take = takes.played(bpy.data.objects[request.speaker])
        curves = [curve for bag in bags_of(take) for curve in bag.fcurves]
        keys = {
            (curve.data_path, curve.array_index): np.array([point.co[:] for point in curve.keyframe_points])
            for curve in curves
        }
        made.append((request, keys))
        return said

    monkeypatch.setattr(takes, "receive", record)
    return made


def bags_of(action):
    return [bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags]


def set_panel(context, emotion):
    panel = context.scene.ecoface
    panel.style, panel.seed = STYLE, SEED
    panel.emotion_from = "LABEL" if emotion else "SPEECH"
    if emotion:
        panel.emotion, panel.intensity = emotion.split(":")[0], float(emotion.split(":")[1])
    return panel


def by_panel(context, sound, emotion):
    panel = set_panel(context, emotion)
    panel.sound_from, panel.sound = "FILE", str(sound)
    bpy.ops.ecoface.generate()


def by_script(_context, sound, emotion):
    bpy.ops.ecoface.generate(sound=str(sound), style=STYLE, seed=SEED, emotion=emotion)


def by_strip(context, sound, emotion):
    set_panel(context, emotion).sound_from = "STRIP"
    sequencer.add_sound_strip(context.scene, sound, 1)
    bpy.ops.ecoface.generate()


def by_queue(context, sound, emotion):
    set_panel(context, emotion)
    sequencer.add_sound_strip(context.scene, sound, 1).select = True
    bpy.ops.ecoface.generate_strips()


def by_again(context, sound, emotion):
    by_panel(context, sound, emotion)
    bpy.ops.ecoface.take_again()


def by_command(context, sound, emotion, folder):
    options = [f"--audio={sound}", f"--style={STYLE}", f"--seed={SEED}", f"--blend={folder / 'out.blend'}"]
    run(context, folder, [*options, *([f"--emotion={emotion}"] if emotion else [])])


def by_row(context, sound, emotion, folder):
    (folder / "lines.csv").write_text(
        f"audio,style,seed,emotion,outputs\n{sound},{STYLE},{SEED},{emotion},npz\n"
    )
    run(context, folder, ["batch", str(folder / "lines.csv"), "-o", str(folder / "out")])


def run(context, folder, arguments):
    """The command, on a file with the same head."""
    path, model_file = folder / "anna.blend", context.preferences.addons["ecoface_blender"].preferences.model
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    assert commands.run([*arguments, f"--open={path}", f"--model={model_file}"]) == 0


@pytest.mark.parametrize(("kind", "emotion"), [("plain", "sad:1.5"), ("compressed", "")])
def test_every_door_asks_for_the_same_and_gets_the_same(
    kind,
    emotion,
    context,
    speaker,
    voice,
    compressed,
    received,
    tmp_path,
):
    sound = Path(voice if kind == "plain" else compressed)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "begin.blend"))
    asked = {}
    for door in DOORS:
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "begin.blend"))
        folder = tmp_path / door
        folder.mkdir()
        by = globals()[f"by_{door}"]
        by(bpy.context, sound, emotion, *([folder] if door in ("command", "row") else []))
        asked[door] = received[-1]
    first, keys = asked["panel"]
    wanted = message(first)
    assert wanted["style"] == STYLE and wanted["seed"] == SEED and wanted["emotion"] == (emotion or None)
    assert bool(first.mix) == (kind == "compressed")
    for door, (found, own) in asked.items():
        assert message(found) == wanted, door
        assert found.first_frame == pytest.approx(first.first_frame), door
        assert own.keys() == keys.keys() and len(keys) > 3, door
        for path, points in keys.items():
            np.testing.assert_allclose(own[path], points, atol=1e-5, err_msg=f"{door}: {path}")


def message(asked):
    """What the engine is sent, but for places in the job's folder; a strip says how long its sound is."""
    values = asked.message(Path("motion.npz"), None)
    protocol.encode(protocol.Generate(id=1, **values))
    values["sound"] = Path(values["sound"]).name if asked.mix is None else "mix"
    del values["seconds"]
    return values
