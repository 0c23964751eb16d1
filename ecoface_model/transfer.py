"""Motion between heads: the reference head's coefficients, another FLAME head's, ARKit's 52 units.

A motion belongs to one head; what is done with it on another goes through here and never happens silently.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ecoface_model.core.constants import EXPRESSION_DIM, JAW_DIM, LOWER_INNER, UPPER_INNER
from ecoface_model.core.errors import HeadError, MotionError
from ecoface_model.core.head_file import FlameFile
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.flame import FlameHead
from ecoface_model.postprocess.lips import aperture

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]

JAW = 2  # joints: global, neck, jaw, left eye, right eye
INNER = slice(17, 68)  # landmarks inside the face: the contour is not well placed
LIPS = 5.0  # weight of a lip vertex's squared distance against any other vertex's
PAIRS = 1000.0  # weight of the squared height between inner lips that face one another, likewise
RIDGE = 2e-4
"""Of the mean unit's size: keeps units that do nearly the same from pulling against each other."""
STIFFNESS = 0.1  # of the splitting in `bounded_least_squares`, for units of size 1; changes its speed alone
ROUNDS = 400
CONVERGED = 1e-6  # largest change of a weight in a round
MENDINGS = 3  # rounds of mending how far the lips are open
CHUNK = 256  # frames whose vertices are in memory together
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

    jawOpen is read off the jaw's rotation. The others are the bounded least squares of all vertices' exact
    displacements, less what jawOpen moves. Lips count for more, and how far they are open for most.

    Raises:
        MotionError: if the motion belongs to another head.
        HeadError: if the head has no ARKit units, or no landmarks to find its lips by.
    """
    check_head(motion, head)
    if not head.arkit_names:
        raise HeadError(
            f"expected ARKit units with the head '{head.name}', found none; use the reference head's motion"
        )
    opening = head.arkit_names.index("jawOpen")
    turn = head.arkit_coefficients[opening, EXPRESSION_DIM:]
    jaw_open = np.clip(motion.jaw @ turn / (turn @ turn), 0.0, 1.0)  # (T,)
    others = np.delete(np.arange(len(head.arkit_names)), opening)
    units = head.arkit_units.reshape(len(head.arkit_names), -1).astype(np.float64)
    metric = _towards_lips(head, units)  # (52, 3V)
    gram = metric[others] @ units[others].T
    gram[np.diag_indices_from(gram)] += RIDGE * np.square(units).sum() / len(units)
    moves = _displacements(motion.motion, head, metric[others].T)  # (T, 51)
    weights = np.empty((motion.n_frames, len(head.arkit_names)), np.float32)
    weights[:, opening] = jaw_open
    weights[:, others] = bounded_least_squares(
        gram, moves - np.outer(jaw_open, units[opening] @ metric[others].T)
    )
    return weights


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
    skinned = FlameHead.from_file(head)
    directions = head.expression_directions.reshape(-1, EXPRESSION_DIM).astype(np.float64)
    opens = lip_pairs(head) @ directions  # (3, 50)
    least = np.linalg.solve(directions.T @ directions + NOISE**2 * np.eye(EXPRESSION_DIM), opens.T)
    gains = np.linalg.solve(opens @ least, least.T)  # (3, 50)
    out = motion.astype(np.float32)
    for _ in range(MENDINGS):  # skinning is not linear
        out[:, :EXPRESSION_DIM] += ((wanted - _opened(out, skinned)) @ gains).astype(np.float32)
    return out


def _opened(motion: NDArray[np.float32], head: FlameHead) -> NDArray[np.float64]:
    """Metres (T, 3) by which a motion opens the pairs of the lips, against the neutral face."""
    both = torch.from_numpy(np.concatenate([np.zeros_like(motion[:1]), motion]))
    heights = head.landmarks(both)[..., 1].numpy().astype(np.float64)
    pairs = heights[:, UPPER_INNER] - heights[:, LOWER_INNER]
    out: NDArray[np.float64] = pairs[1:] - pairs[0]
    return out


def _ajar(head: FlameHead) -> float:
    """Metres by which the lips of the neutral face are open."""
    neutral = head.landmarks(torch.zeros(1, EXPRESSION_DIM + JAW_DIM))
    return float(aperture(neutral)) - head.rest_lip_gap()


def lip_pairs(head: FlameFile) -> NDArray[np.float64]:
    """Rows (3, 3V) that give of vertices the heights between inner lips that face one another.

    Raises:
        HeadError: if the head has no landmarks.
    """
    _require_landmarks(head)
    rows = np.zeros((len(UPPER_INNER), *head.v_template.shape))
    for row, upper, lower in zip(rows, UPPER_INNER, LOWER_INNER, strict=True):
        for sign, landmark in ((1, upper), (-1, lower)):
            corners = head.faces[head.landmark_faces[landmark]]
            np.add.at(row[:, 1], corners, sign * head.landmark_barycentric[landmark])
    return rows.reshape(len(rows), -1)


def bounded_least_squares(gram: Floats, products: Floats) -> NDArray[np.float64]:
    """Weights (T, n) in 0..1 that minimise |sum_k w_k u_k - d|^2, for all frames at once.

    By the alternating direction method of multipliers, whose every round is one product of matrices.

    Args:
        gram: u_i . u_j, (n, n).
        products: d . u_k for every frame, (T, n).
    """
    size = np.sqrt(np.diag(gram))
    inverse = np.linalg.inv(gram / np.outer(size, size) + STIFFNESS * np.eye(len(gram)))
    best = products / size @ inverse
    within, price = np.zeros_like(best), np.zeros_like(best)  # both of weights times their unit's size
    for number in range(ROUNDS):
        free = 1.7 * (best + STIFFNESS * (within - price) @ inverse) - 0.7 * within  # 1.7: over-relaxed
        before, price = within, price + free
        within = np.clip(price, 0.0, size)
        price = price - within
        if number % 10 == 9 and np.abs((within - before) / size).max(initial=0) < CONVERGED:
            break
    return np.asarray(within / size)


def _towards_lips(head: FlameFile, units: Floats) -> NDArray[np.float64]:
    """Displacements (n, 3V) by which products weigh the lips and their pairs as `to_arkit` does."""
    weight = np.ones(head.v_template.shape)
    weight[head.masks["lips"]] = LIPS
    pairs = lip_pairs(head)
    weighed: NDArray[np.float64] = units * weight.ravel() + PAIRS * (units @ pairs.T) @ pairs
    return weighed


def _displacements(motion: Floats, head: FlameFile, products: Floats) -> NDArray[np.float64]:
    """Products (T, n) of a motion's exact displacements with the columns of `products` (3V, n)."""
    skinned, out = FlameHead.from_file(head), np.empty((len(motion), products.shape[1]))
    for first in range(0, len(motion), CHUNK):
        part = torch.from_numpy(np.asarray(motion[first : first + CHUNK], np.float32))
        moved = skinned.vertices(part).numpy() - head.v_template
        out[first : first + CHUNK] = moved.reshape(len(part), -1) @ products
    return out


def transfer(motion: FlameMotion, source: FlameFile, target: FlameFile) -> FlameMotion:
    """A motion of one head in another head's coefficients.

    The jaw's rotation is kept. The lips open as far as the source's from where they touch, in proportion to
    the heads' size, so that they shut when the source's do.

    Raises:
        MotionError: if the motion does not belong to `source`.
        HeadError: if a head has no landmarks to align by.
    """
    check_head(motion, source)
    expression = motion.expression @ expression_map(source, target).T
    moved = np.concatenate([expression, motion.jaw], axis=1).astype(np.float32)
    scale, _, _ = _alignment(source, target)
    from_head, to_head = FlameHead.from_file(source), FlameHead.from_file(target)
    opened = scale * (_opened(motion.motion, from_head) + _ajar(from_head)) - _ajar(to_head)
    metadata = motion.metadata | {"head": target.name}
    return FlameMotion(_with_lips(moved, target, opened), motion.fps, metadata, motion.phones)


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


def _require_landmarks(head: FlameFile) -> None:
    if not head.has_landmarks:
        raise HeadError(
            f"expected landmarks with the head '{head.name}', found none; put flame_static_embedding.pkl"
            " beside the FLAME file"
        )


def _landmarks(head: FlameFile) -> NDArray[np.float64]:
    """The landmarks inside the face at rest, (51, 3)."""
    _require_landmarks(head)
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
