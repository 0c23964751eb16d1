"""Head and gaze as angles, as rotations of the eyes, and in files of other programs."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from ecoface_model.core.arkit import ArkitUnits, to_arkit
from ecoface_model.core.head_file import FlameFile, read_head
from ecoface_model.core.head_mesh import HeadMesh
from ecoface_model.core.head_pose import (
    LOOK_ASIDE,
    LOOK_UP_DOWN,
    VERGENCE,
    axis_angles,
    direction,
    eye_angles,
    eye_rotations,
    eye_units,
    gaze_along,
    head_angles,
    lid_follow,
    towards,
)
from ecoface_model.core.jaw_skinning import rotations
from ecoface_model.core.live_link import live_link_rotations
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.export import write_export
from ecoface_model.transfer import from_arkit, transfer


@pytest.fixture(scope="module")
def reference() -> FlameFile:
    return read_head()


def turned(reference: FlameFile, frames: int = 4) -> FlameMotion:
    rng = np.random.default_rng(3)
    return FlameMotion(
        np.zeros((frames, 53), np.float32),
        metadata={"head": reference.name},
        head=rng.normal(0, 0.1, (frames, 3)).astype(np.float32),
        gaze=rng.normal(0, 0.1, (frames, 2)).astype(np.float32),
    )


def test_a_gaze_is_a_direction_and_each_eye_may_have_its_own():
    gaze = np.random.default_rng(1).uniform(-0.6, 0.6, (30, 2))
    ways = direction(gaze)
    np.testing.assert_allclose(gaze_along(3 * ways), gaze, atol=1e-12)
    np.testing.assert_allclose(towards(gaze) @ [0, 0, 1], ways, atol=1e-12)
    own = np.stack([gaze, -gaze], axis=1)
    np.testing.assert_array_equal(eye_angles(own), own)
    np.testing.assert_allclose(eye_rotations(own)[1] @ [0, 0, 1], direction(-gaze), atol=1e-12)
    units = eye_units(own, {"In": 0.5, "Out": 0.25, "Up": 0.1, "Down": 0.2})
    np.testing.assert_allclose(units["eyeLookOutLeft"], (gaze[:, 0] / 0.25).clip(0, 1))
    np.testing.assert_allclose(units["eyeLookDownRight"], (gaze[:, 1] / 0.2).clip(0, 1))


def about(axis: int, angle: float) -> NDArray[np.float64]:
    vector = np.zeros((1, 3))
    vector[0, axis] = angle
    return rotations(vector)[0]


def test_angles_are_those_of_turns_one_within_the_other():
    angles = np.array([[0.4, -0.2, 0.3], [-0.1, 0.5, -0.6]])
    matrices = [about(1, yaw) @ about(0, -pitch) @ about(2, roll) for yaw, pitch, roll in angles]
    turns = axis_angles(angles)
    np.testing.assert_allclose(rotations(turns), matrices, atol=1e-12)
    np.testing.assert_allclose(head_angles(turns), angles, atol=1e-12)
    np.testing.assert_allclose(axis_angles(np.zeros((1, 3))), 0)
    np.testing.assert_allclose(axis_angles(np.array([[1e-12, 0, 0]])), [[0, 1e-12, 0]], atol=1e-20)


def test_a_nod_is_a_positive_turn_about_x_and_pitches_down():
    np.testing.assert_allclose(head_angles(np.array([[0.2, 0, 0]])), [[0, -0.2, 0]], atol=1e-12)


def test_both_eyes_converge_on_somebody_in_front():
    left, right = eye_angles(np.zeros((1, 2)))[0]
    assert left[0] == -VERGENCE and right[0] == VERGENCE
    ahead = eye_rotations(np.array([[0.2, 0.1]]))[:, 0] @ np.array([0, 0, 1.0])
    assert (ahead[:, 0] > 0).all() and (ahead[:, 1] > 0).all() and ahead[0, 0] < ahead[1, 0]


def test_units_look_where_the_gaze_does():
    units = eye_units(np.array([[0.3, -0.2]]))
    assert units["eyeLookOutLeft"][0] == pytest.approx((0.3 - VERGENCE) / LOOK_ASIDE)
    assert units["eyeLookInRight"][0] == pytest.approx((0.3 + VERGENCE) / LOOK_ASIDE)
    assert units["eyeLookDownLeft"][0] == units["eyeLookDownRight"][0] == pytest.approx(0.2 / LOOK_UP_DOWN)
    assert units["eyeLookInLeft"][0] == units["eyeLookOutRight"][0] == units["eyeLookUpLeft"][0] == 0
    assert max(curve.max() for curve in eye_units(np.array([[9.0, 9.0]])).values()) == 1


def test_arkit_curves_look_by_the_gaze_and_leave_the_lids_to_it(reference: FlameFile):
    names = list(reference.arkit_names)
    gaze = np.array([[0, 0], [0.1, -0.2], [0, 0.1]], np.float32)
    weights = np.zeros((3, 52), np.float32)
    lids = [names.index("eyeBlinkLeft"), names.index("eyeBlinkRight")]
    weights[:, lids] = (0.5 + lid_follow(gaze))[:, None]
    motion = FlameMotion(from_arkit(weights, reference), metadata={"head": reference.name})
    curves = to_arkit(replace(motion, gaze=gaze), reference)
    np.testing.assert_allclose(curves[:, lids], 0.5, atol=0.01)
    looks = np.stack(list(eye_units(gaze).values()), axis=1)
    np.testing.assert_allclose(curves[:, [names.index(name) for name in eye_units(gaze)]], looks, atol=1e-6)
    others = [k for k, name in enumerate(names) if not name.startswith(("eyeBlink", "eyeLook"))]
    assert curves[:, others].max() < 0.02
    plain = ArkitUnits.of(reference.arrays()).curves(motion.motion)
    np.testing.assert_allclose(to_arkit(motion, reference), plain, atol=1e-6)


def test_live_link_columns_have_the_signs_of_the_app():
    head, gaze = np.array([[0.1, 0, 0], [0, 0.2, 0], [0, 0, 0.3]]), np.tile([0.2, 0.1], (3, 1))
    columns = live_link_rotations(3, head, gaze)
    np.testing.assert_allclose(columns[:, :3], [[0, -0.1, 0], [0.2, 0, 0], [0, 0, 0.3]], atol=1e-12)
    np.testing.assert_allclose(columns[0, 3:], [-0.2 + VERGENCE, -0.1, 0, -0.2 - VERGENCE, -0.1, 0])
    assert not live_link_rotations(3, None, None).any()


def test_the_table_and_the_json_have_head_and_gaze(reference: FlameFile, tmp_path):
    motion = turned(reference)
    write_export(motion, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    yaw = np.array([float(row["HeadYaw"]) for row in rows])
    np.testing.assert_allclose(yaw, head_angles(motion.head)[:, 0], atol=1e-6)
    looks = np.array([float(row["EyeLookUpLeft"]) - float(row["EyeLookDownLeft"]) for row in rows])
    np.testing.assert_allclose(looks * LOOK_UP_DOWN, motion.gaze[:, 1], atol=1e-5)
    write_export(motion, tmp_path / "a.json")
    content = json.loads((tmp_path / "a.json").read_text("utf-8"))
    np.testing.assert_allclose(content["head"]["frames"], motion.head, atol=1e-6)
    np.testing.assert_allclose(content["gaze"]["frames"], motion.gaze, atol=1e-6)
    write_export(replace(motion, head=None, gaze=None), tmp_path / "b.json")
    assert not {"head", "gaze"} & set(json.loads((tmp_path / "b.json").read_text("utf-8")))


def test_positions_have_the_turned_head_in_them(reference: FlameFile, tmp_path):
    motion = turned(reference)
    write_export(motion, tmp_path / "v.npz", vertices=True)
    write_export(motion, tmp_path / "l.npz", landmarks=True)
    vertices, landmarks = np.load(tmp_path / "v.npz")["vertices"], np.load(tmp_path / "l.npz")["landmarks"]
    np.testing.assert_array_equal(
        vertices, HeadMesh(reference).vertices(motion.motion, motion.head, motion.gaze)
    )
    corners = vertices[:, reference.faces[reference.landmark_faces]]
    expected = np.einsum("lc,nlcx->nlx", reference.landmark_barycentric, corners)
    np.testing.assert_allclose(landmarks, expected, atol=1e-6)


def test_head_and_gaze_go_to_another_head_as_they_are(reference: FlameFile):
    motion = turned(reference)
    moved = transfer(motion, reference, replace(reference, name="another"))
    assert moved.metadata["head"] == "another"
    np.testing.assert_array_equal(moved.head, motion.head)
    np.testing.assert_array_equal(moved.gaze, motion.gaze)
