"""Motion on other heads: ARKit's units, another head's coefficients, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ecoface_model.core.arkit import bounded_least_squares, to_arkit
from ecoface_model.core.errors import HeadError, MotionError
from ecoface_model.core.head_file import FlameFile, read_head
from ecoface_model.core.motion_file import FlameMotion, check_head
from ecoface_model.flame import FlameHead
from ecoface_model.transfer import (
    expression_map,
    from_arkit,
    transfer,
)

OPPOSITES = (("LookIn", "LookOut"), ("LookUp", "LookDown"), ("Blink", "Wide"), ("wLeft", "wRight"))


@pytest.fixture(scope="module")
def head() -> FlameFile:
    return read_head()


def real_combinations(head: FlameFile, frames: int) -> np.ndarray:
    """Random expressions of a few units, none of which undo one another (an eye looks to one side)."""
    rng = np.random.default_rng(0)
    weights = np.where(rng.random((frames, 52)) < 0.12, rng.random((frames, 52)), 0.0)
    names = list(head.arkit_names)
    for a, b in OPPOSITES:
        for name in names:
            if a in name and name.replace(a, b) in names:
                weights[:, names.index(name.replace(a, b))] *= weights[:, names.index(name)] == 0
    return weights


def other_head(head: FlameFile) -> tuple[FlameFile, FlameFile, np.ndarray]:
    """The same person as another head: every face cut in four, larger, turned, moved, its basis mixed."""
    edges = np.sort(np.stack([head.faces, np.roll(head.faces, -1, 1)], -1).reshape(-1, 2), 1)
    ends, of_face = np.unique(edges, axis=0, return_inverse=True)
    (a, b, c), (ab, bc, ca) = head.faces.T, len(head.v_template) + of_face.reshape(-1, 3).T
    faces = np.concatenate([np.stack(f, 1) for f in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))])
    shuffle = np.random.default_rng(1).permutation(len(head.v_template) + len(ends))
    place = np.argsort(shuffle)
    turn = np.linalg.qr(np.random.default_rng(2).standard_normal((3, 3)))[0]
    turn *= np.linalg.det(turn)
    mix = np.linalg.qr(np.random.default_rng(3).standard_normal((50, 50)))[0]

    def finer(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values, values[ends].mean(1)])[shuffle]

    directions = np.einsum(
        "xy,vye,ef->vxf", 1.2 * turn, finer(head.expression_directions), mix, optimize=True
    )
    corner = place[head.faces[head.landmark_faces, 0]]  # every vertex is some new face's first corner
    made = replace(
        head,
        name="another head",
        v_template=(1.2 * finer(head.v_template) @ turn.T + 0.3).astype(np.float32),
        faces=place[faces].astype(np.int32),
        shapedirs=directions.astype(np.float32),
        n_shape=0,
        # each landmark at its first corner
        landmark_faces=(place[faces][:, 0] == corner[:, None]).argmax(1).astype(np.int32),
    )
    first = np.tile(np.array([1.0, 0, 0], np.float32), (68, 1))
    return replace(made, landmark_barycentric=first), replace(head, landmark_barycentric=first), mix


def test_bounded_least_squares_beats_every_nearby_point_within_the_bounds():
    rng = np.random.default_rng(0)
    units, wanted = rng.standard_normal((6, 30)), rng.standard_normal((5, 30))
    best = bounded_least_squares(units @ units.T, wanted @ units.T)
    assert best.min() >= 0 and best.max() <= 1

    def error(weights):
        return ((weights @ units - wanted) ** 2).sum(1)

    for _ in range(500):
        near = np.clip(best + 0.02 * rng.standard_normal(best.shape), 0, 1)
        assert (error(near) >= error(best) - 1e-6).all()


def test_bounded_least_squares_finds_weights_that_are_inside():
    rng = np.random.default_rng(0)
    units, weights = rng.standard_normal((8, 40)), rng.random((20, 8))
    found = bounded_least_squares(units @ units.T, weights @ units @ units.T)
    np.testing.assert_allclose(found, weights, atol=1e-3)


def test_arkit_weights_of_real_combinations_are_found_again(head):
    weights = real_combinations(head, 200)
    found = to_arkit(FlameMotion(from_arkit(weights, head)), head)
    assert found.shape == (200, 52) and found.min() >= 0 and found.max() <= 1
    assert np.abs(found - weights).mean() < 0.02
    moved = ((found - weights) @ head.arkit_units.reshape(52, -1)).reshape(200, -1, 3)
    largest = 1000 * np.linalg.norm(moved, axis=-1).max(1)  # mm, of each frame
    assert np.median(largest) < 0.8 and largest.max() < 3.5


def test_jaw_open_is_read_off_the_jaw(head):
    motion = np.zeros((3, 53), np.float32)
    index = head.arkit_names.index("jawOpen")
    motion[:, 50:] = np.array([[0.0], [0.5], [1.4]]) * head.arkit_coefficients[index, 50:]
    found = to_arkit(FlameMotion(motion), head)
    np.testing.assert_allclose(found[:, index], [0.0, 0.5, 1.0], atol=1e-5)
    assert np.delete(found[:2], index, axis=1).max() < 2e-3  # of a unit: hundredths of a millimetre


def test_a_jaw_turned_to_the_left_asks_for_jaw_left(head):
    motion = np.zeros((2, 53), np.float32)
    motion[:, 51] = [0.05, -0.05]
    points = FlameHead.from_file(head).vertices(torch.from_numpy(motion))
    side = (points[:, head.masks["lips"], 0] - torch.from_numpy(head.v_template[head.masks["lips"], 0])).mean(
        1
    )
    found = to_arkit(FlameMotion(motion), head)
    left, right = (found[:, head.arkit_names.index(name)] for name in ("jawLeft", "jawRight"))
    assert side[0] > 0 > side[1]  # the subject's left is +x
    assert left[0] > 0.1 > right[0] and right[1] > 0.1 > left[1]


def test_a_motion_of_another_head_is_refused(head):
    motion = FlameMotion(np.zeros((2, 53), np.float32), metadata={"head": "somebody"})
    with pytest.raises(MotionError, match=r"expected a motion for the head .* found one for 'somebody'"):
        check_head(motion, head.name)
    with pytest.raises(MotionError, match="transfer it first"):
        to_arkit(motion, head)
    check_head(FlameMotion(motion.motion, metadata={"head": head.name}), head.name)


def test_a_head_without_arkit_units_is_refused(head):
    bare = replace(head, arkit_names=(), arkit_units=np.zeros((0, len(head.v_template), 3), np.float32))
    with pytest.raises(HeadError, match="expected ARKit units"):
        to_arkit(FlameMotion(np.zeros((2, 53), np.float32)), bare)


def test_a_head_without_landmarks_cannot_be_aligned(head):
    bare = replace(head, landmark_faces=np.zeros(0, np.int32))
    with pytest.raises(HeadError, match="expected landmarks with the head"):
        expression_map(head, bare)


def test_transfer_to_the_same_head_changes_nothing(head):
    np.testing.assert_allclose(np.diag(expression_map(head, head)), 1.0, atol=0.05)


def test_a_known_change_of_mesh_place_and_basis_is_recovered(head):
    target, source, mix = other_head(head)
    expression = np.random.default_rng(4).standard_normal((8, 50))
    moved = expression @ expression_map(source, target).T
    truth = expression @ mix  # what shows the same on the mixed basis
    shown = np.einsum("vxe,te->tvx", target.expression_directions, moved - truth)
    wanted = np.einsum("vxe,te->tvx", target.expression_directions, truth)
    assert np.linalg.norm(shown) < 0.05 * np.linalg.norm(wanted)


def test_another_head_says_the_same_phones(head):
    phones = np.random.default_rng(0).integers(0, 256, (3, 40), np.uint8)
    motion = FlameMotion(np.zeros((3, 53), np.float32), 25.0, {"head": head.name}, phones)
    np.testing.assert_array_equal(transfer(motion, head, replace(head, name="other")).phones, phones)
