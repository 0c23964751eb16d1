"""Meshes in a FLAME head's topology -> its coefficients: least squares over all vertices.

The expression is linear once the jaw is known, the jaw is not: both are solved together by Gauss-Newton,
whose every step is the linear least squares of the two. (Solving one after the other ends at the same point,
slower: they pull at the same lips.)
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from numpy.typing import NDArray
from torch import Tensor

from ecoface_model.core.constants import EXPRESSION_DIM, JAW_DIM, MOTION_DIM
from ecoface_model.core.head_file import FlameFile
from ecoface_model.flame import FlameHead, rotation_matrix
from training.data.clips import CorpusError

FRAMES_AT_ONCE = 16  # 2 MB a frame at FLAME's size
MOST_STEPS = 20
CONVERGED = 1e-6  # largest change of a coefficient
RIDGE = 1e-9  # of the mean curvature: keeps a direction that moves nothing at zero
MM = 1000.0


@dataclass(frozen=True)
class MeshFit:
    """Coefficients of a sequence of meshes, and how far they are from it."""

    motion: Float32[NDArray[np.float32], "frames 53"]
    residual_mm: Float[NDArray[np.float64], " frames"]
    """Distance between mesh and model, mean over the vertices."""


def head_of_subject(file: FlameFile, neutral: Float[NDArray[Any], "vertices 3"]) -> FlameHead:
    """The head with a subject's neutral mesh in place of T + B_S(beta), in float64.

    Raises:
        CorpusError: if the mesh has another number of vertices.
    """
    if neutral.shape != file.v_template.shape:
        raise CorpusError(
            f"expected meshes of {len(file.v_template)} vertices as '{file.name}' has, found {len(neutral)};"
            " use the FLAME file whose topology they have"
        )
    return FlameHead.from_file(dataclasses.replace(file, v_template=neutral.astype(np.float32))).double()


def solve_identity(
    file: FlameFile, neutral: Float[NDArray[Any], "vertices 3"]
) -> Float[NDArray[np.float64], "vertices 3"]:
    """T + B_S(beta) closest to a mesh at rest: for subjects that come without a template.

    Raises:
        CorpusError: if the mesh has another number of vertices.
    """
    head = head_of_subject(file, neutral)
    directions = head.shape_directions.numpy()  # (n_shape, 3V)
    wanted = (neutral - file.v_template).ravel()
    gram = directions @ directions.T
    gram += RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
    beta = np.linalg.solve(gram, directions @ wanted)
    template: NDArray[np.float64] = file.v_template + (beta @ directions).reshape(-1, 3)
    return template


def fit_motion(head: FlameHead, meshes: Float[NDArray[Any], "frames vertices 3"]) -> MeshFit:
    """psi and theta^jaw of every mesh, for the head of its subject (float64).

    Raises:
        CorpusError: if the meshes have another number of vertices.
    """
    if meshes.shape[1] != head.n_vertices:
        raise CorpusError(f"expected meshes of {head.n_vertices} vertices, found {meshes.shape[1]}")
    products = direction_products(head)
    frames = torch.split(torch.from_numpy(meshes).double(), FRAMES_AT_ONCE)
    parts = [_fit(head, products, part) for part in frames]
    motion = torch.cat([part[0] for part in parts])
    residual = torch.cat([part[1] for part in parts])
    return MeshFit(motion.float().numpy(), residual.numpy() * MM)


@torch.no_grad()
def _fit(
    head: FlameHead, products: Float[Tensor, "10 50 50"], meshes: Float[Tensor, "n v 3"]
) -> tuple[Tensor, Tensor]:
    """Motion (N, 53) and mean distance in metres (N,)."""
    motion = meshes.new_zeros(len(meshes), MOTION_DIM)
    for _ in range(MOST_STEPS):
        curvature, slope = normal_equations(head, products, motion, meshes)
        ridge = RIDGE * curvature.diagonal(dim1=1, dim2=2).mean(dim=1)  # (N,)
        curvature = curvature + ridge[:, None, None] * torch.eye(MOTION_DIM, dtype=motion.dtype)
        step = torch.linalg.solve(curvature, slope)  # (N, 53)
        motion = motion + step
        if float(step.abs().max()) < CONVERGED:
            break
    distance = (meshes - head.vertices(motion)).norm(dim=-1).mean(dim=1)  # (N,)
    return motion, distance


def direction_products(head: FlameHead) -> Float[Tensor, "10 50 50"]:
    """Sums over vertices of products of expression directions: E'E, and (w - w^2) E_a' E_b for axes a, b.

    A direction at a vertex of jaw weight w is skinned by S = 1 + w A, A = R - 1, and
    S'S = 1 + (w - w^2)(A + A'), for A'A = -(A + A'): these ten give the expression's curvature.
    """
    moves = head.expression_directions.reshape(EXPRESSION_DIM, -1, 3)  # (50, V, 3)
    partly = head.jaw_weights - head.jaw_weights**2
    products = torch.einsum("v,kva,lvb->abkl", partly, moves, moves).flatten(0, 1)  # (9, 50, 50)
    plain = head.expression_directions @ head.expression_directions.T
    return torch.cat([plain[None], products])


def normal_equations(
    head: FlameHead,
    products: Float[Tensor, "10 50 50"],
    motion: Float[Tensor, "n 53"],
    meshes: Float[Tensor, "n v 3"],
) -> tuple[Float[Tensor, "n 53 53"], Float[Tensor, "n 53"]]:
    """J'J and J'(meshes - vertices) with J = d vertices / d motion, whose jaw columns autograd gives."""
    turn = rotation_matrix(motion[:, EXPRESSION_DIM:]) - torch.eye(3, dtype=motion.dtype)  # A, (N, 3, 3)
    changes: list[Tensor] = []
    for axis in range(JAW_DIM):
        tangent = torch.zeros_like(motion)
        tangent[:, EXPRESSION_DIM + axis] = 1
        changes.append(torch.func.jvp(head.vertices, (motion,), (tangent,))[1])
    columns = torch.stack([*changes, meshes - head.vertices(motion)], dim=1)  # (N, 3 + 1, V, 3)
    turned = torch.einsum("nyx,nkvy->nkvx", turn, columns)
    skinned = (columns + head.jaw_weights[:, None] * turned).flatten(2)  # S' of every column, (N, 4, 3V)
    mixed = skinned @ head.expression_directions.T  # (N, 4, 50)
    columns = columns.flatten(2)
    jaw = columns[:, :JAW_DIM] @ columns.mT  # (N, 3, 4)
    expression = products[0] + torch.einsum("nc,ckl->nkl", (turn + turn.mT).flatten(1), products[1:])
    upper = torch.cat([expression, mixed[:, :JAW_DIM].mT], dim=2)  # (N, 50, 53)
    lower = torch.cat([mixed[:, :JAW_DIM], jaw[:, :, :JAW_DIM]], dim=2)  # (N, 3, 53)
    slope = torch.cat([mixed[:, JAW_DIM], jaw[:, :, JAW_DIM]], dim=1)  # (N, 53)
    return torch.cat([upper, lower], dim=1), slope
