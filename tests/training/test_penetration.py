"""Depth of points behind surfaces: against balls, a slow search, and the reference head's own lips."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from ecoface_model.core.errors import HeadError
from ecoface_model.core.head_file import read_head
from ecoface_model.flame import FlameHead
from training.evaluation.penetration import InnerMouth, depth, nearest_on_triangles, penetration


def ball(n_rings: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """A closed ball of 2 cm, in metres, and its faces turned outwards."""
    polar = np.linspace(0, np.pi, n_rings + 1)[1:-1]
    around = np.linspace(0, 2 * np.pi, 2 * n_rings, endpoint=False)
    rings = np.stack(
        [
            np.sin(polar)[:, None] * np.cos(around),
            np.sin(polar)[:, None] * np.sin(around),
            np.cos(polar)[:, None] + 0 * around,
        ],
        axis=-1,
    )
    vertices = np.concatenate([rings.reshape(-1, 3), [[0, 0, 1], [0, 0, -1]]]) * 0.02
    index = np.arange(rings.shape[0] * rings.shape[1]).reshape(rings.shape[:2])
    a, b = index, np.roll(index, -1, axis=1)
    sides = np.concatenate([np.stack([a[:-1], a[1:], b[1:]], -1), np.stack([a[:-1], b[1:], b[:-1]], -1)])
    top = np.stack([np.full(len(around), len(vertices) - 2), a[0], b[0]], -1)
    bottom = np.stack([np.full(len(around), len(vertices) - 1), b[-1], a[-1]], -1)
    return vertices, np.concatenate([sides.reshape(-1, 3), top, bottom])


def test_depth_in_a_ball_is_its_radius_less_the_distance_from_its_middle():
    vertices, faces = ball()
    rng = np.random.default_rng(0)
    direction = rng.standard_normal((300, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    radius = rng.uniform(0.0165, 0.0235, 300)
    found = depth((direction * radius[:, None])[None], vertices[None], faces)[0]
    np.testing.assert_allclose(found, 0.02 - radius, atol=2.5e-4)  # its faces lie within the round ball


def test_points_past_the_rim_of_an_open_surface_are_not_behind_it():
    vertices = np.array([[0, 0, 0], [0.01, 0, 0], [0.01, 0.01, 0], [0, 0.01, 0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    points = np.array(
        [[0.004, 0.006, -0.001], [0.004, 0.006, 0.001], [-0.001, 0.005, -0.001], [0.5, 0.5, -0.1]]
    )
    found = depth(points[None], vertices[None], faces)[0]
    assert found[0] == pytest.approx(0.001) and (found[1:] <= 0).all()


def test_the_nearest_points_of_triangles_are_those_of_a_search():
    rng = np.random.default_rng(1)
    triangles, points = rng.standard_normal((12, 3, 3)), 2 * rng.standard_normal((12, 3))
    nearest, shares = nearest_on_triangles(points, triangles)
    np.testing.assert_allclose(np.einsum("nk,nkx->nx", shares, triangles), nearest)
    for point, triangle, found in zip(points, triangles, nearest, strict=True):
        searched = minimize(
            lambda s, t=triangle, p=point: float(np.sum((s @ t - p) ** 2)),
            np.full(3, 1 / 3),
            bounds=[(0, 1)] * 3,
            constraints={"type": "eq", "fun": lambda s: s.sum() - 1},
        )
        assert np.linalg.norm(found - point) == pytest.approx(np.sqrt(searched.fun), abs=1e-4)


def test_the_head_at_rest_touches_nothing_and_a_lip_pushed_up_goes_in():
    file = read_head()
    motion = np.zeros((3, 53), np.float32)
    close = file.arkit_coefficients[file.arkit_names.index("mouthClose")]
    motion[1], motion[2] = 0.05 * close, 0.1 * close
    measured = penetration(InnerMouth.of(file), motion)
    assert measured.lips[0] == 0 and (measured.teeth == 0).all()
    crossing = -1000 * np.diff(_gap(file, motion))  # mm that the inner lips' landmarks come closer
    assert 0.3 < measured.lips[1] < measured.lips[2]
    assert measured.lips[2] - measured.lips[1] < crossing[1]  # lips are sloped, so depth grows by less


def _gap(file, motion) -> np.ndarray:
    """Metres between the middles of the inner lips."""
    points = FlameHead.from_file(file).landmarks(torch.from_numpy(motion)).numpy()[..., 1]
    return points[:, 62] - points[:, 66]


def test_a_head_without_landmarks_is_refused():
    file = replace(read_head(), landmark_faces=np.zeros(0, np.int32))
    with pytest.raises(HeadError, match="expected landmarks and a mask of lips with the head"):
        InnerMouth.of(file)
