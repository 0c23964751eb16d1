"""The classifier's fit to training clips, and its calibration on held-out ones."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ecoface_model.classifier import EmotionClassifier
from ecoface_model.core.constants import EMOTIONS
from ecoface_model.speech_encoder import EmotionEncoder
from training.data.sources import SYNTHETIC
from training.data.voice_clips import VoiceClips
from training.evaluation.classifier_views import class_weights, relative, views_of
from training.evaluation.hidden_fit import STEPS, fit_hidden, folded_layer
from training.evaluation.recognition import clip_evidence
from training.objectives.emotion import label_loss

CALIBRATION_STEPS = 200
RIDGE, ROW_RIDGE = 1e-3, 1e-2
"""Of the classifier's weights of features and of rows, brought to one spread; ours."""
FEATURE_SHARE = 0.25
"""How much logits of features count beside those of rows: the encoder is too sure of its training's clips."""
Miss = Callable[[Tensor], Tensor]
"""What logits of all clips are worth: the loss."""


def fit_classifier(
    encoder: EmotionEncoder,
    classifier: EmotionClassifier,
    corpora: Sequence[VoiceClips],
    seed: int = 0,
    n_steps: int = STEPS,
) -> None:
    """Fit all layers anew to whole training clips in all their recordings, as listening takes them.

    While the encoder is trained it hears short pieces, in which plain reading passes for anything. Clips
    whose voice has other lines are taken relative to these, too (`views_of`). Features and rows are fitted
    apart: the encoder is surer of the clips that it was trained on than of any other, and would leave the
    rows nothing to tell.

    Args:
        n_steps: of the fit of hidden units, if there are any.
    """
    views = views_of(encoder, corpora, seed)
    emotion, intensity, known = (
        torch.cat(each) for each in zip(*(view.labels() for view in views), strict=True)
    )
    weight = torch.cat([view.weight for view in views])

    def missed(logits: Tensor) -> Tensor:
        return label_loss(logits, emotion, intensity, known, weight=weight)

    _fit(classifier.to_labels, torch.cat([view.features for view in views]), RIDGE, missed)
    with torch.no_grad():
        classifier.to_labels.weight.mul_(FEATURE_SHARE), classifier.to_labels.bias.mul_(FEATURE_SHARE)
    if classifier.hidden_dim:
        fit_hidden(encoder, classifier, views, seed, n_steps)
        return
    rows = [
        relative(encoder, torch.from_numpy(view.clips.means[view.variant, i])[None], to)
        for view in views
        for i, to in zip(view.chosen, view.relative_to, strict=True)
    ]
    _fit(classifier.rows_to_labels, torch.cat(rows), ROW_RIDGE, missed)


def _fit(layer: nn.Linear, x: Float[Tensor, "clips width"], ridge: float, missed: Miss) -> None:
    """Logistic regression from nothing, on inputs brought to one spread: the ridge treats them alike."""
    middle, spread = x.mean(dim=0), x.std(dim=0) + 1e-3
    fitted = nn.Linear(layer.in_features, layer.out_features)
    with torch.no_grad():
        fitted.weight.zero_(), fitted.bias.zero_()
    x = (x - middle) / spread
    optimizer = torch.optim.LBFGS(fitted.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimizer.zero_grad()
        loss = missed(fitted(x)) + ridge * fitted.weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item()

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        weight, bias = folded_layer(fitted, middle, spread)
        layer.weight.copy_(weight), layer.bias.copy_(bias)


def calibrate(encoder: EmotionEncoder, classifier: EmotionClassifier, corpora: Sequence[VoiceClips]) -> None:
    """One sharpness, so that shares are probabilities on held-out clips, and offsets of some emotions.

    Every corpus counts alike, and in it every emotion. A class that only synthetic speech taught is often
    claimed of real clips wrongly, and never rightly: its offset falls. All others stay as they were fitted:
    offsets fitted to a few held-out actors' clips name others worse, most of all in noise.
    """
    device = classifier.offset.device
    with torch.no_grad():
        logits = torch.cat([_logits(encoder, classifier, clips) for clips in corpora])  # (clips, 15)
    target = torch.cat([torch.from_numpy(clips.emotion) for clips in corpora]).to(device)
    weight = torch.cat([class_weights(clips) for clips in corpora]).to(device)
    only_synthetic = torch.from_numpy(_only_synthetic(corpora)).to(device)
    free = torch.full_like(classifier.offset, 0.3, requires_grad=True)
    log_sharpness = torch.zeros((), device=device, requires_grad=True)
    optimizer = torch.optim.Adam([free, log_sharpness], lr=0.05)

    def offsets() -> Tensor:
        return -only_synthetic * free.square()  # they only fall

    for _ in range(CALIBRATION_STEPS):
        offset = offsets()
        scaled = classifier.calibrated(logits, offset, log_sharpness.exp())
        missed = cross_entropy(_emotion_logits(scaled), target, reduction="none")
        loss = (missed * weight).sum() + 1e-3 * offset.square().sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    classifier.offset.copy_(offsets().detach())
    classifier.sharpness.copy_(log_sharpness.detach().exp())


def _only_synthetic(corpora: Sequence[VoiceClips]) -> NDArray[np.float32]:
    """1 for each emotion but neutral that no recorded clip has, else 0."""
    recorded = {row.emotion for clips in corpora for row in clips.rows if row.dataset != SYNTHETIC}
    return np.array([name != EMOTIONS[0] and name not in recorded for name in EMOTIONS], np.float32)


def _logits(
    encoder: EmotionEncoder, classifier: EmotionClassifier, clips: VoiceClips
) -> Float[Tensor, "clips 15"]:
    """Of every clip by itself."""
    evidence = [clip_evidence(encoder, classifier, clips, index) for index in range(len(clips.rows))]
    return classifier.logits(torch.stack(evidence))


def _emotion_logits(logits: Float[Tensor, "clips 15"]) -> Float[Tensor, "clips emotions"]:
    """Both intensities of an emotion together."""
    either: Tensor = torch.logaddexp(logits[:, 1::2], logits[:, 2::2])  # (clips, 7)
    return torch.cat([logits[:, :1], either], dim=1)
