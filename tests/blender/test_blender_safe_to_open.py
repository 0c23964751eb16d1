"""A .blend from a stranger: what its properties name is not opened, and nothing in it is run."""
# ruff: noqa: F811 (fixtures are imported by the names that the tests ask for)

import json
import os

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, small_head, write_sound
from strange_take import refused, says, take  # noqa: F401

import ecoface_blender
from ecoface_blender.animation import actions
from ecoface_blender.emotion import reference as emotion_reference
from ecoface_blender.engine import engine
from ecoface_blender.engine.settings import EngineSettings, engine_settings
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.generate import again, gather
from ecoface_blender.headless import cli
from ecoface_blender.heads import own_head
from ecoface_blender.request import GenerationRequest
from ecoface_blender.sound import named_files, packed, sequencer
from ecoface_blender.takes import stored, takes

pytestmark = pytest.mark.blender_version

PATH_PROPERTIES = {("Scene.ecoface", "sound"), ("Scene.ecoface", "reference_file")}
"""All that a .blend can hold of ours and that Blender calls a path: what docs/safety.md lists."""

STRANGE_PATHS = (
    "/etc/passwd",
    "//../../../../etc/passwd",
    "../../etc/passwd",
    "passwd",
    "\\\\evil.example\\share\\hello.wav",
    "//evil.example/share/hello.wav",
    "C:\\Users\\me\\secret.wav",
    "file:///etc/passwd",
    "/dev/zero",
    "",
)


@pytest.mark.parametrize("path", STRANGE_PATHS)
def test_a_take_s_sound_is_not_opened_where_nobody_has_chosen_it(take, tmp_path, path):
    says(take, sound=path)
    refused(take, tmp_path, "The sound of the take, .* neither the sequencer plays it nor the panel names it")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", STRANGE_PATHS[:-1])
def test_nor_is_the_recording_of_its_emotion(take, tmp_path, path):
    sound = write_sound(tmp_path / "a.wav", np.zeros(1000))
    named_files.remember(str(sound))
    says(take, sound=str(sound), emotion_from=path)
    refused(take, tmp_path, "The recording of the emotion of the take, .* neither the sequencer plays it")


@pytest.mark.parametrize("field", ["emotion_track", "emotion_from"])
def test_files_of_the_job_are_those_that_lie_with_the_take_and_no_others(take, tmp_path, field):
    sound = write_sound(tmp_path / "a.wav", np.zeros(1000))
    secret = tmp_path / "secret.npz"
    np.savez(secret, motion=np.zeros((2, 53)))
    for chosen in (sound, secret):
        named_files.remember(str(chosen))
    says(take, sound=str(sound), **{field: str(secret)})
    refused(take, tmp_path, "has lost the emotion that it was made with")
    key = {"emotion_track": stored.TRACK, "emotion_from": stored.PERFORMANCE}[field]
    stored.store(take, key, b"its own")
    folder = tmp_path / "job"
    folder.mkdir()
    asked = again.request_again(bpy.context, take, str(folder))
    assert os.path.dirname(getattr(asked, field)) == str(folder)
    other = again.request_again(bpy.context, take, str(folder), emotion=False)
    assert getattr(other, field) is None and other.sound == str(sound)


def test_a_mixdown_is_made_again_and_never_read_from_where_a_take_says(take, tmp_path):
    sound = write_sound(tmp_path / "a.wav", np.full(16_000, 0.1))
    named_files.remember(str(sound))
    says(take, sound=str(sound), mix="/etc/passwd")
    assert again.request_again(bpy.context, take, str(tmp_path)).mix is None  # a wav is read as it is
    says(take, sound=str(sound), mix="/etc/passwd", altered_strip="gone", seconds=1.0)
    refused(take, tmp_path, "Add the voice to the sequencer")


def test_what_the_sequencer_the_panel_or_the_file_s_folder_shows_is_opened(take, tmp_path):
    sound = write_sound(tmp_path / "a.wav", np.full(16_000, 0.1))
    says(take, sound=str(sound))
    refused(take, tmp_path, "nor the panel names it")
    strip = sequencer.add_sound_strip(bpy.context.scene, sound, 1)
    assert again.request_again(bpy.context, take, str(tmp_path)).sound == str(sound)
    data = strip.sound
    bpy.context.scene.sequence_editor.strips.remove(strip)
    bpy.data.sounds.remove(data)
    refused(take, tmp_path, "nor the panel names it")
    bpy.context.scene.ecoface.sound = str(sound)
    assert again.request_again(bpy.context, take, str(tmp_path)).sound == str(sound)
    bpy.context.scene.ecoface.sound = ""
    refused(take, tmp_path, "nor the panel names it")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert again.request_again(bpy.context, take, str(tmp_path)).sound == str(sound)


def test_a_link_does_not_lead_out_of_the_file_s_folder(take, tmp_path):
    (tmp_path / "project").mkdir()
    write_sound(tmp_path / "secret.wav", np.zeros(1000))
    (tmp_path / "project" / "a.wav").symlink_to(tmp_path / "secret.wav")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "project" / "shot.blend"))
    for path in ("project/a.wav", "project/../secret.wav", "project2/a.wav"):
        assert not named_files.may_be_read(bpy.context, f"{tmp_path}/{path}"), path
    assert named_files.may_be_read(bpy.context, f"{tmp_path}/project/./more/../b.wav")


def test_what_was_chosen_since_blender_was_started_is_opened_again(take, tmp_path):
    spoken, reference = (
        str(write_sound(tmp_path / f"{name}.wav", np.full(8000, 0.1))) for name in ("spoken", "reference")
    )
    assert not any(named_files.may_be_read(bpy.context, path) for path in (spoken, reference))
    given = {"head": "Anna", "style": "", "seed": 0, "temperature": 1.0, "sound": spoken}
    gather.voice(bpy.context, EngineSettings(), given, str(tmp_path))
    emotion_reference.of_file(reference, "", str(tmp_path))
    assert all(named_files.may_be_read(bpy.context, path) for path in (spoken, reference))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/voices/hello.wav", "hello.wav"),
        ("//voices/hello.wav", "hello.wav"),
        ("//hello.wav", "hello.wav"),
        ("//../../../home/me/.bashrc", "bashrc"),
        ("..\\..\\start menu\\run.bat", "run.bat"),
        ("/voices/..", "sound"),
        ("//", "sound"),
        ("", "sound"),
        ("/voices/CON.wav", "_CON.wav"),
        ("/voices/a.wav:stream", "a.wav_stream"),
        ("/voices/" + "x" * 300 + ".wav", "x" * packed.LONGEST_NAME + ".wav"),
    ],
)
def test_a_packed_sound_lands_in_the_job_s_folder_whatever_it_is_called(tmp_path, path, name):
    assert packed.file_name(path) == name
    scene = empty_blend().scene
    strip = sequencer.add_sound_strip(scene, write_sound(tmp_path / "a.wav", np.full(8000, 0.1)), 1)
    strip.sound.pack()
    strip.name, strip.sound.filepath = "../../../escaped", path
    (tmp_path / "a").mkdir()
    job = tmp_path / "a" / "job"
    job.mkdir()
    assert sequencer.heard(strip, job).path == job / "packed" / name
    assert sorted(each.name for each in tmp_path.rglob("*") if each.is_file()) == sorted(["a.wav", name])


def test_a_packed_sound_does_not_pass_for_a_file_of_the_job(tmp_path):
    scene = empty_blend().scene
    strip = sequencer.add_sound_strip(scene, write_sound(tmp_path / "a.wav", np.full(8000, 0.1)), 1)
    strip.sound.pack()
    for name in ("heard.wav", "motion.npz"):
        strip.sound.filepath = f"/voices/{name}"
        assert sequencer.heard(strip, tmp_path).path != tmp_path / name


def test_the_engine_s_python_and_model_are_named_by_the_preferences_alone(take):
    assert set(EngineSettings.__dataclass_fields__) == {"python", "model", "flame", "device"}
    scene = bpy.context.scene
    for owner in (scene, bpy.data.objects["Anna"], take, bpy.context.window_manager):
        for name in ("python", "model", "ecoface_python", "ecoface_model", "flame", "wheels"):
            owner[name] = "/tmp/evil"
    says(take, python="/tmp/evil", model="/tmp/evil", head_file="/tmp/evil")
    assert engine_settings(bpy.context) == EngineSettings()
    assert GenerationRequest.from_stored(actions.read_metadata(take)["line"], "").message("out", None).keys()
    assert engine.find_python("") != "/tmp/evil"


def test_the_paths_that_a_file_can_hold_are_those_that_the_page_lists():
    found = set()
    for room in ecoface_blender.ROOMS:
        for owner, name, declaration in getattr(room, "PROPERTIES", ()):
            group = declaration.keywords.get("type")
            rna = getattr(group, "bl_rna", None)
            if rna is None or not issubclass(group, bpy.types.PropertyGroup):
                assert declaration.keywords.get("subtype") not in ("FILE_PATH", "DIR_PATH"), name
                continue
            for each in rna.properties:
                if each.type == "STRING" and each.subtype in ("FILE_PATH", "DIR_PATH"):
                    found.add((f"{owner.__name__}.{name}", each.identifier))
    assert found == PATH_PROPERTIES


def test_names_in_a_preset_are_names_of_keys_and_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    rows = [{"source": "jawOpen", "target": target} for target in ('../../x"].value', '"]', "/etc/passwd")]
    path.write_text(json.dumps({"ecoface_mapping": 1, "rows": rows}))
    empty_blend()
    speaker = own_head.add_head(bpy.context, small_head(), "Anna")
    bpy.context.view_layer.objects.active = speaker
    assert bpy.ops.ecoface.mapping_load(filepath=str(path)) == {"FINISHED"}
    assert [each.target for each in speaker.ecoface_mapping.rows] == [row["target"] for row in rows]
    with pytest.raises(EcoFaceBlenderError):
        takes.playing(speaker)


def test_scripts_in_a_file_that_a_line_opens_do_not_run(tmp_path):
    mark = tmp_path / "ran"
    empty_blend()
    text = bpy.data.texts.new("evil.py")
    text.write(f"open({str(mark)!r}, 'w')")
    text.use_module = True
    empty = bpy.data.objects.new("Empty", None)
    bpy.context.scene.collection.objects.link(empty)
    driver = empty.driver_add("location", 0).driver
    driver.expression = f"__import__('os').mkdir({str(mark)!r})"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "evil.blend"))
    empty_blend()
    cli.open_blend(tmp_path / "evil.blend", load_ui=False)
    bpy.context.scene.frame_set(5)
    bpy.context.view_layer.update()
    assert bpy.data.texts["evil.py"] and not mark.exists()
