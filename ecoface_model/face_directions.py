"""Where the deterministic base moves a face and where the residual may, each as fast as that part moves."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from .config import MotionGeneratorConfig

LIP_FILTER = (-0.05, 0.25, 0.6, 0.25, -0.05)
"""Taps at 25 Hz: syllables pass (0.91 at 4 Hz), trembling does not (0.45 at 8 Hz, 0 at 12.5 Hz)."""


class FaceDirections(nn.Module):
    """Lips and lids as directions of normalised motion: orthonormal bases, of the head and its corpus.

    f = f_base + (I - L L^T) f_z, with L the basis of what moves the lips (`lip_directions`). Of f_z, only
    what moves the lids (`lid_directions`) is fast.
    """

    lips: Tensor
    lids: Tensor

    def __init__(self, config: MotionGeneratorConfig) -> None:
        super().__init__()
        n_lips, n_lids = config.n_lip_directions, config.n_lid_directions
        directions = torch.eye(config.motion_dim)[:, : n_lips + n_lids]
        self.register_buffer("lips", directions[:, :n_lips].clone())
        self.register_buffer("lids", directions[:, n_lips:].clone())
        self.base_smoothing, self.residual_smoothing = config.steady_smoothing, config.life_smoothing

    def off_lips(self, motion: Float[Tensor, "batch frames 53"]) -> Float[Tensor, "batch frames 53"]:
        """The part of normalised motion that z may give."""
        return motion - motion @ self.lips @ self.lips.T

    def base(self, decoded: Float[Tensor, "batch frames 53"]) -> Float[Tensor, "batch frames 53"]:
        """The deterministic base in time: the lips as fast as syllables, everything else slower."""
        elsewhere = self.off_lips(decoded)
        lips = filtered(decoded - elsewhere, decoded.new_tensor(LIP_FILTER))
        return lips + smoothed(elsewhere, self.base_smoothing)

    def residual(self, decoded: Float[Tensor, "batch frames 53"]) -> Float[Tensor, "batch frames 53"]:
        """What a decoded latent adds: nothing at the lips, fast at the lids, slower elsewhere."""
        decoded = self.off_lips(decoded)
        lids: Tensor = decoded @ self.lids @ self.lids.T
        return lids + smoothed(decoded - lids, self.residual_smoothing)


def smoothed(motion: Float[Tensor, "batch time dim"], width: int) -> Float[Tensor, "batch time dim"]:
    """Curves under a Hann window of `width` steps (odd); beyond its ends stand its first and last frame."""
    window = torch.hann_window(width + 2, periodic=False, device=motion.device, dtype=motion.dtype)[1:-1]
    return filtered(motion, window / window.sum())


def filtered(
    motion: Float[Tensor, "batch time dim"], taps: Float[Tensor, " width"]
) -> Float[Tensor, "batch time dim"]:
    """Curves through a symmetric filter (odd); beyond the clip's ends stand its first and last frame."""
    half, n_steps = len(taps) // 2, motion.shape[1]
    padded = functional.pad(motion.mT, (half, half), mode="replicate")  # (B, dim, T + width - 1)
    out = taps[half] * padded[..., half : half + n_steps]
    for k in range(half):  # a product of windows and taps reads every step as often as there are taps
        mirrored = 2 * half - k
        out = out + taps[k] * (padded[..., k : k + n_steps] + padded[..., mirrored : mirrored + n_steps])
    return out.mT
