"""The command: one line from a sound file to FBX and .blend without a window, and its exit codes."""

import os
import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, small_head, write_sound

from ecoface_blender.headless.cli import run
from ecoface_blender.heads import dressing, looks, own_head

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    t = np.arange(32_000) / 16_000
    return write_sound(
        tmp_path_factory.mktemp("voice") / "line 1.wav", 0.4 * np.sin(900 * t) * np.sin(9 * t) ** 2
    )


@pytest.fixture
def head_file(tmp_path):
    """A Blender file with a small head called Anna, at 30 frames a second."""
    context = empty_blend()
    context.scene.render.fps = 30
    own_head.add_head(context, small_head() | {"name": np.array("EcoFace reference head")}, "Anna")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "anna.blend"))
    return tmp_path / "anna.blend"


def moving(item):
    """Whether the first expression of a head changes over time."""
    values = []
    for frame in range(1, 40, 3):
        bpy.context.scene.frame_set(frame)
        keys = item.data.shape_keys.evaluated_get(bpy.context.evaluated_depsgraph_get())
        values.append([block.value for block in keys.key_blocks])
    return np.ptp(values, axis=0).max() > 1e-3


@pytest.mark.slow
def test_the_wheel_makes_a_line_from_sound_to_files(voice, model, tmp_path):
    files = [tmp_path / "line.fbx", tmp_path / "line.blend"]
    command = [
        sys.executable,
        "-m",
        "ecoface_blender.batch",
        "--audio",
        voice,
        "--model",
        model,
        "--seed",
        "2",
    ]
    command += ["--style", "ben", "--emotion", "happy:1", "--fbx", files[0], "--blend", files[1]]
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "frames 1 to 48 (2.0 s)" in done.stdout
    bpy.ops.wm.open_mainfile(filepath=str(files[1]))
    (speaker,) = own_head.find_heads(bpy.context)
    assert moving(speaker)
    assert bpy.context.scene.frame_end == 48
    assert [strip.name for strip in bpy.context.scene.sequence_editor.strips] == ["line 1"]
    empty_blend()
    bpy.ops.import_scene.fbx(filepath=str(files[0]))
    (item,) = (o for o in bpy.data.objects if o.type == "MESH")
    assert moving(item)


def test_the_command_speaks_with_the_head_of_a_file(voice, model, head_file, tmp_path, capsys):
    out = tmp_path / "out.blend"
    arguments = ["--open", head_file, "--audio", voice, "--model", model, "--blend", out]
    assert run([str(a) for a in arguments]) == 0, capsys.readouterr().err
    bpy.ops.wm.open_mainfile(filepath=str(out))
    assert [each.name for each in own_head.find_heads(bpy.context)] == ["Anna"]
    assert moving(bpy.data.objects["Anna"])
    assert bpy.context.scene.render.fps == 30 and bpy.context.scene.frame_end == 60


def test_a_new_head_has_its_look_in_a_blend(voice, tmp_path, capsys):
    """With the shipped model: its head is our own."""
    empty_blend()
    out = tmp_path / "out.blend"
    assert run(["--audio", str(voice), "--blend", str(out)]) == 0, capsys.readouterr().err
    bpy.ops.wm.open_mainfile(filepath=str(out))
    (speaker,) = own_head.find_heads(bpy.context)
    assert speaker[dressing.LOOK] == looks.DEFAULT and moving(speaker)
    assert sorted(part[dressing.PART] for part in dressing.parts_of(speaker)) == ["Brows and Lashes", "Hair"]


def test_the_frame_rate_can_be_chosen(voice, model, head_file, tmp_path):
    out = tmp_path / "out.blend"
    arguments = ["--open", head_file, "--audio", voice, "--model", model, "--blend", out, "--fps", "23.976"]
    assert run([str(a) for a in arguments]) == 0
    bpy.ops.wm.open_mainfile(filepath=str(out))
    render = bpy.context.scene.render
    assert render.fps / render.fps_base == pytest.approx(23.976) and bpy.context.scene.frame_end == 48


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"--audio": "nowhere.wav"}, "Expected a file at 'nowhere.wav', found none"),
        ({"--audio": __file__}, "Expected sound in test_blender_batch.py, found none"),
        ({"--model": "nowhere.safetensors"}, "Expected a file at 'nowhere.safetensors'"),
        ({"--model": __file__}, "Expected a whole EcoFace model in test_blender_batch.py"),
        ({"--style": "zoe"}, "found 'zoe'"),
        ({"--emotion": "smug"}, "found 'smug'"),
        (
            {"--emotion": "sad", "--emotion-from": __file__},
            "Expected --emotion or --emotion-from, found both",
        ),
        ({"--temperature": "-1"}, "Expected `temperature` as a number from 0 on, found -1"),
        ({"--seed": "-1"}, "Expected `seed` as a whole number from 0 to below 2^63, found -1"),
        ({"--fps": "0"}, "Expected a frame rate from 1 to 1000, found 0"),
        ({"--blend": None}, "Expected a file to write, found none"),
        ({"--blend": "no/such/folder/a.blend"}, "Expected the folder"),
        ({"--head": "Berta"}, "Expected --head to name a head of the scene, found 'Berta'; it has Anna"),
        ({"--audio": None}, "required: --audio"),
        ({"--seed": "two"}, "invalid int value: 'two'"),
        ({"--volume": "2"}, "unrecognized arguments"),
    ],
)
def test_a_mistake_is_exit_code_2_and_one_sentence(
    voice, model, head_file, tmp_path, capsys, change, sentence
):
    given = {
        "--open": head_file,
        "--audio": voice,
        "--model": model,
        "--blend": tmp_path / "out.blend",
    } | change
    assert run([str(part) for item in given.items() if item[1] is not None for part in item]) == 2
    (said,) = capsys.readouterr().err.strip().splitlines()
    assert sentence in said and said.startswith("ecoface: ")
    assert not (tmp_path / "out.blend").exists()


def test_without_an_engine_it_is_exit_code_2(voice, model, head_file, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("ECOFACE_PYTHON", "/nowhere/python")
    arguments = ["--open", head_file, "--audio", voice, "--model", model, "--blend", tmp_path / "out.blend"]
    assert run([str(a) for a in arguments]) == 2
    assert "/nowhere/python (from ECOFACE_PYTHON), found none" in capsys.readouterr().err


def test_a_mistake_in_a_shell_is_one_line_without_a_traceback():
    command = [sys.executable, "-m", "ecoface_blender.batch", "--audio", "nowhere.wav", "--fbx", "a.fbx"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, env=os.environ)
    assert done.returncode == 2
    assert done.stderr.strip().splitlines() == [
        "ecoface: Expected a file at 'nowhere.wav', found none; correct the path."
    ]


def test_help_is_exit_code_0(capsys):
    assert run(["--help"]) == 0
    assert "--emotion-from" in capsys.readouterr().out
