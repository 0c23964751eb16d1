"""The motion generator's losses (Eq. 11), pure functions; masks are 1 on real frames and 0 on padding."""

from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from ecoface_model.core.constants import LOWER_INNER, LOWER_LIDS, UPPER_INNER, UPPER_LIDS

BROWS = list(range(17, 27))  # iBUG landmarks
SMALLEST_MOVE = 1e-6  # m: what keeps a still curve's logarithm finite
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
    """First term of Eq. (11): -E[log p(f | z, c, e)] of a Gaussian, up to a constant.

    The mean squared error of normalised motion.
    """
    return masked_mean((predicted - target) ** 2, mask)


def velocity_loss(
    predicted: Float[Tensor, "batch frames *rest"],
    target: Float[Tensor, "batch frames *rest"],
    mask: Float[Tensor, "batch frames"],
) -> Float[Tensor, ""]:
    """Mean squared error of the difference between neighbouring frames (ours, as GeneFace)."""
    return masked_mean((predicted.diff(dim=1) - target.diff(dim=1)) ** 2, mask[:, 1:] * mask[:, :-1])


def kl_loss(
    z: Float[Tensor, "batch steps latent"],
    mu: Float[Tensor, "batch steps latent"],
    log_sigma: Float[Tensor, "batch steps latent"],
    log_prior: Float[Tensor, "batch steps latent"],
    mask: Float[Tensor, "batch steps"],
) -> Float[Tensor, ""]:
    """Second term of Eq. (11): the KL of the posterior from the flow prior, by one sample of z (Eq. 9).

    log q(z) - log p(flow(z)), per step and latent number.
    """
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
    """How far the inner lips are off the performance's where P, B or M is spoken, in units of 3 mm (ours).

    Both ways: lips left open are no closure, and lips pressed through one another are none either.
    """
    off = (_openings(predicted) - _openings(target)) / LIP_UNIT
    return masked_mean(off**2, mask * closed)


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
    """Cross-entropy of the phone spoken in a frame, a training head (ours); phones below 0 are not known."""
    loss = functional.cross_entropy(logits.mT, phone.clamp(min=0), reduction="none")
    return masked_mean(loss, mask * (phone >= 0))


def life_loss(
    sampled: Float[Tensor, "batch frames 68 3"],
    target: Float[Tensor, "batch frames 68 3"],
    mask: Float[Tensor, "batch frames"],
) -> Float[Tensor, ""]:
    """How far prior samples' liveliness is from the performances', squared logarithms of ratios (ours).

    Brows' heights and lids' openings: their spread over a crop and their change from frame to frame, as means
    over the batch. The KL term alone leaves samples that tremble, or that hardly blink.
    """
    ours, theirs = (_brows_and_lids(landmarks) for landmarks in (sampled, target))
    both = mask[:, 1:] * mask[:, :-1]
    ratios = []
    for measure in (partial(_spread, mask=mask), partial(_change, mask=both)):
        ratios.append((measure(ours) / measure(theirs)).log())
    return torch.stack(ratios).square().mean()


def _brows_and_lids(landmarks: Float[Tensor, "batch frames 68 3"]) -> Float[Tensor, "batch frames 14"]:
    """Metres."""
    height = landmarks[..., 1]
    return torch.cat([height[..., BROWS], height[..., UPPER_LIDS] - height[..., LOWER_LIDS]], dim=-1)


def _spread(curves: Float[Tensor, "batch frames n"], mask: Float[Tensor, "batch frames"]) -> Tensor:
    """Mean over crops of the standard deviation over time, (n,)."""
    weight = mask[..., None] / mask.sum(1)[:, None, None].clamp(min=1)
    mean = (curves * weight).sum(1, keepdim=True)
    variance = ((curves - mean).square() * weight).sum(1)
    return (variance + SMALLEST_MOVE**2).sqrt().mean(0)


def _change(curves: Float[Tensor, "batch frames n"], mask: Float[Tensor, "batch frames-1"]) -> Tensor:
    """Mean size of the change from frame to frame, (n,)."""
    change = (curves.diff(dim=1).square() + SMALLEST_MOVE**2).sqrt()
    return (change * mask[..., None]).sum((0, 1)) / mask.sum().clamp(min=1)


def emotion_loss(
    seen: Float[Tensor, "batch steps feature"], wanted: Float[Tensor, "batch steps feature"]
) -> Float[Tensor, ""]:
    """Last term of Eq. (11): 1 - cosine of what the visual encoder sees in predicted and in true faces."""
    return (1 - functional.cosine_similarity(seen, wanted, dim=-1)).mean()
