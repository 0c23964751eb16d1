"""The reference head, posed, and what of it lies in front."""

import numpy as np
import torch

from ecoface_model.core.head_file import read_head
from ecoface_model.flame import FlameHead
from ecoface_model.postprocess.lips import aperture

MM = 1000.0


def front_depth(vertices: np.ndarray, faces: np.ndarray, points: np.ndarray) -> np.ndarray:
    """z of the frontmost face before or behind each point, seen along -z; -inf where there is none."""
    near = np.abs(vertices[faces][..., :2].mean(1)[:, None] - points[None, :, :2]).max(-1).min(1) < 0.02
    a, b, c = vertices[faces[near]].transpose(1, 0, 2)[:, :, None]  # (F, 1, 3)
    x, y = points[None, :, 0], points[None, :, 1]  # (1, P)
    area = (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (c[..., 0] - a[..., 0]) * (
        b[..., 1] - a[..., 1]
    )
    u = ((x - a[..., 0]) * (c[..., 1] - a[..., 1]) - (c[..., 0] - a[..., 0]) * (y - a[..., 1])) / area
    v = ((b[..., 0] - a[..., 0]) * (y - a[..., 1]) - (x - a[..., 0]) * (b[..., 1] - a[..., 1])) / area
    depth = a[..., 2] + u * (b[..., 2] - a[..., 2]) + v * (c[..., 2] - a[..., 2])
    inside = (u >= 0) & (v >= 0) & (u + v <= 1)
    return np.where(inside, depth, -np.inf).max(0)


class Posed:
    """The reference head, posed by names of units."""

    def __init__(self) -> None:
        self.file = read_head()
        self.head = FlameHead.from_file(self.file)
        self.units = dict(zip(self.file.arkit_names, self.file.arkit_units, strict=True))
        self.motions = dict(zip(self.file.arkit_names, self.file.arkit_coefficients, strict=True))

    def motion(self, weights: dict[str, float], jaw_degrees: float = 0.0) -> torch.Tensor:
        """A motion of units, both sides alike."""
        out = np.zeros(53, np.float32)
        for name, weight in weights.items():
            names = [n for n in (name, name + "Left", name + "Right") if n in self.motions]
            out += weight * np.sum([self.motions[n] for n in names], axis=0)
        out[50] += np.radians(jaw_degrees)
        return torch.from_numpy(out)

    def vertices(self, weights: dict[str, float], jaw_degrees: float = 0.0) -> np.ndarray:
        return self.head.vertices(self.motion(weights, jaw_degrees)).numpy().astype(float)

    def gap(self, weights: dict[str, float], jaw_degrees: float = 0.0) -> float:
        """Height between the inner-lip landmarks, mm."""
        return MM * float(aperture(self.head.landmarks(self.motion(weights, jaw_degrees))))

    def faces_of(self, *materials: str) -> np.ndarray:
        chosen = [self.file.material_names.index(m) for m in materials]
        return self.file.faces[np.isin(self.file.material, chosen)].astype(np.int64)
