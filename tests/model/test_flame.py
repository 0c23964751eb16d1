"""Eq. (2) against slow and independent versions of itself, and how the lips are measured on it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from flame_samples import write_flame

from ecoface_model import flame
from ecoface_model.core.constants import LOWER_INNER, UPPER_INNER
from ecoface_model.core.errors import HeadError
from ecoface_model.core.head_file import FlameFile, read_head
from ecoface_model.core.head_mesh import HeadLandmarks, HeadMesh
from ecoface_model.core.head_pose import VERGENCE
from ecoface_model.flame import FlameHead, rotation_matrix
from ecoface_model.postprocess.lips import aperture, lip_directions


@pytest.fixture(scope="module")
def flame_file(tmp_path_factory) -> FlameFile:
    return read_head(write_flame(tmp_path_factory.mktemp("flame")))


@pytest.fixture(scope="module")
def reference() -> FlameFile:
    return read_head()


def random_motion(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    motion = torch.randn(*shape, 53, generator=generator)
    motion[..., 50:] *= 0.3
    return motion


def rodrigues(axis_angle: np.ndarray) -> np.ndarray:
    angle = np.linalg.norm(axis_angle)
    if angle == 0:
        return np.eye(3)
    x, y, z = axis_angle / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def vertices_by_the_book(
    file: FlameFile,
    motion: np.ndarray,
    shape: np.ndarray | None = None,
    every: int = 1,
    neck: np.ndarray | None = None,
    eyes: np.ndarray | None = None,
) -> np.ndarray:
    """FLAME with all five joints and 4 x 4 transforms down the kinematic tree, vertex by vertex."""
    shape = np.zeros(file.n_shape) if shape is None else shape
    identity = file.v_template + file.shapedirs[..., : file.n_shape].astype(float) @ shape
    joints = file.J_regressor.astype(float) @ identity
    neck = np.zeros(3) if neck is None else neck
    eyes = np.stack([np.eye(3)] * 2) if eyes is None else eyes
    rotations = [np.eye(3), rodrigues(neck), rodrigues(motion[50:]), *eyes]
    features = np.concatenate([(r - np.eye(3)).ravel() for r in rotations[1:]])
    transforms: list[np.ndarray] = []
    for joint in range(5):
        local = np.eye(4)
        local[:3, :3] = rotations[joint]
        parent = file.kintree_table[0, joint]
        if joint == 0:
            local[:3, 3] = joints[0]
            transforms.append(local)
        else:
            local[:3, 3] = joints[joint] - joints[parent]
            transforms.append(transforms[parent] @ local)
    out = np.zeros_like(identity)
    for v in range(0, len(out), every):
        point = identity[v] + file.expression_directions[v].astype(float) @ motion[:50]
        point = point + file.posedirs[v].astype(float) @ features
        for joint in range(5):
            relative = np.r_[point - joints[joint], 1.0]
            out[v] += file.weights[v, joint] * (transforms[joint] @ relative)[:3]
    return out[::every]


@pytest.mark.parametrize("with_shape", [False, True])
def test_vertices_equal_the_explicit_loop_over_vertices_and_joints(flame_file: FlameFile, with_shape: bool):
    motion = random_motion(3)
    shape = torch.randn(300, generator=torch.Generator().manual_seed(5)) if with_shape else None
    found = FlameHead.from_file(flame_file).vertices(motion, shape)
    for frame in range(3):
        by_hand = vertices_by_the_book(
            flame_file, motion[frame].double().numpy(), None if shape is None else shape.double().numpy()
        )
        np.testing.assert_allclose(found[frame].numpy(), by_hand, atol=2e-6)


def test_the_reference_head_goes_the_same_way(reference: FlameFile):
    motion = random_motion(seed=2)
    found = FlameHead.from_file(reference).vertices(motion)[::20]
    by_hand = vertices_by_the_book(reference, motion.double().numpy(), every=20)
    np.testing.assert_allclose(found.numpy(), by_hand, atol=3e-6)


@pytest.mark.parametrize("kind", ["flame", "reference"])
def test_neck_and_eyes_turn_as_the_explicit_loop_turns_them(
    flame_file: FlameFile, reference: FlameFile, kind: str
):
    file, every = (flame_file, 1) if kind == "flame" else (reference, 20)
    motion = random_motion(3).numpy()
    head = np.array([[0.1, -0.2, 0.15], [0, 0, 0], [-0.3, 0.05, 0.1]], np.float32)
    gaze = np.array([[0.2, -0.1], [-0.3, 0.2], [0, 0]], np.float32)
    found = HeadMesh(file).vertices(motion, head, gaze)
    landmarks = HeadLandmarks(file).of(motion, head)
    for frame in range(3):
        yaw, pitch = gaze[frame]
        eyes = np.stack(
            [
                rodrigues(np.array([0, yaw + turn, 0])) @ rodrigues(np.array([-pitch, 0, 0]))
                for turn in (-VERGENCE, VERGENCE)
            ]
        )
        book = vertices_by_the_book(file, motion[frame].astype(float), None, every, head[frame], eyes)
        np.testing.assert_allclose(found[frame, ::every], book, atol=5e-6)
    corners = HeadMesh(file).vertices(motion, head)[:, file.faces[file.landmark_faces]]
    expected = np.einsum("lc,nlcx->nlx", file.landmark_barycentric, corners)
    np.testing.assert_allclose(landmarks, expected, atol=1e-6)


def test_a_gaze_to_the_left_and_up_turns_the_pupils_there_and_a_nod_lowers_the_nose(reference: FlameFile):
    mesh, still = HeadMesh(reference), np.zeros((1, 53), np.float32)
    eyes = np.flatnonzero(reference.weights[:, 3] > 0.5)
    pupil = eyes[reference.v_template[eyes, 2].argmax()]
    looked = mesh.vertices(still, None, np.array([[0.3, 0.2]], np.float32))[0, pupil]
    assert looked[0] > reference.v_template[pupil, 0] + 0.002
    assert looked[1] > reference.v_template[pupil, 1] + 0.001
    nose = reference.v_template[:, 2].argmax()
    nodded = mesh.vertices(still, np.array([[0.2, 0, 0]], np.float32))[0, nose]
    assert nodded[1] < reference.v_template[nose, 1] - 0.01


def test_any_leading_dimensions_are_kept(flame_file: FlameFile):
    head, motion = FlameHead.from_file(flame_file), random_motion(2, 3)
    assert head.vertices(motion).shape == (2, 3, head.n_vertices, 3)
    assert head.landmarks(motion).shape == (2, 3, 68, 3)
    assert aperture(head.landmarks(motion)).shape == (2, 3)
    torch.testing.assert_close(head.vertices(motion)[1, 2], head.vertices(motion[1, 2]))


def test_long_motions_go_in_chunks_and_come_out_the_same(flame_file: FlameFile, monkeypatch):
    head, motion = FlameHead.from_file(flame_file), random_motion(50)
    whole = head.vertices(motion)
    monkeypatch.setattr(flame, "VERTICES_AT_ONCE", 7 * head.n_vertices)
    torch.testing.assert_close(head.vertices(motion), whole)


def test_no_frames_give_no_vertices(reference: FlameFile):
    head = FlameHead.from_file(reference)
    assert head.vertices(torch.zeros(0, 53)).shape == (0, head.n_vertices, 3)
    assert head.landmarks(torch.zeros(0, 53)).shape == (0, 68, 3)


def test_landmarks_are_points_on_the_faces_of_the_moved_mesh(flame_file: FlameFile):
    head, motion = FlameHead.from_file(flame_file), random_motion(4)
    corners = head.vertices(motion)[:, torch.from_numpy(flame_file.faces[flame_file.landmark_faces]).long()]
    expected = (corners * torch.from_numpy(flame_file.landmark_barycentric)[None, :, :, None]).sum(2)
    torch.testing.assert_close(head.landmarks(motion), expected, atol=1e-6, rtol=0)


def test_rotations_equal_the_matrix_exponential_and_have_a_gradient_at_rest():
    axis_angle = torch.randn(20, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    axis_angle[0] = 0
    axis_angle[1] *= 1e-5
    x, y, z = axis_angle.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(-1, 3, 3)
    torch.testing.assert_close(rotation_matrix(axis_angle), torch.linalg.matrix_exp(cross))
    assert torch.autograd.gradcheck(rotation_matrix, axis_angle[:3].clone().requires_grad_())


def test_gradient_flows_from_the_landmarks_to_every_number_of_the_motion(reference: FlameFile):
    motion = torch.zeros(53, requires_grad=True)
    FlameHead.from_file(reference).landmarks(motion).square().sum().backward()
    assert motion.grad is not None and bool(motion.grad.isfinite().all()) and bool((motion.grad != 0).all())


def test_everything_follows_the_module_to_another_device(flame_file: FlameFile):
    head = FlameHead.from_file(flame_file).to("meta")
    motion = torch.zeros(2, 53, device="meta")
    shape = torch.zeros(300, device="meta")
    assert head.vertices(motion, shape).device.type == "meta"
    assert head.landmarks(motion).device.type == "meta"


def test_a_head_without_landmarks_says_what_to_do(tmp_path: Path):
    head = FlameHead.from_file(read_head(write_flame(tmp_path, companions=False)))
    with pytest.raises(
        HeadError, match=r"expected landmarks with the head 'FLAME \(generic_model\)', found none"
    ):
        head.landmarks(random_motion(2))


def test_aperture_is_the_mean_height_of_the_upper_over_the_lower_lip():
    landmarks = torch.zeros(68, 3)
    landmarks[UPPER_INNER, 1] = torch.tensor([0.003, 0.006, 0.003])
    assert aperture(landmarks).item() == pytest.approx(0.004)
    landmarks[LOWER_INNER, 1] = 0.005  # crossed lips count as negative
    assert aperture(landmarks).item() == pytest.approx(-0.001)


def test_rest_gap_of_a_head_without_units_is_the_templates(flame_file: FlameFile):
    head = FlameHead.from_file(flame_file)
    assert head.rest_lip_gap() == pytest.approx(aperture(head.landmarks(torch.zeros(53))).item())


def test_lip_directions_are_orthonormal_and_hold_the_lips_motion(reference: FlameFile):
    basis = lip_directions(reference, 24)
    np.testing.assert_allclose(basis.T @ basis, np.eye(24), atol=1e-5)
    units = dict(zip(reference.arkit_names, reference.arkit_coefficients, strict=True))
    scale = np.r_[np.ones(50), np.full(3, 0.06)]
    head = FlameHead.from_file(reference)
    lips = torch.from_numpy(reference.masks["lips"]).long()
    for name, least in (
        ("jawOpen", 0.9),
        ("mouthPucker", 0.8),
        ("mouthClose", 0.9),
        ("mouthLowerDownLeft", 0.8),
    ):
        motion = units[name] * 0.2
        kept = basis @ (basis.T @ (motion / scale)) * scale
        rest, moved, kept_moved = head.vertices(
            torch.from_numpy(np.stack([np.zeros(53), motion, kept]).astype(np.float32))
        )[:, lips]
        lost = (kept_moved - moved).norm() / (moved - rest).norm()
        assert lost < 1 - least, name


def test_lip_directions_take_the_coefficients_spread_into_account(reference: FlameFile):
    std = np.linspace(0.2, 2, 53).astype(np.float32)
    assert lip_directions(reference, 5, std).shape == (53, 5)
    assert not np.allclose(np.abs(lip_directions(reference, 5, std)), np.abs(lip_directions(reference, 5)))
