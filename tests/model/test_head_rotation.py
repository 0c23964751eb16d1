"""Head and gaze in other conventions, against turns written out by hand."""

import numpy as np
import pytest

from ecoface_model.core.head_rotation import (
    LOOK_AT_ONE,
    direction,
    eye_rotation,
    gaze_along,
    live_link_rotations,
    look_units,
)
from ecoface_model.core.jaw_skinning import rotations
from ecoface_model.core.live_link import LIVE_LINK_ROTATIONS, live_link_csv


@pytest.mark.parametrize(
    ("turn", "column", "value"),
    [
        ((0.2, 0, 0), "HeadPitch", -0.2),  # a nod down
        ((0, 0.3, 0), "HeadYaw", 0.3),  # to the face's left
        ((0, 0, 0.1), "HeadRoll", 0.1),  # its left side up
    ],
)
def test_a_plain_turn_of_the_head_is_one_angle(turn, column, value):
    found = live_link_rotations(np.array([turn]), None, None)
    assert set(found) == {"HeadYaw", "HeadPitch", "HeadRoll"}
    for name, angle in found.items():
        np.testing.assert_allclose(angle, value if name == column else 0, atol=1e-12)


def test_the_heads_angles_make_its_rotation_again():
    head = np.random.default_rng(0).normal(size=(20, 3)) * 0.3
    found = live_link_rotations(head, None, None)

    def about(axis: int, angle: np.ndarray) -> np.ndarray:
        return rotations(angle[:, None] * np.eye(3)[axis])

    again = (
        about(1, found["HeadYaw"]) @ about(0, -found["HeadPitch"]) @ about(2, found["HeadRoll"])
    )  # (T, 3, 3)
    np.testing.assert_allclose(again, rotations(head), atol=1e-12)


def test_recorded_eyes_of_live_link_face_have_the_signs_of_ours():
    # Of a recording: LookInLeft .0386 at LeftEyeYaw +.0207; LookDown .454 and LookInRight .116 at
    # pitch +.294, RightEyeYaw -.081.
    right, left_down = np.array([[-0.0207, 0.0]]), np.array([[0.081, -0.294]])
    assert live_link_rotations(None, right, right)["LeftEyeYaw"] == pytest.approx(0.0207)
    units = look_units(right, right)
    assert units["eyeLookInLeft"] == pytest.approx(0.0386, rel=0.25)
    found = live_link_rotations(None, left_down, left_down)
    assert found["LeftEyePitch"] == pytest.approx(0.294) and found["RightEyeYaw"] == pytest.approx(-0.081)
    units = look_units(left_down, left_down)
    assert units["eyeLookDownLeft"] == pytest.approx(0.454, rel=0.05)
    assert units["eyeLookInRight"] == pytest.approx(0.116, rel=0.25) and units["eyeLookInLeft"] == 0


def test_look_units_stay_between_0_and_1_and_left_mirrors_right():
    gaze = np.array([[0.3, 0.1], [-9, -9], [9, 9]])
    units = look_units(gaze, gaze * [-1, 1])
    assert len(units) == 8
    for name in ("In", "Out", "Up", "Down"):
        left = units[f"eyeLook{name}Left"]
        np.testing.assert_array_equal(left, units[f"eyeLook{name}Right"])
        assert left.min() == 0 and left.max() == 1
    assert units["eyeLookOutLeft"][0] == pytest.approx(0.3 / LOOK_AT_ONE["Out"])


def test_an_eye_turns_to_where_it_looks_without_torsion():
    gaze = np.random.default_rng(1).uniform(-0.6, 0.6, (30, 2))
    gaze[0] = 0
    turned = rotations(eye_rotation(gaze)) @ [0, 0, 1]
    np.testing.assert_allclose(turned, direction(gaze), atol=1e-12)
    np.testing.assert_allclose(gaze_along(3 * turned), gaze, atol=1e-12)
    assert (eye_rotation(gaze)[:, 2] == 0).all()


def test_rotations_are_columns_of_the_table():
    text = live_link_csv({"headyaw": np.array([0.25, 0.5]), "RightEyePitch": np.array([-0.125, 0])}, 2, 25)
    first, row, *_ = text.split("\n")
    columns = dict(zip(first.split(","), row.split(","), strict=True))
    told = {name: float(columns[name]) for name in LIVE_LINK_ROTATIONS}
    assert {name: value for name, value in told.items() if value} == {
        "HeadYaw": 0.25,
        "RightEyePitch": -0.125,
    }
