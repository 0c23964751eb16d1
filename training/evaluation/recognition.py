"""How often the classifier names held-out clips rightly, and its calibration on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ecoface_model.classifier import EmotionClassifier
from ecoface_model.core.constants import EMOTIONS
from ecoface_model.reference_emotion.voice_baseline import KINDS, NO_BASELINE, trust
from ecoface_model.speech_encoder import EmotionEncoder
from training.data.sources import SYNTHETIC
from training.data.voice_clips import LINES, NEUTRAL, VoiceClips, heard_as_meant
from training.evaluation.emotion_space import clip_feature
from training.objectives.emotion import label_loss

CALIBRATION_STEPS = 200
RIDGE, ROW_RIDGE = 1e-3, 1e-2
"""Of the classifier's weights of features and of rows, brought to one spread; ours."""
FEATURE_SHARE = 0.5
"""How much logits of features count beside those of rows: the encoder is too sure of its training's clips."""
CAUTION = 0.5
"""Added to neutral's offset after calibration; ours. Held-out actors act, most recorded lines do not."""
PLAIN = 20.0
"""Weight of neutral synthetic clips beside other emotions' when the classifier is fitted; ours. Neutral lines
of actors are all alike; plain speech of other voices, in other places and at other paces, is neutral too."""


@dataclass(frozen=True)
class Recognised:
    """Clips with what was meant, and the share of each emotion over the whole clip."""

    meant: Int[NDArray[np.int64], " clips"]
    shares: Float[NDArray[np.float32], "clips emotions"]

    @property
    def found(self) -> Int[NDArray[np.int64], " clips"]:
        """The emotion with the largest share."""
        found: NDArray[np.int64] = self.shares.argmax(axis=1)
        return found

    @property
    def uar(self) -> float:
        """Unweighted average recall: the mean over the emotions meant of the share that is named rightly."""
        right = self.found == self.meant
        return float(np.mean([right[self.meant == emotion].mean() for emotion in np.unique(self.meant)]))


@dataclass(frozen=True)
class Relative:
    """A voice baseline of one clip, its kind, and how far it is trusted."""

    baseline: NDArray[np.float32] | None = None
    kind: int = NO_BASELINE
    trust: float = 1.0


ALONE = Relative()


@torch.no_grad()
def clip_means(
    encoder: EmotionEncoder, clips: VoiceClips, index: int, to: Relative = ALONE, variant: int = 0
) -> tuple[Float[Tensor, " feature"], Float[Tensor, " row"]]:
    """Means over the speech of one whole clip of the encoder's features and of the front's rows."""
    device = next(encoder.parameters()).device
    usual = None if to.baseline is None else torch.from_numpy(to.baseline)[None].to(device)
    kind, trust = torch.tensor([to.kind], device=device), torch.tensor([to.trust], device=device)
    mean = torch.from_numpy(clips.means[variant, index]).to(device)
    rows = encoder.relative(mean[None, None], usual, kind, trust)[0, 0]
    return clip_feature(encoder, clips, index, to.baseline, to.kind, to.trust, variant), rows


@torch.no_grad()
def recognise(
    encoder: EmotionEncoder,
    classifier: EmotionClassifier,
    clips: VoiceClips,
    kind: int = NO_BASELINE,
    n_lines: int | None = None,
    seed: int = 0,
) -> Recognised:
    """Every clip by itself, or relative to n_lines other lines of its voice; else it is left out."""
    rng = np.random.default_rng(seed)
    meant, logits = [], []
    for index in range(len(clips.rows)):
        baseline = clips.baseline(index, 0, kind, rng, n_lines)
        if kind != NO_BASELINE and baseline is None:
            continue
        share = 1.0 if kind == NO_BASELINE or n_lines is None else trust(KINDS[kind - 1], n_lines)
        both = clip_means(encoder, clips, index, Relative(baseline, kind, share))
        logits.append(classifier(*(each.to(classifier.offset.device) for each in both)))
        meant.append(int(clips.emotion[index]))
    if not logits:
        return Recognised(np.zeros(0, np.int64), np.zeros((0, len(EMOTIONS)), np.float32))
    shares, _ = classifier.calibration().of_means(torch.stack(logits).cpu().numpy())
    return Recognised(np.array(meant), shares)


def recognition(
    encoder: EmotionEncoder, classifier: EmotionClassifier, clips: VoiceClips
) -> dict[str, float]:
    """UAR of single clips, and with each kind of voice baseline."""
    kinds = {"single clips": NO_BASELINE, "relative to 5 lines": LINES, "relative to 1 neutral line": NEUTRAL}
    n_lines = {LINES: 5, NEUTRAL: 1}
    found = {
        name: recognise(encoder, classifier, clips, kind, n_lines.get(kind)) for name, kind in kinds.items()
    }
    return {name: each.uar for name, each in found.items() if len(each.meant)}


def fit_classifier(
    encoder: EmotionEncoder, classifier: EmotionClassifier, corpora: Sequence[VoiceClips]
) -> None:
    """Fit both linear layers anew to whole training clips in all their recordings, as listening takes them.

    While the encoder is trained it hears short pieces, in which plain reading passes for anything. Clips
    whose voice has other lines are taken relative to these, too. Each layer is fitted alone: the encoder is
    surer of the clips that it was trained on than of any other, and would leave the rows nothing to tell.
    """
    views = [view for clips in corpora for view in _views(encoder, clips)]
    emotion, intensity, known, weight = (
        torch.cat([getattr(view, name) for view in views])
        for name in ("emotion", "intensity", "known", "weight")
    )
    for layer, name, ridge, share in (
        (classifier.to_labels, "features", RIDGE, FEATURE_SHARE),
        (classifier.rows_to_labels, "rows", ROW_RIDGE, 1.0),
    ):
        x = torch.cat([getattr(view, name) for view in views])
        _fit(layer, x, ridge, lambda logits: label_loss(logits, emotion, intensity, known, weight=weight))
        with torch.no_grad():
            layer.weight.mul_(share), layer.bias.mul_(share)


def _fit(
    layer: nn.Linear, x: Float[Tensor, "clips width"], ridge: float, missed: Callable[[Tensor], Tensor]
) -> None:
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
        layer.weight.copy_(fitted.weight / spread)
        layer.bias.copy_(fitted.bias - layer.weight.cpu() @ middle)


@dataclass(frozen=True)
class _View:
    """Clips of one corpus in one recording, with or without a voice baseline."""

    features: Float[Tensor, "clips feature"]
    rows: Float[Tensor, "clips row"]
    emotion: Int[Tensor, " clips"]
    intensity: Int[Tensor, " clips"]
    known: Bool[Tensor, " clips"]
    weight: Float[Tensor, " clips"]


def _views(encoder: EmotionEncoder, clips: VoiceClips, seed: int = 0) -> list[_View]:
    """Every recording by itself, and the first relative to other lines of the voice, which counts half."""
    rng = np.random.default_rng(seed)
    alone = [(variant, NO_BASELINE, 1.0) for variant in range(len(clips.stores))]
    views = [_view(encoder, clips, *each, rng) for each in (*alone, (0, LINES, 0.5))]
    return [view for view in views if view is not None]


@torch.no_grad()
def _view(
    encoder: EmotionEncoder,
    clips: VoiceClips,
    variant: int,
    kind: int,
    share: float,
    rng: np.random.Generator,
) -> _View | None:
    """None if no voice has other lines enough for that kind of baseline."""
    baselines = [clips.baseline(index, variant, kind, rng) for index in range(len(clips.rows))]
    chosen = [i for i, found in enumerate(baselines) if kind == NO_BASELINE or found is not None]
    if not chosen:
        return None
    both = [clip_means(encoder, clips, i, Relative(baselines[i], kind), variant) for i in chosen]
    emotion, intensity, known = (
        torch.from_numpy(each[chosen]) for each in (clips.emotion, clips.intensity, clips.known)
    )
    features, rows = (torch.stack(each).cpu() for each in zip(*both, strict=True))
    weight = share * len(clips.rows) * _class_weights(clips)[chosen]
    return _View(features, rows, emotion, intensity, known, weight)


def calibrate(encoder: EmotionEncoder, classifier: EmotionClassifier, corpora: Sequence[VoiceClips]) -> None:
    """Offsets of the emotions and one sharpness, so that shares are probabilities on held-out clips.

    Every corpus counts alike, and in it every emotion. A class that only synthetic speech taught is often
    claimed of real clips wrongly, and never rightly: its offset falls. Neutral is favoured by CAUTION.
    """
    device = classifier.offset.device
    with torch.no_grad():
        logits = torch.cat([_logits(encoder, classifier, clips) for clips in corpora])  # (clips, 15)
    target = torch.cat([torch.from_numpy(clips.emotion) for clips in corpora]).to(device)
    weight = torch.cat([_class_weights(clips) for clips in corpora]).to(device)
    offset = torch.zeros_like(classifier.offset, requires_grad=True)
    log_sharpness = torch.zeros((), device=device, requires_grad=True)
    optimizer = torch.optim.Adam([offset, log_sharpness], lr=0.05)
    for _ in range(CALIBRATION_STEPS):
        scaled = classifier.calibrated(logits, offset, log_sharpness.exp())
        missed = cross_entropy(_emotion_logits(scaled), target, reduction="none")
        loss = (missed * weight).sum() + 1e-3 * offset.square().sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    classifier.offset.copy_(offset.detach())
    classifier.offset[0] += CAUTION
    classifier.sharpness.copy_(log_sharpness.detach().exp())


def _logits(
    encoder: EmotionEncoder, classifier: EmotionClassifier, clips: VoiceClips
) -> Float[Tensor, "clips 15"]:
    """Of every clip by itself."""
    features, rows = zip(
        *(clip_means(encoder, clips, index) for index in range(len(clips.rows))), strict=True
    )
    device = classifier.offset.device
    logits: Tensor = classifier(torch.stack(features).to(device), torch.stack(rows).to(device))
    return logits


def _class_weights(clips: VoiceClips) -> Float[Tensor, " clips"]:
    """Every emotion counts alike, plain synthetic speech `PLAIN` times; all add up to 1."""
    counts = np.bincount(clips.emotion, minlength=len(EMOTIONS))
    weight = 1.0 / counts[clips.emotion]
    weight *= [heard_as_meant(row.agreement) for row in clips.rows]
    synthetic = np.array([row.dataset == SYNTHETIC for row in clips.rows])
    weight[synthetic & (clips.emotion == 0)] *= PLAIN
    return torch.from_numpy(weight / weight.sum()).float()


def _emotion_logits(logits: Float[Tensor, "clips 15"]) -> Float[Tensor, "clips emotions"]:
    """Both intensities of an emotion together."""
    either: Tensor = torch.logaddexp(logits[:, 1::2], logits[:, 2::2])  # (clips, 7)
    return torch.cat([logits[:, :1], either], dim=1)
