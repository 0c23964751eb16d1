"""The motion generator's losses (Eq. 11), pure functions; masks are 1 on real frames and 0 on padding."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from ecoface_model.lips import LOWER_INNER, UPPER_INNER

LIP_UNIT = 0.003  # m: an error of this size at the lips weighs as much as one standard deviation elsewhere


def masked_mean(
    values: Float[Tensor, "batch frames *rest"], mask: Float[Tensor, "batch frames"]
) -> Float[Tensor, ""]:
    """Mean over real frames."""
    while mask.ndim < values.ndim:
        mask = mask[..., None]
    return (values * mask).sum() / mask.expand_as(values).sum().clamp(min=1)


def reconstruction_loss(
    predicted: Float[Tensor, "batch frames dim"],
    target: Float[Tensor, "batch frames dim"],
    mask: Float[Tensor, "batch frames"],
) -> Float[Tensor, ""]:
    """Mean squared error of normalised motion: -E[log p(f | z, c, e)] of a Gaussian, up to a constant."""
    return masked_mean((predicted - target) ** 2, mask)


def velocity_loss(
    predicted: Float[Tensor, "batch frames *rest"],
    target: Float[Tensor, "batch frames *rest"],
    mask: Float[Tensor, "batch frames"],
) -> Float[Tensor, ""]:
    """Mean squared error of the difference between neighbouring frames."""
    return masked_mean((predicted.diff(dim=1) - target.diff(dim=1)) ** 2, mask[:, 1:] * mask[:, :-1])


def kl_loss(
    z: Float[Tensor, "batch steps latent"],
    mu: Float[Tensor, "batch steps latent"],
    log_sigma: Float[Tensor, "batch steps latent"],
    log_prior: Float[Tensor, "batch steps latent"],
    mask: Float[Tensor, "batch steps"],
) -> Float[Tensor, ""]:
    """Monte-Carlo KL under the flow prior: log q(z) - log p(flow(z)), per step and latent number."""
    log_posterior = (
        -0.5 * ((z - mu) / log_sigma.exp()) ** 2
        - log_sigma
        - 0.5 * torch.log(torch.tensor(2 * torch.pi, device=z.device))
    )
    return masked_mean(log_posterior - log_prior, mask)


def lip_loss(
    predicted: Float[Tensor, "batch frames 68 3"],
    target: Float[Tensor, "batch frames 68 3"],
    mask: Float[Tensor, "batch frames"],
) -> Float[Tensor, ""]:
    """Mouth landmarks and the three inner-lip openings, positions and velocities, in units of 3 mm (ours)."""
    ours, theirs = (_mouth_and_openings(landmarks) / LIP_UNIT for landmarks in (predicted, target))
    return reconstruction_loss(ours, theirs, mask) + velocity_loss(ours, theirs, mask)


def _mouth_and_openings(landmarks: Float[Tensor, "batch frames 68 3"]) -> Float[Tensor, "batch frames 72"]:
    """20 mouth points, and four times the inner pairs' heights: closing must outweigh 60 coordinates."""
    return torch.cat([landmarks[..., 48:, :].flatten(-2), *[_openings(landmarks)] * 4], dim=-1)


def _openings(landmarks: Float[Tensor, "batch frames 68 3"]) -> Float[Tensor, "batch frames 3"]:
    """Heights of the three inner-lip pairs."""
    return landmarks[..., UPPER_INNER, 1] - landmarks[..., LOWER_INNER, 1]


def closure_loss(
    predicted: Float[Tensor, "batch frames 68 3"],
    target: Float[Tensor, "batch frames 68 3"],
    closed: Bool[Tensor, "batch frames"],
    mask: Float[Tensor, "batch frames"],
) -> Float[Tensor, ""]:
    """What stays open beyond the performance where P, B or M is spoken, squared, in units of 3 mm (ours)."""
    too_open = (_openings(predicted) - _openings(target)).relu() / LIP_UNIT
    return masked_mean(too_open**2, mask * closed)


def closure_gate_loss(
    logits: Float[Tensor, "batch frames"],
    closed: Bool[Tensor, "batch frames"],
    mask: Float[Tensor, "batch frames"],
) -> Float[Tensor, ""]:
    """Binary cross-entropy of "the lips are shut by P, B or M now", a training head (ours)."""
    loss = functional.binary_cross_entropy_with_logits(logits, closed.float(), reduction="none")
    return masked_mean(loss, mask)


def phone_loss(
    logits: Float[Tensor, "batch frames phones"],
    phone: Int[Tensor, "batch frames"],
    mask: Float[Tensor, "batch frames"],
) -> Float[Tensor, ""]:
    """Cross-entropy of the phone spoken in a frame, a training head (ours)."""
    return masked_mean(functional.cross_entropy(logits.mT, phone, reduction="none"), mask)
