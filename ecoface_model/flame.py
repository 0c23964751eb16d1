"""FLAME's head model as a torch module: motion -> vertices and landmarks (Eq. 2)."""

from copy import deepcopy

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ecoface_model.arrays import NDArray
from ecoface_model.core.constants import EXPRESSION_DIM, MOTION_DIM
from ecoface_model.core.errors import HeadError
from ecoface_model.core.head_file import FlameFile
from ecoface_model.core.head_mesh import gap_when_lips_meet

JAW = 2  # joints: global, neck, jaw, left eye, right eye
JAW_FEATURES = slice(9 * (JAW - 1), 9 * JAW)  # of posedirs: the jaw's R - I, row by row
VERTICES_AT_ONCE = 4_000_000  # of one chunk, about 50 MB for each intermediate


def rotation_matrix(axis_angle: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Rodrigues' formula, smooth at zero."""
    x, y, z = axis_angle.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).reshape(*x.shape, 3, 3)
    squared = (axis_angle * axis_angle).sum(-1)[..., None, None]
    small = squared < 1e-8
    angle = torch.where(small, torch.ones_like(squared), squared).sqrt()
    sine = torch.where(small, 1 - squared / 6, angle.sin() / angle)
    cosine = torch.where(small, 0.5 - squared / 24, (1 - angle.cos()) / angle**2)
    eye = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    return eye + sine * cross + cosine * (cross @ cross)


def _unit(file: FlameFile, name: str) -> NDArray[np.float32]:
    """One ARKit unit as a motion (53,); zero where the file has none."""
    if name not in file.arkit_names:
        return np.zeros(MOTION_DIM, np.float32)
    unit: NDArray[np.float32] = file.arkit_coefficients[file.arkit_names.index(name)]
    return unit


class FlameHead(nn.Module):
    """M(beta, theta, psi) of Eq. (2) for motions that move the expression and the jaw.

    Joints come from the identity alone, J(beta), as printed; smplx's code lets the expression move them too.
    """

    template: Tensor  # (V, 3)
    expression_directions: Tensor  # (50, 3V)
    shape_directions: Tensor  # (n_shape, 3V)
    jaw_correctives: Tensor  # (9, 3V)
    jaw_weights: Tensor  # (V,)
    jaw_regressor: Tensor  # (V,)
    faces: Tensor  # (F, 3)
    landmark_vertices: Tensor  # (68, 3), three vertices of each landmark
    landmark_shares: Tensor  # (68, 3)
    mouth_close: Tensor  # (53,) ARKit's unit as a motion; zero where the file has none

    def __init__(self, file: FlameFile) -> None:
        super().__init__()
        self.name = file.name
        flat = file.shapedirs.reshape(-1, file.shapedirs.shape[-1]).T  # (n_shape + 50, 3V)
        corners = file.faces[file.landmark_faces]
        buffers = {
            "template": file.v_template,
            "expression_directions": flat[file.n_shape :],
            "shape_directions": flat[: file.n_shape],
            "jaw_correctives": file.posedirs[..., JAW_FEATURES].reshape(-1, 9).T,
            "jaw_weights": file.weights[:, JAW],
            "jaw_regressor": file.J_regressor[JAW],
            "faces": file.faces.astype(np.int64),
            "landmark_vertices": corners.astype(np.int64),
            "landmark_shares": file.landmark_barycentric,
            "mouth_close": _unit(file, "mouthClose"),
        }
        for name, array in buffers.items():
            self.register_buffer(name, torch.from_numpy(np.array(array, order="C")), persistent=False)

    @classmethod
    def from_file(cls, file: FlameFile) -> "FlameHead":
        """The head of a file, in float32."""
        return cls(file)

    def restricted_to(self, chosen: Int[Tensor, " f"]) -> "FlameHead":
        """The chosen faces alone, with their vertices and those that place the jaw; it has no landmarks."""
        faces = self.faces[chosen]
        kept = torch.unique(torch.cat([faces.flatten(), self.jaw_regressor.nonzero()[:, 0]]))  # (K,)
        number = torch.zeros(self.n_vertices, dtype=kept.dtype, device=kept.device)
        number[kept] = torch.arange(len(kept), device=kept.device)
        columns = (3 * kept[:, None] + torch.arange(3, device=kept.device)).flatten()  # (3K,)
        part = deepcopy(self)
        part.faces = number[faces]
        part.landmark_vertices, part.landmark_shares = self.landmark_vertices[:0], self.landmark_shares[:0]
        for name in ("template", "jaw_weights", "jaw_regressor"):
            setattr(part, name, getattr(self, name)[kept])
        for name in ("expression_directions", "shape_directions", "jaw_correctives"):
            setattr(part, name, getattr(self, name)[:, columns].contiguous())
        return part

    @property
    def n_vertices(self) -> int:
        """V"""
        return len(self.template)

    def vertices(
        self, motion: Float[Tensor, "*batch 53"], shape: Float[Tensor, " n_shape"] | None = None
    ) -> Float[Tensor, "*batch vertices 3"]:
        """Positions in metres; `shape` is beta, zero if not given."""
        template = self._shaped(shape)
        flat = motion.reshape(-1, motion.shape[-1])  # (N, 53)
        chunks = torch.split(flat, max(1, VERTICES_AT_ONCE // self.n_vertices))
        out = torch.cat([self._pose(c, template) for c in chunks])  # (N, V, 3)
        return out.reshape(*motion.shape[:-1], self.n_vertices, 3)

    def landmarks(
        self, motion: Float[Tensor, "*batch 53"], shape: Float[Tensor, " n_shape"] | None = None
    ) -> Float[Tensor, "*batch 68 3"]:
        """The 68 landmarks in metres, from the vertices that they need alone.

        Raises:
            HeadError: if the head has no landmarks.
        """
        if len(self.landmark_vertices) == 0:
            raise HeadError(
                f"expected landmarks with the head '{self.name}', found none; put flame_static_embedding.pkl "
                "beside the FLAME file"
            )
        flat = motion.reshape(-1, motion.shape[-1])  # (N, 53)
        corners = self._pose(flat, self._shaped(shape), self.landmark_vertices.flatten())
        corners = corners.reshape(-1, *self.landmark_vertices.shape, 3)  # (N, 68, 3 corners, 3)
        points = torch.einsum("lc,nlcx->nlx", self.landmark_shares, corners)
        return points.reshape(*motion.shape[:-1], *points.shape[1:])

    def jaw_joint(self, shape: Float[Tensor, " n_shape"] | None = None) -> Float[Tensor, "3"]:
        """Where the jaw turns, J(beta)."""
        joint: Tensor = self.jaw_regressor @ self._shaped(shape)
        return joint

    def rest_lip_gap(self) -> float:
        """Mean distance in metres of the inner-lip pairs 61-67, 62-66, 63-65 when the lips just touch.

        Solved on the reference head: ARKit's mouthClose, which is linear, until the first pair meets. A head
        without units (FLAME) is modelled with touching lips, so there it is the template's distance.
        """
        motions = torch.stack([torch.zeros_like(self.mouth_close), self.mouth_close])
        return gap_when_lips_meet(self.landmarks(motions).cpu().numpy())

    def _shaped(self, shape: Tensor | None) -> Tensor:
        """T + B_S(beta), (V, 3)."""
        if shape is None:
            return self.template
        return self.template + (shape @ self.shape_directions).reshape(-1, 3)

    def _pose(
        self,
        motion: Float[Tensor, "n 53"],
        template: Float[Tensor, "v 3"],
        chosen: Int[Tensor, " k"] | None = None,
    ) -> Float[Tensor, "n k 3"]:
        """T_P and W of Eq. (2) at the chosen vertices; None is all."""
        joint = self.jaw_regressor @ template  # (3,)
        expression, correctives, weights = self.expression_directions, self.jaw_correctives, self.jaw_weights
        if chosen is not None:
            columns = (3 * chosen[:, None] + torch.arange(3, device=chosen.device)).flatten()  # (3K,)
            expression, correctives = expression[:, columns], correctives[:, columns]
            template, weights = template[chosen], weights[chosen]
        rotation = rotation_matrix(motion[:, EXPRESSION_DIM:])  # (N, 3, 3)
        turn = rotation - torch.eye(3, dtype=motion.dtype, device=motion.device)
        moved = motion[:, :EXPRESSION_DIM] @ expression + turn.flatten(1) @ correctives  # (N, 3K)
        moved = template + moved.reshape(len(motion), len(template), 3)  # (N, K, 3)
        # only the jaw turns: sum over joints of w G x = x + w_jaw (R - I) (x - joint)
        turned = torch.einsum("nxy,nky->nkx", turn, moved - joint)
        out: Tensor = moved + weights[:, None] * turned
        return out
