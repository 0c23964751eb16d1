"""Other faces of our head: as different as people are, with lips and lids that meet where they did.

How deep lips stand in each other and in teeth is judged by the surface measure that training uses.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mathutils.bvhtree import BVHTree
from other_heads import ARRAYS, NAMES, babble, reference

from ecoface_blender.core.jaw_skinning import JAW
from ecoface_blender.heads import identity, jaw_shape_keys
from ecoface_blender.heads.contact_pairs import find_lips
from ecoface_blender.heads.looks import looks
from ecoface_blender.heads.shape import HeadShape
from ecoface_model.core.head_file import read_head
from ecoface_model.flame import FlameHead
from training.evaluation.penetration import InnerMouth, penetration

MM = 1000.0
COVERED, ROOF = 0.001, -0.018  # m: of cover, and above which none of it is before the lips' slit
FORWARDS = (0.002, 0.003, 1.0)  # off the edges on the midline
SPOKEN = Path(__file__).parents[1] / "model" / "shipped_motion.npz"
OTHERS = range(1, len(identity.FACES))


def face(number, amount=1.0):
    return identity.with_face(ARRAYS, identity.drawn(ARRAYS, number, amount))


def mouth_of(arrays):
    """The reference's own pairs of lips and lids, on another face."""
    mouth = reference()
    joint = arrays["J_regressor"][JAW].astype(np.float64) @ arrays["v_template"].astype(np.float64)
    return replace(mouth, template=arrays["v_template"][mouth.points].astype(np.float64), joint=joint)


def covered(arrays):
    """Metres from what is within the mouth, above its slit, to the skin before it; 0 where none is."""
    names = [str(name) for name in arrays["material_names"]]
    part = {name: arrays["material"] == names.index(name) for name in names}
    within = np.setdiff1d(
        arrays["faces"][part["mouth"] | part["teeth"] | part["lower teeth"]], arrays["faces"][part["lips"]]
    )
    within = within[ARRAYS["v_template"][within, 1] > ROOF]
    at = arrays["v_template"].astype(np.float64)
    outside = BVHTree.FromPolygons(at.tolist(), arrays["faces"][part["skin"] | part["lips"]].tolist())
    return np.array([outside.ray_cast(place.tolist(), FORWARDS)[3] or 0.0 for place in at[within]])


def lines():
    """The shipped model's, whose lips it has kept out of one another."""
    with np.load(SPOKEN) as spoken:
        return np.vstack([spoken["voice"], spoken["happy"]]).astype(np.float64)


def shut_and_open():
    """Frames of the lines: the most shut, the most open, and some between."""
    motion = lines()
    opening = reference().measure(motion).gaps.mean(axis=1).argsort()
    return motion[np.concatenate([opening[:12], opening[-12:], np.arange(0, len(motion), 8)])]


def speech_and_babble():
    return np.vstack([lines(), babble()])


@pytest.fixture(scope="module")
def inner_mouth():
    """The default head's: the same points and faces are asked on every face."""
    return InnerMouth.of(read_head())


def bites(inner_mouth, arrays, motion):
    """How deep lips of a face are in each other and in teeth."""
    file = replace(read_head(), v_template=arrays["v_template"], J_regressor=arrays["J_regressor"])
    return penetration(replace(inner_mouth, head=FlameHead.from_file(file)), motion.astype(np.float32))


@pytest.mark.parametrize("number", OTHERS)
def test_lips_and_lids_close_as_on_the_default_face(number):
    """Within 0.2 mm where they touch on the default face, in speech of the shipped model and in babble."""
    motion, mouth = speech_and_babble(), reference()
    size = mouth.lips.half_width * MM
    before, after = mouth.measure(motion), mouth_of(face(number)).measure(motion)
    touching = before.gaps * size < 0.3
    assert touching.sum() > 100
    assert ((after.gaps - before.gaps) * size)[touching].max() < 0.2
    assert np.abs((after.gaps - before.gaps) * size).max() < 0.3
    for side in before.lids:
        assert np.abs(after.lids[side] - before.lids[side]).max() < 0.02


def test_the_raw_directions_would_leave_the_lips_ajar():
    """What the correction is for: without it the same faces miss by more."""
    motion, mouth = speech_and_babble(), reference()
    missed = []
    for number in OTHERS:
        coefficients = identity.drawn(ARRAYS, number)
        moved = ARRAYS["v_template"] + ARRAYS["shapedirs"][:, :, : len(coefficients)] @ coefficients
        gaps = mouth_of(ARRAYS | {"v_template": moved.astype(np.float32)}).measure(motion).gaps
        missed.append(np.abs(gaps - mouth.measure(motion).gaps).max() * mouth.lips.half_width * MM)
    assert max(missed) > 0.6


@pytest.mark.parametrize("look", looks())
def test_every_look_keeps_its_lips_out_of_each_other_and_of_its_teeth(inner_mouth, look):
    found = bites(inner_mouth, identity.with_face(ARRAYS, looks()[look].identity), shut_and_open())
    assert 0.05 < found.lips.max() < 0.3, "they press softly where they meet"
    assert found.teeth.max() < 0.1


@pytest.mark.parametrize("number", OTHERS)
def test_the_jaw_drops_no_deeper_into_teeth_on_another_face(inner_mouth, number):
    """A jaw that drops alone draws lips over teeth, on every face as on the default one."""
    drop = np.zeros((3, 53), dtype=np.float32)
    drop[:, 50] = np.radians([8, 12, 15.3])
    usual, found = (bites(inner_mouth, head, drop) for head in (ARRAYS, face(number, 1.5)))
    assert usual.teeth.max() > 0.2
    assert (found.teeth - usual.teeth).max() < 0.1


@pytest.mark.parametrize("amount", [1.0, 1.5])
@pytest.mark.parametrize("number", OTHERS)
def test_what_is_above_a_mouths_slit_stays_behind_the_face(number, amount):
    """What skin or lips lie before on the default face has them before it on the others."""
    usual, found = covered(ARRAYS), covered(face(number, amount))
    assert len(usual) > 50 and usual.min() > COVERED
    assert found.min() > COVERED


@pytest.mark.parametrize("number", OTHERS)
def test_faces_keep_lips_and_teeth_apart_even_where_they_differ_most(inner_mouth, number):
    """At the end of Add Head's slider, half as far again as usual."""
    found = bites(inner_mouth, face(number, 1.5), shut_and_open())
    assert found.lips.max() < 0.4 and found.teeth.max() < 0.1


def test_the_raw_directions_would_press_lips_into_each_other_and_into_teeth(inner_mouth):
    coefficients = looks()["Young Woman"].identity
    moved = ARRAYS["v_template"] + ARRAYS["shapedirs"][:, :, : len(coefficients)] @ coefficients
    found = bites(inner_mouth, ARRAYS | {"v_template": moved.astype(np.float32)}, shut_and_open())
    assert found.lips.max() > 0.7 and found.teeth.max() > 0.7


def test_teeth_of_a_face_keep_their_bite():
    """Both rows move alike: what stood on one another still does."""
    teeth = ARRAYS["mask_teeth"]
    at = ARRAYS["v_template"][teeth]
    lower = ARRAYS["weights"][teeth, JAW] > 0.5
    for number in OTHERS:
        change = face(number)["v_template"][teeth] - at
        order = at[~lower, 0].argsort()
        of_upper = [np.interp(at[lower, 0], at[~lower, 0][order], change[~lower][order, k]) for k in range(3)]
        assert np.abs(change[lower].T - of_upper).max() * MM < 0.1


def test_faces_differ_from_the_default_and_from_one_another():
    templates = [ARRAYS["v_template"], *(face(number)["v_template"] for number in OTHERS)]
    for first, one in enumerate(templates):
        for other in templates[first + 1 :]:
            apart = np.linalg.norm(one - other, axis=1) * MM
            assert np.sqrt(np.mean(apart**2)) > 1.5
    for one in templates[1:]:
        assert np.linalg.norm(one - templates[0], axis=1).max() * MM < 40, "no caricature"


def test_the_neck_stays_and_the_jaw_turns_the_teeth_as_it_did():
    other = face(3)
    low = ARRAYS["v_template"][:, 1] < -0.1
    assert low.any()
    neck = np.abs(other["v_template"][low] - ARRAYS["v_template"][low])
    assert neck.max() * MM < 5
    assert np.allclose(other["J_regressor"].sum(axis=1), 1, atol=1e-4)
    teeth = ARRAYS["mask_teeth"][ARRAYS["weights"][ARRAYS["mask_teeth"], JAW] > 0.5]
    lever = [
        arrays["v_template"][teeth].mean(axis=0) - arrays["J_regressor"][JAW] @ arrays["v_template"]
        for arrays in (ARRAYS, other)
    ]
    np.testing.assert_allclose(lever[1], lever[0], atol=2e-4)


def test_half_a_difference_is_between_and_none_is_the_head_itself():
    whole, half = face(2)["v_template"], face(2, 0.5)["v_template"]
    far = np.linalg.norm(whole - ARRAYS["v_template"], axis=1).mean()
    near = np.linalg.norm(half - ARRAYS["v_template"], axis=1).mean()
    assert 0.35 * far < near < 0.65 * far
    np.testing.assert_array_equal(face(2, 0.0)["v_template"], ARRAYS["v_template"])
    np.testing.assert_array_equal(face(0)["v_template"], ARRAYS["v_template"])


def test_another_face_is_a_whole_head_with_the_same_keys():
    other = face(1)
    assert other.keys() == ARRAYS.keys() and str(other["name"]) == str(ARRAYS["name"])
    np.testing.assert_array_equal(other["shapedirs"], ARRAYS["shapedirs"])
    keys = jaw_shape_keys.make_jaw_keys(other)
    assert keys.error < 0.0005 and keys.names[:3] == ("Jaw Open", "Jaw Left", "Jaw Roll")
    shape = HeadShape(other["v_template"], NAMES, other["arkit_units"].astype(np.float32))
    assert find_lips(shape) is not None


def test_a_head_without_units_has_one_face():
    plain = dict(ARRAYS) | {"arkit_units": ARRAYS["arkit_units"][:0]}
    assert len(identity.drawn(plain, 4)) == 0
    np.testing.assert_array_equal(
        identity.with_face(plain, identity.drawn(plain, 4))["v_template"], ARRAYS["v_template"]
    )
