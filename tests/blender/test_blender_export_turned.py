"""Heads that turn and eyes that look about, in every kind of file, as others read them."""

import json

import bpy
import numpy as np
import pytest
from blender_support import empty_blend
from export_support import FRAMES, N_FRAMES, START, arkit_head, distance_mm, read_by_others, seen, z_up

from ecoface_blender.animation import actions
from ecoface_blender.core.head_pose import eye_angles, head_angles
from ecoface_blender.core.live_link import LIVE_LINK_ROTATIONS
from ecoface_blender.export import export
from ecoface_blender.export.export import Options
from ecoface_blender.heads import face_kinds
from ecoface_blender.heads import own_head as heads
from ecoface_blender.heads.head_turn import HeadTurn

pytestmark = pytest.mark.blender_version

TIME = np.arange(N_FRAMES) / 25
HEAD = np.column_stack([0.2 * np.sin(9 * TIME), 0.4 * np.sin(5 * TIME), 0.1 * np.cos(7 * TIME)])
GAZE = np.column_stack([0.3 * np.sin(8 * TIME), 0.2 * np.cos(6 * TIME)])
FILES = {
    "keys.fbx": Options(),
    "maya.fbx": Options(target="MAYA"),
    "jaw.fbx": Options(jaw_bone=True),
    "keys.glb": Options(),
    "jaw.glb": Options(jaw_bone=True),
    "keys.usdc": Options(),
    "jaw.usdc": Options(jaw_bone=True),
    "cache.abc": Options(),
}


def eyed_head():
    """The small head with a neck that stays below, and eyes with joints of their own."""
    arrays = arkit_head()
    template, weights = arrays["v_template"], arrays["weights"].copy()
    below = np.clip((-0.05 - template[:, 1]) / 0.03, 0, 1)[:, None]
    weights = (1 - below) * weights + below * np.eye(5)[0]
    regressor = arrays["J_regressor"].copy()
    for joint, side in ((3, 1), (4, -1)):
        eye = np.linalg.norm(template - [0.035 * side, 0.04, 0.08], axis=1) < 0.025
        weights[eye] = np.eye(5)[joint]
        regressor[joint] = eye / eye.sum()
    lower = template[:, 1] < -0.06
    regressor[0] = lower / lower.sum()
    return arrays | {"weights": weights.astype("f4"), "J_regressor": regressor.astype("f4")}


def turn_head(head, jaw=True):
    """Key expressions, jaw, neck and eyes of a head that stands off the origin."""
    from blender_support import talking_motion

    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = 25, 1
    motion = 0.5 * talking_motion(N_FRAMES)
    if not jaw:
        motion[:, 50:] = 0
    channels = face_kinds.known_rig(head).channels(motion, None, HeadTurn.of(HEAD, GAZE, N_FRAMES))
    actions.write_channels(channels, START + np.arange(N_FRAMES, dtype=float), "Take", {"seed": 3})


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder, arrays = tmp_path_factory.mktemp("turned"), eyed_head()
    head = heads.add_head(empty_blend(), arrays, "Anna")
    head.location, head.rotation_euler, head.scale = (0.1, 0.2, 0.3), (0.1, 0.2, 0.3), (2, 2, 2)
    turn_head(head)
    expected = seen(head)
    for name, options in FILES.items():
        export.write(bpy.context, head, folder / name, options, arrays)
    return expected, read_by_others(folder, [folder / name for name in FILES])


def test_the_head_turns_by_centimetres(written):
    expected, _ = written
    assert np.linalg.norm(expected - expected[0], axis=2).max() > 0.05


@pytest.mark.parametrize("name", FILES)
def test_others_see_the_head_turn_and_the_eyes_look(written, name):
    expected, read = written
    vertices = read[f"{name} vertices"]
    error = distance_mm(vertices if name.endswith("usdc") else z_up(vertices), expected)
    print(f"{name}: {error:.4f} mm by others")
    # of a head twice as large, whose jaw's keys follow the bone closely, less where jaw and root share
    assert error < (2.5 if name.startswith("jaw") else 0.01)


def test_tables_have_the_angles_of_head_and_eyes(tmp_path):
    arrays = eyed_head()
    head = heads.add_head(empty_blend(), arrays, "Anna")
    turn_head(head)
    export.write(bpy.context, head, tmp_path / "a.csv", Options(), arrays)
    first, *rows = (tmp_path / "a.csv").read_text().strip().split("\n")
    table = np.array([row.split(",")[1:] for row in rows], float)
    column = dict(zip(first.split(",")[1:], table.T, strict=True))
    found = np.column_stack([column[name] for name in LIVE_LINK_ROTATIONS])
    eyes = -eye_angles(GAZE)
    np.testing.assert_allclose(found[:, :3], head_angles(HEAD), atol=1e-5)
    np.testing.assert_allclose(found[:, 3:5], eyes[:, 0], atol=1e-5)
    np.testing.assert_allclose(found[:, 6:8], eyes[:, 1], atol=1e-5)
    export.write(bpy.context, head, tmp_path / "a.json", Options(), arrays)
    content = json.loads((tmp_path / "a.json").read_text())
    np.testing.assert_allclose(content["head"]["frames"], HEAD, atol=1e-5)
    np.testing.assert_allclose(content["gaze"]["frames"], GAZE, atol=1e-5)


def test_a_head_that_does_not_turn_has_no_bones_in_its_file(tmp_path):
    arrays = eyed_head()
    head = heads.add_head(empty_blend(), arrays, "Anna")
    from export_support import talk

    talk(head)
    export.write(bpy.context, head, tmp_path / "a.glb", Options(), arrays)
    assert b'"skins"' not in (tmp_path / "a.glb").read_bytes()
    assert len(FRAMES) == N_FRAMES


def test_a_character_s_own_bones_of_head_and_eyes_are_in_its_file(tmp_path):
    arrays = eyed_head()
    face = heads.add_head(empty_blend(), arrays, "Anna")
    for block, name in zip(face.data.shape_keys.key_blocks[1:], face_kinds.arkit_names.ARKIT, strict=False):
        block.name = name
    del face.data["ecoface_jaw"]  # another maker's
    found = face_kinds.known_rig(face)
    assert found.kind == "ARKit" and found.bones.names == ["head", "eye_L", "eye_R"]
    turn_head(face, jaw=False)
    expected = seen(face)
    export.write(bpy.context, face, tmp_path / "a.fbx", Options(keys="RAW"))
    read = read_by_others(tmp_path, [tmp_path / "a.fbx"])
    assert distance_mm(z_up(read["a.fbx vertices"]), expected) < 0.01
