"""Motion between heads: the reference head's coefficients, another FLAME head's, ARKit's 52 units.

A motion belongs to one head; what is done with it on another goes through here and never happens silently.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from ecoface_model.arrays import NDArray
from ecoface_model.core import arkit
from ecoface_model.core.constants import EXPRESSION_DIM, JAW_DIM, LOWER_INNER, UPPER_INNER
from ecoface_model.core.head_file import FlameFile
from ecoface_model.core.head_mesh import HeadLandmarks
from ecoface_model.core.motion_file import FlameMotion, check_head
from ecoface_model.postprocess.lips import aperture

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]

INNER = slice(17, 68)  # landmarks inside the face: the contour is not well placed
MENDINGS = 3  # rounds of mending how far the lips are open
NORMAL_REACH = 0.006  # metres: what a right angle between normals counts for in finding neighbours
NOISE = 0.0003  # metres by which corresponding points may move apart; coefficients have a spread of 1


def from_arkit(weights: Floats, head: FlameFile) -> NDArray[np.float32]:
    """Motion (T, 53) of ARKit weights (T, 52) in the order of `head.arkit_names`, in the head basis.

    The units' own coefficients, and as much expression more as opens the lips as far as the units do: units
    add up as they are, a turning jaw does not.

    Raises:
        HeadError: if the head has no landmarks to find its lips by.
    """
    motion = (weights @ head.arkit_coefficients).astype(np.float32)
    units = head.arkit_units.reshape(len(head.arkit_names), -1)
    return _with_lips(motion, head, weights @ (units @ lip_pairs(head).T))


def _with_lips(motion: Floats, head: FlameFile, wanted: Floats) -> NDArray[np.float32]:
    """The motion (T, 53) with the least more expression that opens pairs of the lips by `wanted` (T, 3)."""
    landmarks = HeadLandmarks(head)
    directions = head.expression_directions.reshape(-1, EXPRESSION_DIM).astype(np.float64)
    opens = lip_pairs(head) @ directions  # (3, 50)
    least = np.linalg.solve(directions.T @ directions + NOISE**2 * np.eye(EXPRESSION_DIM), opens.T)
    gains = np.linalg.solve(opens @ least, least.T)  # (3, 50)
    out = motion.astype(np.float32)
    for _ in range(MENDINGS):  # skinning is not linear
        out[:, :EXPRESSION_DIM] += ((wanted - _opened(out, landmarks)) @ gains).astype(np.float32)
    return out


def _opened(motion: NDArray[np.float32], head: HeadLandmarks) -> NDArray[np.float64]:
    """Metres (T, 3) by which a motion opens the pairs of the lips, against the neutral face."""
    both = np.concatenate([np.zeros_like(motion[:1]), motion])
    heights = head.of(both)[..., 1].astype(np.float64)
    pairs = heights[:, UPPER_INNER] - heights[:, LOWER_INNER]
    out: NDArray[np.float64] = pairs[1:] - pairs[0]
    return out


def _ajar(head: HeadLandmarks) -> float:
    """Metres by which the lips of the neutral face are open."""
    neutral = head.of(np.zeros((1, EXPRESSION_DIM + JAW_DIM), np.float32))
    return float(aperture(neutral)[0]) - head.rest_lip_gap()


def lip_pairs(head: FlameFile) -> NDArray[np.float64]:
    """`arkit.lip_pairs` of a head that has lips to find.

    Raises:
        HeadError: if the head has no landmarks.
    """
    arkit.require_landmarks(head)
    return arkit.lip_pairs(head.arrays())


def transfer(motion: FlameMotion, source: FlameFile, target: FlameFile) -> FlameMotion:
    """A motion of one head in another head's coefficients.

    The jaw's rotation is kept. The lips open as far as the source's from where they touch, in proportion to
    the heads' size, so that they shut when the source's do.

    Raises:
        MotionError: if the motion does not belong to `source`.
        HeadError: if a head has no landmarks to align by.
    """
    check_head(motion, source.name)
    expression = motion.expression @ expression_map(source, target).T
    moved = np.concatenate([expression, motion.jaw], axis=1).astype(np.float32)
    scale, _, _ = _alignment(source, target)
    from_head, to_head = HeadLandmarks(source), HeadLandmarks(target)
    opened = scale * (_opened(motion.motion, from_head) + _ajar(from_head)) - _ajar(to_head)
    metadata = motion.metadata | {"head": target.name}
    return replace(motion, motion=_with_lips(moved, target, opened), metadata=metadata)


def expression_map(source: FlameFile, target: FlameFile) -> NDArray[np.float64]:
    """Matrix (50, 50) from one head's expression coefficients to another's.

    Both heads are aligned by their landmarks; every vertex of the target takes the displacement of the
    nearest points of the source that face the same way; the target's coefficients follow by least squares,
    held back where the directions cannot show a difference.

    Raises:
        HeadError: if a head has no landmarks to align by.
    """
    scale, rotation, offset = _alignment(source, target)
    placed = scale * source.v_template @ rotation.T + offset
    neighbours, shares = _correspondence(placed, source.faces, target.v_template, target.faces)
    moves = source.expression_directions.astype(np.float64)  # (V, 3, 50)
    moves = np.einsum("vk,vkxe->vxe", shares, moves[neighbours])
    moves = scale * np.einsum("xy,vye->vxe", rotation, moves)
    wanted = target.expression_directions.astype(np.float64).reshape(-1, EXPRESSION_DIM)
    gram = wanted.T @ wanted + NOISE**2 * np.eye(EXPRESSION_DIM)
    solution: NDArray[np.float64] = np.linalg.solve(gram, wanted.T @ moves.reshape(-1, EXPRESSION_DIM))
    return solution


def _alignment(
    source: FlameFile, target: FlameFile
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Scale, rotation and offset that bring the source's landmarks onto the target's (Umeyama)."""
    a, b = _landmarks(source), _landmarks(target)
    a_mean, b_mean = a.mean(0), b.mean(0)
    u, values, vt = np.linalg.svd((b - b_mean).T @ (a - a_mean))
    mirror = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ mirror @ vt
    scale = float((values * np.diag(mirror)).sum() / ((a - a_mean) ** 2).sum())
    return scale, rotation, b_mean - scale * rotation @ a_mean


def _landmarks(head: FlameFile) -> NDArray[np.float64]:
    """The landmarks inside the face at rest, (51, 3)."""
    arkit.require_landmarks(head)
    corners = head.v_template[head.faces[head.landmark_faces[INNER]]].astype(np.float64)
    points: NDArray[np.float64] = np.einsum("lc,lcx->lx", head.landmark_barycentric[INNER], corners)
    return points


def _correspondence(
    source: Floats, source_faces: Ints, target: Floats, target_faces: Ints
) -> tuple[Ints, NDArray[np.float64]]:
    """For each target vertex its three nearest source vertices, and their shares.

    Nearness counts the direction of the surface, so that an upper lip finds no lower lip.
    """
    a = np.concatenate([source, NORMAL_REACH * _normals(source, source_faces)], axis=1)
    b = np.concatenate([target, NORMAL_REACH * _normals(target, target_faces)], axis=1)
    used = np.unique(source_faces)  # vertices of no face have no normal
    nearest, shares = [], []
    for part in np.array_split(b, max(1, len(b) // 512)):
        squared = ((part**2).sum(1)[:, None] + (a[used] ** 2).sum(1) - 2 * part @ a[used].T).clip(0)
        index = np.argpartition(squared, 3, axis=1)[:, :3]
        closeness = 1 / (np.take_along_axis(squared, index, 1) + 1e-10)
        nearest.append(used[index])
        shares.append(closeness / closeness.sum(1, keepdims=True))
    return np.concatenate(nearest), np.concatenate(shares)


def _normals(vertices: Floats, faces: Ints) -> NDArray[np.float64]:
    """Unit normals (V, 3)."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    total = np.zeros(vertices.shape)
    for k in range(3):
        np.add.at(total, faces[:, k], np.cross(b - a, c - a))
    unit: NDArray[np.float64] = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
    return unit
