"""What may differ between two views of one rendered face without its emotion being another one."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


@dataclass(frozen=True, kw_only=True)
class FaceViews:
    """How far views differ; each is drawn once a view, so that a face does not jump about."""

    shift: float = 0.06
    """Of the picture's edge, either way."""
    scale: float = 0.08
    turn: float = 6.0
    """Degrees in the picture's plane."""
    flip: float = 0.5
    """Probability of left and right changed."""
    contrast: float = 0.25
    brightness: float = 0.1
    noise: float = 0.03
    """Largest standard deviation of the noise added."""
    hidden: float = 0.25
    """Probability that a grey patch hides a part: an emotion is told by all of the face, not by the mouth."""


VIEWS = FaceViews()


def look(
    faces: UInt8[Tensor, "views frames size size"], rng: np.random.Generator, views: FaceViews = VIEWS
) -> Float[Tensor, "views frames 1 size size"]:
    """Each row of faces as one view of it, grey 0..1."""
    n_views, n_frames, size, _ = faces.shape
    place = torch.from_numpy(np.stack([_place(rng, views) for _ in range(n_views)]))  # (V, 2, 3)
    grid = affine_grid(place, [n_views, n_frames, size, size], align_corners=False)
    pictures = grid_sample(faces.float() / 255, grid, align_corners=False)  # (V, T, S, S)
    contrast = 1 + rng.uniform(-views.contrast, views.contrast, (n_views, 1, 1, 1))
    brightness = rng.uniform(-views.brightness, views.brightness, (n_views, 1, 1, 1))
    level = rng.uniform(0, views.noise, (n_views, 1, 1, 1))
    noise = level * rng.standard_normal(pictures.shape, np.float32)
    pictures = pictures * torch.from_numpy(contrast).float()
    pictures += torch.from_numpy(brightness + noise).float()
    for view in np.flatnonzero(rng.random(n_views) < views.hidden):
        (top, left), (height, width) = (
            rng.integers(0, size - size // 4, 2),
            rng.integers(size // 8, size // 3, 2),
        )
        pictures[view, :, top : top + height, left : left + width] = float(rng.random())
    return pictures.clamp(0, 1)[:, :, None]


def _place(rng: np.random.Generator, views: FaceViews) -> NDArray[np.float32]:
    """Where a view's pixels lie in the picture: (2, 3)."""
    angle = np.deg2rad(rng.uniform(-views.turn, views.turn))
    scale = 1 + rng.uniform(-views.scale, views.scale)
    side = -1.0 if rng.random() < views.flip else 1.0
    shift = 2 * rng.uniform(-views.shift, views.shift, 2)  # the grid's edge is 2 long
    turned = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    place = np.concatenate([turned * np.array([side, 1.0]), shift[:, None]], axis=1)
    return np.asarray(place, np.float32)
