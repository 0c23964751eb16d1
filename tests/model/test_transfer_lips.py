"""Lips on other heads: the demo's motion through ARKit and on a head of FLAME's shape, in millimetres."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ecoface_model.audio import read_sound
from ecoface_model.core.arkit import to_arkit
from ecoface_model.core.errors import HeadError
from ecoface_model.core.head_file import FlameFile, read_head
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.flame import FlameHead
from ecoface_model.pipeline import EcoFace
from ecoface_model.postprocess.lips import aperture
from ecoface_model.transfer import expression_map, from_arkit, lip_pairs, transfer

DEMO = Path(__file__).parents[2] / "demo" / "speech.wav"
CLOSED = 1.0  # mm between lips that a sound has shut
REFERENCE = read_head()


@pytest.fixture(scope="module")
def motion() -> FlameMotion:
    """The demo's line as the default model speaks it: plainly, and with an emotion that opens the mouth."""
    ecoface = EcoFace.load(device="cpu")
    speech = read_sound(DEMO)
    parts = [ecoface.generate(speech, emotion=emotion).motion for emotion in (None, "angry:1.5")]
    return FlameMotion(np.concatenate(parts), metadata={"head": REFERENCE.name})


def opening(motion: np.ndarray, head: FlameFile) -> np.ndarray:
    """Millimetres (T,) between the lips, from where they touch."""
    skinned = FlameHead.from_file(head)
    landmarks = skinned.landmarks(torch.from_numpy(np.asarray(motion, np.float32)))
    return 1000 * (aperture(landmarks).numpy() - skinned.rest_lip_gap())


def check(found: np.ndarray, true: np.ndarray) -> None:
    closed = true < CLOSED
    assert closed.sum() >= 20 and true.max() > 10
    assert np.percentile(np.abs(found - true), 95) < 0.2  # asked is 1 mm, measured 0.04
    assert found[closed].max() < CLOSED + 0.1


def flame_shaped(seed: int) -> FlameFile:
    """A head as FLAME's are to ours: another person, size, place, mesh and expression basis; a face alone."""
    ref, rng = REFERENCE, np.random.default_rng(seed)
    inside = np.concatenate([ref.masks["teeth"], ref.masks["tongue"]])
    kept = rng.permutation(np.setdiff1d(np.arange(len(ref.v_template)), inside))
    place = np.full(len(ref.v_template), -1, np.int32)
    place[kept] = np.arange(len(kept))
    whole = np.flatnonzero((place[ref.faces] >= 0).all(axis=1))
    shape = rng.standard_normal(ref.n_shape).astype(np.float32)
    template = ref.v_template + ref.shapedirs[:, :, : ref.n_shape] @ shape
    uneven = 1 + 0.3 * np.sin(ref.v_template @ rng.normal(0, 20, (3, 50)) + rng.uniform(0, 6, 50))
    mix = np.linalg.qr(rng.standard_normal((50, 50)))[0]
    directions = ((ref.expression_directions * uneven[:, None, :]) @ mix).astype(np.float32)
    return replace(
        ref,
        name="FLAME (made)",
        v_template=1.1 * template[kept] + 0.2,
        faces=place[ref.faces[whole]],
        n_shape=0,
        shapedirs=1.1 * directions[kept],
        posedirs=1.1 * ref.posedirs[kept],
        weights=ref.weights[kept],
        J_regressor=ref.J_regressor[:, kept],
        landmark_faces=np.searchsorted(whole, ref.landmark_faces).astype(np.int32),
        masks={"lips": place[ref.masks["lips"]]},
        arkit_names=(),
    )


def test_lips_open_as_far_on_a_mesh_with_arkit_s_units(motion):
    weights = to_arkit(motion, REFERENCE)
    moved = weights @ (REFERENCE.arkit_units.reshape(52, -1) @ lip_pairs(REFERENCE).T)  # (T, 3)
    rest = opening(np.zeros((1, 53)), REFERENCE)
    check(rest + 1000 * moved.mean(axis=1), opening(motion.motion, REFERENCE))


def test_lips_open_as_far_on_the_way_through_arkit_and_back(motion):
    there_and_back = from_arkit(to_arkit(motion, REFERENCE), REFERENCE)
    check(opening(there_and_back, REFERENCE), opening(motion.motion, REFERENCE))
    others = np.abs(there_and_back[:, 50] - motion.motion[:, 50])  # jawOpen is the jaw's own rotation
    assert np.percentile(others, 95) < np.radians(1)


def test_lips_open_as_far_in_proportion_on_a_head_of_flame_s_shape(motion):
    target = flame_shaped(seed=1)
    moved = transfer(motion, REFERENCE, target)
    assert moved.metadata["head"] == "FLAME (made)"
    np.testing.assert_array_equal(moved.jaw, motion.jaw)
    faces = [FlameHead.from_file(head).landmarks(torch.zeros(1, 53))[0, 17:] for head in (target, REFERENCE)]
    larger, own = (float((points - points.mean(0)).norm()) for points in faces)
    true = opening(motion.motion, REFERENCE)
    found = opening(moved.motion, target)
    measured = found @ true / (true @ true)
    assert measured == pytest.approx(larger / own, rel=0.05)
    check(found / measured, true)
    # What mends the lips leaves the rest of the face as the plain map has it.
    plain = motion.expression @ expression_map(REFERENCE, target).T
    change = (moved.expression - plain) @ target.expression_directions.reshape(-1, 50).T
    assert 1000 * np.sqrt(np.square(change).mean()) < 0.5


def test_lips_cannot_be_kept_on_a_head_without_landmarks(motion):
    bare = replace(REFERENCE, landmark_faces=np.zeros(0, np.int32))
    with pytest.raises(HeadError, match="expected landmarks with the head"):
        to_arkit(motion, bare)
    with pytest.raises(HeadError, match="expected landmarks with the head"):
        from_arkit(np.zeros((2, 52)), bare)
