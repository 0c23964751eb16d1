"""The emotion encoders' losses as pure functions: Eqs. (4), (5) and (7); Eq. (6) adds the first two up.

Deviation: means where Eqs. (4) and (7) print sums, so that a weight means the same for any batch.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import normalize


def clip_features(
    features: Float[Tensor, "batch steps feature"], speech: Float[Tensor, "batch steps"] | None = None
) -> Float[Tensor, "batch feature"]:
    """z of Eq. (4): the mean over a clip's 2T steps, of those that speak if that is known, at unit length.

    Deviation: the paper does not normalise; at 1024 features and τ = 0.07 its logits would explode.
    """
    return normalize(mean_over_speech(features, speech), dim=-1)


def mean_over_speech(
    features: Float[Tensor, "batch steps feature"], speech: Float[Tensor, "batch steps"] | None = None
) -> Float[Tensor, "batch feature"]:
    """The mean over the steps, weighted by whether somebody speaks."""
    if speech is None:
        return features.mean(dim=1)
    return (features * speech[..., None]).sum(dim=1) / speech.sum(dim=1, keepdim=True).clamp_min(1e-6)


def contrastive_loss(
    z: Float[Tensor, "batch feature"], emotion: Int[Tensor, " batch"], temperature: float
) -> Float[Tensor, ""]:
    """Supervised contrast between emotions, Eq. (4), as a mean over the views that have a partner.

    I is all 2N views of one modality, A(i) all of them but i, P(i) those of A(i) with i's emotion, whether
    views of the same clip or of another. Eq. (4) prints no sum over P(i); SupCon, which it cites, has it.
    """
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    logits = (z @ z.T / temperature).masked_fill(itself, -torch.inf)  # (B, B)
    log_share = logits - logits.logsumexp(dim=1, keepdim=True)  # over A(i): all but i itself
    positives = (emotion[:, None] == emotion[None]) & ~itself
    n_positives = positives.sum(dim=1)
    per_clip = -log_share.masked_fill(~positives, 0.0).sum(dim=1) / n_positives.clamp_min(1)
    return per_clip[n_positives > 0].sum() / (n_positives > 0).sum().clamp_min(1)


def audio_visual_loss(
    audio_emotion: Float[Tensor, "batch steps feature"], visual_emotion: Float[Tensor, "batch steps feature"]
) -> Float[Tensor, ""]:
    """Features of the same moments of the same clips brought together, Eq. (5), as a mean over clips.

    Deviation: every step is put to unit length first, as in `clip_features`.
    """
    difference = normalize(audio_emotion, dim=-1) - normalize(visual_emotion, dim=-1)
    return difference.square().sum(dim=-1).mean()


def triplet_loss(
    z: Float[Tensor, "batch feature"],
    emotion: Int[Tensor, " batch"],
    intensity: Int[Tensor, " batch"],
    margin: float,
    known: Bool[Tensor, " batch"] | None = None,
) -> Float[Tensor, ""]:
    """Intensities kept apart within an emotion, Eq. (7), as a mean over all triplets of the batch.

    Anchor and positive share emotion and intensity, the negative has the emotion but another intensity; clips
    whose intensity is not `known` take no part.
    """
    distance = (z[:, None] - z[None]).square().sum(dim=-1)  # (B, B)
    valid = triplets(emotion, intensity)  # (B, B, B)
    if known is not None:
        valid = valid & known[:, None, None] & known[None, :, None] & known[None, None]
    hinge = (distance[:, :, None] - distance[:, None, :] + margin).relu()
    return (hinge * valid).sum() / valid.sum().clamp_min(1)


def label_loss(
    logits: Float[Tensor, "batch labels"],
    emotion: Int[Tensor, " batch"],
    intensity: Int[Tensor, " batch"],
    known: Bool[Tensor, " batch"] | None = None,
    smoothing: float = 0.0,
    weight: Float[Tensor, " batch"] | None = None,
) -> Float[Tensor, ""]:
    """Cross-entropy of a classifier over emotion x intensity, neutral being one label.

    Where the intensity is not `known`, either is right: the labels' probabilities are added up. `smoothing`
    is the share of the evenly spread label (Szegedy et al. 2016).
    Ours: contrast from random weights alone keeps all clips at one point for hundreds of steps.
    """
    log_share = logits.log_softmax(dim=1)  # (B, 15)
    own = labels_of(emotion, intensity)
    said = log_share.gather(1, own[:, None])[:, 0]
    if known is not None:
        first = (2 * emotion - 1).clamp_min(0)  # intensity 1 of the emotion
        either = torch.logaddexp(log_share.gather(1, first[:, None]), log_share.gather(1, first[:, None] + 1))
        said = torch.where(known | (emotion == 0), said, either[:, 0])
    losses = -((1 - smoothing) * said + smoothing * log_share.mean(dim=1))
    return losses.mean() if weight is None else (losses * weight).sum() / weight.sum()


def labels_of(emotion: Int[Tensor, " batch"], intensity: Int[Tensor, " batch"]) -> Int[Tensor, " batch"]:
    """Places among the N_LABELS: 0; 1, 2; 3, 4; ..."""
    return torch.where(emotion == 0, 0, 2 * emotion + intensity - 2)


def triplets(
    emotion: Int[Tensor, " batch"], intensity: Int[Tensor, " batch"]
) -> Bool[Tensor, "batch batch batch"]:
    """Which (anchor, positive, negative) count."""
    same_emotion = emotion[:, None] == emotion[None]
    same_intensity = intensity[:, None] == intensity[None]
    itself = torch.eye(len(emotion), dtype=torch.bool, device=emotion.device)
    positive = same_emotion & same_intensity & ~itself
    negative = same_emotion & ~same_intensity
    return positive[:, :, None] & negative[:, None, :]
