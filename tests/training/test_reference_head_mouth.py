"""The mouth of the head that ships: teeth behind lips, lips that pout, round and roll as people's do."""

from pathlib import Path

import numpy as np
import pytest
import torch
from posed_head import MM, Posed, front_depth

from training.evaluation.penetration import depth
from training.head import joints
from training.head.teeth import OUTWARDS, ROWS

SLIT = 0.0005  # m: lips that lie on one another part by less here and there, and it is dark behind them
SPOKEN = Path(__file__).parents[1] / "model" / "shipped_motion.npz"
CLOSED = {
    "rest": {},
    "closed": {"mouthClose": 0.01},
    "pressed": {"mouthClose": 0.035, "mouthPress": 0.25, "mouthRollUpper": 0.1, "mouthRollLower": 0.15},
    "rolled": {"mouthRollLower": 0.6, "mouthRollUpper": 0.5},
    "smile": {"mouthSmile": 0.5, "mouthClose": 0.01},
}


@pytest.fixture(scope="module")
def posed() -> Posed:
    return Posed()


@pytest.mark.parametrize("name", list(CLOSED))
def test_teeth_stay_behind_closed_lips(posed: Posed, name: str):
    vertices = posed.vertices(CLOSED[name])
    teeth = posed.file.masks["teeth"]
    front = teeth[vertices[teeth, 2] > 0.085]
    around = vertices[front] + np.array([0, SLIT, 0]) * np.array([-1, 0, 1])[:, None, None]  # (3, n, 3)
    lips = posed.faces_of("skin", "lips")
    covered = np.max([front_depth(vertices, lips, points) for points in around], axis=0)
    assert MM * (covered - vertices[front, 2]).min() > 1


def test_an_open_mouth_shows_the_edge_of_the_upper_teeth_and_hides_the_lower(posed: Posed):
    """At the middle of the lips: 1 to 3 mm of the upper teeth in AA, the lower ones at most as much."""
    points = (
        MM * posed.head.landmarks(posed.motion({"mouthLowerDown": 0.1, "mouthUpperUp": 0.25}, 12)).numpy()
    )
    vertices = MM * posed.vertices({"mouthLowerDown": 0.1, "mouthUpperUp": 0.25}, 12)
    teeth = posed.file.masks["teeth"]
    teeth = teeth[np.abs(posed.file.v_template[teeth, 0]) < 0.008]
    is_lower = posed.file.weights[teeth, joints.JAW] > 0.5
    upper, lower = vertices[teeth[~is_lower], 1].min(), vertices[teeth[is_lower], 1].max()
    assert 1 < points[62, 1] - upper < 3
    assert lower - points[66, 1] < 3


@pytest.mark.parametrize(
    "weights", [{"mouthPucker": 1}, {"mouthFunnel": 1}, {"mouthPucker": 0.8, "mouthFunnel": 0.3}]
)
def test_pouting_lips_stand_on_a_slope_and_not_on_a_shelf(posed: Posed, weights: dict[str, float]):
    """In profile, skin above the upper lip falls as it comes forward, below the lower one as it goes back."""
    vertices, at = MM * posed.vertices(weights, 2), MM * posed.file.v_template
    middle = np.flatnonzero(np.abs(at[:, 0]) < 0.5)
    for lowest, highest, deepest, least in ((-19.5, -11, 103, 0.4), (-47, -40, 97.2, 0.1)):
        _, y, z = at[middle].T
        line = middle[(y > lowest) & (y < highest) & (z > deepest)]
        line = line[np.argsort(at[line, 1])]
        assert len(line) == 4
        forward, up = np.abs(np.diff(vertices[line, 2])), np.diff(vertices[line, 1])
        assert (up > least * forward).all()


@pytest.mark.parametrize(
    "weights", [{"mouthFunnel": 1}, {"jawOpen": 0.5, "mouthFunnel": 0.5, "mouthPucker": 0.4}]
)
def test_a_rounded_mouth_s_lower_lip_is_an_arc_and_no_v(posed: Posed, weights: dict[str, float]):
    """5 mm beside its middle an arc as wide rises by a tenth of its depth, straight lines by a quarter."""
    points = MM * posed.head.landmarks(posed.motion(weights)).double().numpy()
    corners, beside, middle = points[[60, 64], 1].mean(), points[[65, 67], 1].mean(), points[66, 1]
    assert 0 < beside - middle < 0.12 * (corners - middle)


def test_a_lower_lip_rolls_in_over_a_chin_that_comes_less_forward(posed: Posed):
    """The skin below it came 6 mm forward: in F and V lip and chin were one slab."""
    at, moved = MM * posed.file.v_template, MM * posed.units["mouthRollLower"].astype(float)
    below = (np.abs(at[:, 0]) < 12) & (at[:, 1] > -56) & (at[:, 1] < -38) & (at[:, 2] > 90)
    assert 1 < moved[below, 2].max() < 4.5
    rim = (np.abs(at[:, 0]) < 1) & (np.abs(at[:, 1] + 29.3) < 0.6) & (at[:, 2] > 103)
    assert (moved[rim, 2] < -4).all() and rim.any()


def test_a_pucker_carries_the_lips_rim_as_far_as_people_s_and_not_past_their_edge(posed: Posed):
    """The inner rim went 8.5 mm forward, its edge 4.7: a duck's bill."""
    rest = MM * posed.head.landmarks(posed.motion({})).numpy()
    moved = MM * posed.head.landmarks(posed.motion({"mouthPucker": 1})).numpy() - rest
    assert 2 < moved[51, 2] < 4 and 2 < moved[57, 2] < 4
    assert (moved[[62, 66], 2] > 4).all() and (moved[[62, 66], 2] < 6).all()
    assert moved[54, 0] < -3.5  # and is as narrow


def test_teeth_stay_out_of_the_flesh_of_lips_and_cheeks_in_speech(posed: Posed):
    """Their necks alone go in where a jaw drops, by less than a millimetre: by 2.3 they look ragged."""
    with np.load(SPOKEN) as spoken:
        motion = torch.from_numpy(np.vstack([spoken["voice"], spoken["happy"]])[::5])
    vertices = posed.head.vertices(motion).double().numpy()
    teeth, faces = posed.file.masks["teeth"], posed.faces_of("lips", "mouth")
    for row in np.split(teeth, 2):
        crowns = row.reshape(len(ROWS), -1)[(ROWS <= 0.8) & (OUTWARDS > -1)].ravel()
        assert MM * depth(vertices[:, crowns], vertices, faces).max() < 0.8
