"""FLAME's five joints on this head: where they are, what follows them, and the jaw's corrective."""

from dataclasses import dataclass

import numpy as np

from training.head.source import Floats, Ints

KINTREE = np.array([[4294967295, 0, 1, 1, 1], [0, 1, 2, 3, 4]], dtype=np.int64)
"""Global, neck, jaw, left eye, right eye; the root's parent as FLAME's files write -1."""
JAW, EYE_LEFT, EYE_RIGHT = 2, 3, 4  # after global and neck


@dataclass(frozen=True)
class Hinge:
    """The rotation about +x that carries the lower teeth as jawOpen does."""

    pivot: Floats  # (3,) metres
    angle: float  # radians


def fit_hinge(points: Floats, moved: Floats) -> Hinge:
    """The hinge between two positions (n, 3) of the lower teeth."""
    centre, centre_moved = points.mean(0), moved.mean(0)
    u, _, vt = np.linalg.svd((points - centre).T @ (moved - centre_moved))
    turn = vt.T @ np.diag([1, 1, np.sign(np.linalg.det(vt.T @ u.T))]) @ u.T
    angle = float(np.arctan2(turn[2, 1] - turn[1, 2], turn[1, 1] + turn[2, 2]))
    shift = centre_moved - turn @ centre
    pivot = np.r_[0.0, np.linalg.solve((np.eye(3) - turn)[1:, 1:], shift[1:])]
    return Hinge(pivot, angle)


def about_x(angle: float) -> Floats:
    """Rotation matrix (3, 3) about +x."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def about_y(angle: float) -> Floats:
    """Rotation matrix (3, 3) about +y."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def jaw_weights(vertices: Floats, jaw_open: Floats, hinge: Hinge) -> Floats:
    """How far (V,) each vertex follows the hinge in jawOpen (V, 3), 0..1."""
    turned = (vertices - hinge.pivot) @ about_x(hinge.angle).T + hinge.pivot - vertices
    weight = (jaw_open * turned).sum(1) / ((turned**2).sum(1) + 1e-12)
    still = np.linalg.norm(jaw_open, axis=1) < 1e-5
    out: Floats = np.where(still, 0.0, np.clip(weight, 0, 1))
    return out


def jaw_corrective(vertices: Floats, jaw_open: Floats, weight: Floats, hinge: Hinge) -> Floats:
    """Pose directions (V, 3, 36) that make the skinned jaw follow jawOpen's straight lines over 0..1.

    Only the features of a rotation about x are used, sine and cosine - 1, each shared by its two entries.
    """
    steps = np.linspace(0, 1, 9)[1:]
    wanted, features = [], []
    for step in steps:
        angle = step * hinge.angle
        skinning = np.eye(3) + weight[:, None, None] * (about_x(angle) - np.eye(3))  # (V, 3, 3)
        relative = vertices + step * jaw_open - hinge.pivot
        rest = np.linalg.solve(skinning, relative[..., None])[..., 0] + hinge.pivot
        wanted.append(rest - vertices)
        features.append([np.sin(angle), np.cos(angle) - 1])
    both = np.linalg.lstsq(np.array(features), np.array(wanted).reshape(len(steps), -1), rcond=None)[0]
    sine, cosine = both.reshape(2, -1, 3)
    out = np.zeros((*vertices.shape, 36))
    jaw = out[:, :, 9:18]  # rows of R - I, row by row
    jaw[:, :, 5], jaw[:, :, 7] = -sine / 2, sine / 2
    jaw[:, :, 4], jaw[:, :, 8] = cosine / 2, cosine / 2
    return out


def regressor_row(vertices: Floats, chosen: Ints, joint: Floats) -> Floats:
    """Weights (V,) on the chosen vertices, as even as possible, that sum to 1 and give the joint exactly."""
    points = np.c_[vertices[chosen], np.ones(len(chosen))]
    even = np.full(len(chosen), 1 / len(chosen))
    out = np.zeros(len(vertices))
    out[chosen] = even + np.linalg.pinv(points.T) @ (np.r_[joint, 1.0] - points.T @ even)
    return out


def nearest(vertices: Floats, candidates: Ints, point: Floats, n: int) -> Ints:
    """The n candidates closest to a point."""
    distance = np.linalg.norm(vertices[candidates] - point, axis=1)
    out: Ints = candidates[np.argsort(distance, kind="stable")[:n]]
    return out
