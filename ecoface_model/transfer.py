"""Motion between heads: the reference head's coefficients, another FLAME head's, ARKit's 52 units.

A motion belongs to one head; what is done with it on another goes through here and never happens silently.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecoface_model.config import EXPRESSION_DIM
from ecoface_model.errors import HeadError, MotionError
from ecoface_model.flame_file import FlameFile
from ecoface_model.motion import FlameMotion

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]

JAW = 2  # joints: global, neck, jaw, left eye, right eye
INNER = slice(17, 68)  # landmarks inside the face: the contour is not well placed
RIDGE = 2e-4
"""Of the mean unit's size: keeps units that do nearly the same from pulling against each other."""
SWEEPS = 400
CONVERGED = 2e-5  # largest change of a weight in a sweep
NORMAL_REACH = 0.006  # metres: what a right angle between normals counts for in finding neighbours
NOISE = 0.0003  # metres by which corresponding points may move apart; coefficients have a spread of 1


def check_head(motion: FlameMotion, head: FlameFile) -> None:
    """See that a motion is applied to the head it belongs to.

    Raises:
        MotionError: if it belongs to another one.
    """
    owner = motion.metadata.get("head", head.name)
    if owner != head.name:
        raise MotionError(
            f"expected a motion for the head '{head.name}', found one for '{owner}';"
            " use it with its own head, or transfer it first"
        )


def to_arkit(motion: FlameMotion, head: FlameFile) -> NDArray[np.float32]:
    """ARKit weights (T, 52) in 0..1, in the order of `head.arkit_names`.

    jawOpen is read off the jaw's rotation. The others are the bounded least squares of all vertices'
    displacements, expression and what is left of the jaw's turn together.

    Raises:
        MotionError: if the motion belongs to another head.
        HeadError: if the head has no ARKit units.
    """
    check_head(motion, head)
    if not head.arkit_names:
        raise HeadError(
            f"expected ARKit units with the head '{head.name}', found none; use the reference head's motion"
        )
    opening = head.arkit_names.index("jawOpen")
    turn = head.arkit_coefficients[opening, EXPRESSION_DIM:]
    jaw_open = np.clip(motion.jaw @ turn / (turn @ turn), 0.0, 1.0)  # (T,)
    rest = np.concatenate([motion.expression, motion.jaw - jaw_open[:, None] * turn], axis=1)  # (T, 53)
    others = np.delete(np.arange(len(head.arkit_names)), opening)
    units = head.arkit_units[others].reshape(len(others), -1).astype(np.float64)
    gram = units @ units.T
    gram[np.diag_indices_from(gram)] += RIDGE * np.trace(gram) / len(gram)
    weights = np.empty((motion.n_frames, len(head.arkit_names)), np.float32)
    weights[:, opening] = jaw_open
    weights[:, others] = bounded_least_squares(gram, rest @ (units @ _directions(head)).T)
    return weights


def from_arkit(weights: Floats, head: FlameFile) -> NDArray[np.float32]:
    """Motion (T, 53) of ARKit weights (T, 52) in the order of `head.arkit_names`, in the head basis."""
    return (weights @ head.arkit_coefficients).astype(np.float32)


def bounded_least_squares(gram: Floats, products: Floats) -> NDArray[np.float64]:
    """Weights (T, n) in 0..1 that minimise |sum_k w_k u_k - d|^2, for all frames at once.

    Coordinate descent: each weight in turn takes its best value, the others held.

    Args:
        gram: u_i . u_j, (n, n).
        products: d . u_k for every frame, (T, n).
    """
    weights = np.zeros(products.T.shape)  # (n, T)
    slope = np.ascontiguousarray(products.T, dtype=np.float64)  # what is left to explain: products - gram @ w
    for _ in range(SWEEPS):
        largest = 0.0
        for k in range(len(weights)):
            value = np.clip(weights[k] + slope[k] / gram[k, k], 0.0, 1.0)
            change = value - weights[k]
            size = float(np.abs(change).max())
            if size == 0.0:
                continue
            largest = max(largest, size)
            weights[k] = value
            slope -= np.outer(gram[:, k], change)
        if largest < CONVERGED:
            break
    return weights.T


def _directions(head: FlameFile) -> NDArray[np.float64]:
    """Displacements (3V, 53) per unit of each number of a motion, at rest."""
    joint = head.J_regressor[JAW] @ head.v_template
    arm = head.v_template - joint
    turns = [np.cross(axis, arm) * head.weights[:, JAW, None] for axis in np.eye(3)]
    expression = head.expression_directions.reshape(-1, EXPRESSION_DIM)
    return np.column_stack([expression, *(turn.ravel() for turn in turns)]).astype(np.float64)


def transfer(motion: FlameMotion, source: FlameFile, target: FlameFile) -> FlameMotion:
    """A motion of one head in another head's coefficients; the jaw's rotation is kept.

    Raises:
        MotionError: if the motion does not belong to `source`.
        HeadError: if a head has no landmarks to align by.
    """
    check_head(motion, source)
    expression = motion.expression @ expression_map(source, target).T
    moved = np.concatenate([expression, motion.jaw], axis=1).astype(np.float32)
    return FlameMotion(moved, motion.fps, motion.metadata | {"head": target.name})


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
    if not head.has_landmarks:
        raise HeadError(
            f"expected landmarks with the head '{head.name}', found none; put flame_static_embedding.pkl"
            " beside the FLAME file"
        )
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
