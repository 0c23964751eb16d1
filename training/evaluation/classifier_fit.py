"""The classifier's fit to training clips, and its calibration on held-out ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ecoface_model.classifier import EmotionClassifier
from ecoface_model.core.constants import EMOTIONS
from ecoface_model.reference_emotion.voice_baseline import NO_BASELINE
from ecoface_model.speech_encoder import EmotionEncoder
from training.data.sources import SYNTHETIC
from training.data.voice_clips import LINES, VoiceClips, heard_as_meant
from training.evaluation.recognition import Relative, clip_means
from training.objectives.emotion import label_loss

CALIBRATION_STEPS = 200
RIDGE, ROW_RIDGE = 1e-3, 1e-2
"""Of the classifier's weights of features and of rows, brought to one spread; ours."""
FEATURE_SHARE = 0.5
"""How much logits of features count beside those of rows: the encoder is too sure of its training's clips."""
CAUTION = 0.5
"""Added to neutral's offset after calibration; ours. Held-out actors act, most recorded lines are plain."""
PLAIN = 20.0
"""Weight of neutral synthetic clips beside other emotions' when the classifier is fitted; ours. Neutral lines
of actors are all alike; plain speech of other voices, in other places and at other paces, is neutral too."""
SYNTHETIC_SHARE = 0.47
"""As how many of the real clips all synthetic ones count, however many there are; ours. With less, a corpus
that was never heard is named worse."""
HIDDEN_STEPS, HIDDEN_BATCH, HIDDEN_RATE, HIDDEN_DECAY = 1500, 512, 1e-3, 1e-2
"""Of the fit of hidden units: steps, clips a step, learning rate, weight decay (AdamW); ours."""
ROW_DROPOUT, HIDDEN_DROPOUT, SMOOTHING = 0.3, 0.5, 0.1
"""Of their inputs, of themselves, and of the labels."""
Miss = Callable[[Tensor, Tensor | slice], Tensor]
"""What logits of some clips, which the second argument chooses, are worth: the loss."""


def fit_classifier(
    encoder: EmotionEncoder, classifier: EmotionClassifier, corpora: Sequence[VoiceClips], seed: int = 0
) -> None:
    """Fit all layers anew to whole training clips in all their recordings, as listening takes them.

    While the encoder is trained it hears short pieces, in which plain reading passes for anything. Clips
    whose voice has other lines are taken relative to these, too. Features and rows are fitted apart: the
    encoder is surer of the clips that it was trained on than of any other, and would leave the rows nothing
    to tell.
    """
    views = [
        view
        for clips, n in zip(corpora, _counted(corpora), strict=True)
        for view in _views(encoder, clips, n, seed)
    ]
    emotion, intensity, known, weight = (
        torch.cat([getattr(view, name) for view in views])
        for name in ("emotion", "intensity", "known", "weight")
    )

    def missed(logits: Tensor, chosen: Tensor | slice) -> Tensor:
        smoothing = 0.0 if isinstance(chosen, slice) else SMOOTHING
        return label_loss(
            logits, emotion[chosen], intensity[chosen], known[chosen], smoothing, weight[chosen]
        )

    features, rows = (torch.cat([getattr(view, name) for view in views]) for name in ("features", "rows"))
    _fit(classifier.to_labels, features, RIDGE, missed)
    with torch.no_grad():
        classifier.to_labels.weight.mul_(FEATURE_SHARE), classifier.to_labels.bias.mul_(FEATURE_SHARE)
    if classifier.hidden_dim:
        _fit_hidden(classifier, rows, missed, seed)
    else:
        _fit(classifier.rows_to_labels, rows, ROW_RIDGE, missed)


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
        loss = missed(fitted(x), slice(None)) + ridge * fitted.weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item()

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    _take(layer, fitted, middle, spread)


def _fit_hidden(
    classifier: EmotionClassifier, x: Float[Tensor, "clips row"], missed: Miss, seed: int
) -> None:
    """Hidden units from random weights, on inputs brought to one spread, much of which is dropped."""
    middle, spread = x.mean(dim=0), x.std(dim=0) + 1e-3
    x = (x - middle) / spread
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        own = classifier.rows_to_hidden, classifier.hidden_to_labels
        first, last = (nn.Linear(layer.in_features, layer.out_features) for layer in own)
        fitted = nn.Sequential(nn.Dropout(ROW_DROPOUT), first, nn.ReLU(), nn.Dropout(HIDDEN_DROPOUT), last)
        optimizer = torch.optim.AdamW(fitted.parameters(), HIDDEN_RATE, weight_decay=HIDDEN_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, HIDDEN_RATE, HIDDEN_STEPS)
        for _ in range(HIDDEN_STEPS):
            chosen = torch.randint(len(x), (HIDDEN_BATCH,))
            optimizer.zero_grad()
            missed(fitted(x[chosen]), chosen).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    _take(classifier.rows_to_hidden, first, middle, spread)
    with torch.no_grad():
        classifier.hidden_to_labels.weight.copy_(last.weight)
        classifier.hidden_to_labels.bias.copy_(last.bias)


@torch.no_grad()
def _take(layer: nn.Linear, fitted: nn.Linear, middle: Tensor, spread: Tensor) -> None:
    """What was fitted to inputs less their middle over their spread, as a layer of the inputs."""
    weight = fitted.weight / spread
    layer.weight.copy_(weight), layer.bias.copy_(fitted.bias - weight @ middle)


@dataclass(frozen=True)
class _View:
    """Clips of one corpus in one recording, with or without a voice baseline."""

    features: Float[Tensor, "clips feature"]
    rows: Float[Tensor, "clips row"]
    emotion: Int[Tensor, " clips"]
    intensity: Int[Tensor, " clips"]
    known: Bool[Tensor, " clips"]
    weight: Float[Tensor, " clips"]


def _counted(corpora: Sequence[VoiceClips]) -> list[float]:
    """As how many clips each corpus counts: synthetic speech as SYNTHETIC_SHARE of real, if there is any."""
    synthetic = [all(row.dataset == SYNTHETIC for row in clips.rows) for clips in corpora]
    n_clips = [len(clips.rows) for clips in corpora]
    n_real = sum(n for n, made in zip(n_clips, synthetic, strict=True) if not made)
    n_made = sum(n_clips) - n_real
    scale = SYNTHETIC_SHARE * n_real / n_made if n_real and n_made else 1.0
    return [n * (scale if made else 1.0) for n, made in zip(n_clips, synthetic, strict=True)]


def _views(encoder: EmotionEncoder, clips: VoiceClips, n_counted: float, seed: int = 0) -> list[_View]:
    """Every recording by itself, and the first relative to other lines of the voice, which counts half."""
    rng = np.random.default_rng(seed)
    alone = [(variant, NO_BASELINE, 1.0) for variant in range(len(clips.stores))]
    views = [_view(encoder, clips, *each, n_counted, rng) for each in (*alone, (0, LINES, 0.5))]
    return [view for view in views if view is not None]


@torch.no_grad()
def _view(
    encoder: EmotionEncoder,
    clips: VoiceClips,
    variant: int,
    kind: int,
    share: float,
    n_counted: float,
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
    weight = share * n_counted * _class_weights(clips)[chosen]
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
    return classifier.logits(classifier(torch.stack(features).to(device), torch.stack(rows).to(device)))


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
