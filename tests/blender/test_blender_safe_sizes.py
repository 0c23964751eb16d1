"""Files from a stranger: absurd values are refused, and what they ask for gets no room."""
# ruff: noqa: F811 (fixtures are imported by the names that the tests ask for)

import json
import time

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, write_sound
from strange_take import refused, says, take, tells  # noqa: F401

from ecoface_blender.animation import actions
from ecoface_blender.engine import engine
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.heads import mapping
from ecoface_blender.request import MOST_TEXT
from ecoface_blender.sound import mixdown, sequencer
from ecoface_blender.takes import names, stored, takes

pytestmark = pytest.mark.blender_version

ABSURD = [
    {"scene_rate": 1e300}, {"scene_rate": "fast"}, {"scene_rate": 0}, {"motion_rate": 1e-300},
    {"first_frame": 1e18}, {"first_frame": None}, {"line": "none"}, {"line": {"sound": 5}},
    {"parts": [{"frames": [1, "x"]}]}, {"parts": {"frames": [1, 2]}}, {"heard": {"shares": {"sad": "very"}}},
    {"amounts": {"upper": "much"}}, {"phones": 7}, {"emotion": ["happy"]}, {"style": {"a": 1}}, {"head": 3},
]  # fmt: skip


@pytest.mark.parametrize("changes", ABSURD, ids=str)
def test_a_take_whose_metadata_are_absurd_is_shown_and_adjusted_or_left(take, changes):
    tells(take, **changes)
    speaker = bpy.data.objects["Anna"]
    started = time.monotonic()
    stored.describe(speaker)
    names.take_name(actions.read_metadata(take))
    names.description("a", {"style": "", "seed": 0} | actions.read_metadata(take))
    assert takes.speaker_of(take) in (speaker, None)
    take.ecoface_take.jaw = 0.5
    assert time.monotonic() - started < 5


def test_keys_past_blender_s_last_frame_are_refused_before_they_are_made(take, capsys):
    tells(take, scene_rate=1e5, motion_rate=0.001)
    take.ecoface_take.jaw = 0.5
    assert "Expected keys up to frame 1048574, Blender's last" in capsys.readouterr().out
    for key, bad in ((stored.UPPER, b"x" * 12), (stored.MOTION, np.full((2, 53), np.nan, "<f4").tobytes())):
        assert stored.motion_of(take) is not None
        before = bytes(take[key])
        stored.store(take, key, bad)
        assert stored.motion_of(take) is None
        stored.store(take, key, before)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"first_second": -1e12}, "`first_second` as seconds within 43200"),
        ({"emotion_first_second": 1e12}, "`emotion_first_second` as seconds within 43200"),
        ({"seed": 1 << 70}, r"`seed` as a whole number from 0 to below 2\^63"),
        ({"style": "x" * (MOST_TEXT + 1)}, "`style` as at most 262144 characters"),
        ({"sound": "a\0b"}, "`sound` as at most 262144 characters, none of them null"),
        ({"baseline": {"states": "x" * MOST_TEXT}}, "`baseline` as at most 262144 characters"),
    ],
)
def test_a_request_that_would_fill_memory_or_pipe_is_refused(take, tmp_path, changes, sentence):
    says(take, **changes)
    refused(take, tmp_path, sentence)


def test_a_scene_of_years_is_not_mixed_down(tmp_path):
    scene = empty_blend().scene
    strip = sequencer.add_sound_strip(scene, write_sound(tmp_path / "a.wav", np.full(8000, 0.1)), 1)
    scene.render.fps, scene.render.fps_base = 1, 1e6
    with pytest.raises(
        EcoFaceBlenderError, match=r"Expected at most 6\.0 hours to mix down, found .*frame rate"
    ):
        mixdown.of_strip(strip, 1, 100, tmp_path / "heard.wav", True)


def test_a_preset_of_millions_of_rows_is_refused_unread(tmp_path):
    path = tmp_path / "a.json"
    row = json.dumps({"source": "jawOpen", "target": "Open"})
    path.write_text(f'{{"ecoface_mapping": 1, "rows": [{",".join([row] * 200_000)}]}}')
    with pytest.raises(EcoFaceBlenderError, match="it has more than 4 MB"):
        mapping.read_preset(path)
    path.write_text(f'{{"ecoface_mapping": 1, "rows": [{",".join(["0"] * 20_000)}]}}')
    with pytest.raises(EcoFaceBlenderError, match="Expected at most 10000 rows in the mapping preset"):
        mapping.read_preset(path)
    path.write_text("[" * 1_000_000)
    with pytest.raises(EcoFaceBlenderError, match="Expected a mapping preset in"):
        mapping.read_preset(path)


@pytest.mark.parametrize("styles", ["[" * 100_000, '{"a": 1}', "[1, 2]", '[["a"]]', "5"])
def test_styles_of_a_strange_model_are_none(tmp_path, styles):
    path = tmp_path / "model.safetensors"
    text = json.dumps({"__metadata__": {"styles": styles, "info": "{}"}}).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    assert engine.styles(str(path)) == ()
    path.write_bytes((1 << 62).to_bytes(8, "little") + text)
    assert engine.styles(str(path)) == ()
