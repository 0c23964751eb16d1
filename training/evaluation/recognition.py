"""How often the classifier names held-out clips rightly."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from ecoface_model.classifier import EmotionClassifier
from ecoface_model.core.constants import EMOTIONS
from ecoface_model.reference_emotion.voice_baseline import KINDS, NO_BASELINE, trust
from ecoface_model.speech_encoder import EmotionEncoder
from training.data.voice_clips import LINES, NEUTRAL, VoiceClips
from training.evaluation.classifier_views import ALONE, Relative, relative
from training.evaluation.emotion_space import clip_feature


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


@torch.no_grad()
def clip_evidence(
    encoder: EmotionEncoder,
    classifier: EmotionClassifier,
    clips: VoiceClips,
    index: int,
    to: Relative = ALONE,
) -> Float[Tensor, " evidence"]:
    """Mean over the speech of one whole clip of the classifier's evidence."""
    device = classifier.offset.device
    feature = clip_feature(encoder, clips, index, to.baseline, to.kind, to.trust)
    piece = clips.piece(index, 0, 0, clips.n_frames(index))
    rows = relative(encoder, torch.from_numpy(piece.rows), to)
    speech = torch.from_numpy(piece.speech).to(device)
    told = classifier.of_rows(rows.to(device))  # (frames, told)
    return classifier.evidence(feature.to(device), speech @ told / speech.sum())


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
    meant, evidence = [], []
    for index in range(len(clips.rows)):
        baseline = clips.baseline(index, 0, kind, rng, n_lines)
        if kind != NO_BASELINE and baseline is None:
            continue
        share = 1.0 if kind == NO_BASELINE or n_lines is None else trust(KINDS[kind - 1], n_lines)
        evidence.append(clip_evidence(encoder, classifier, clips, index, Relative(baseline, kind, share)))
        meant.append(int(clips.emotion[index]))
    if not evidence:
        return Recognised(np.zeros(0, np.int64), np.zeros((0, len(EMOTIONS)), np.float32))
    shares, _ = classifier.calibration().of_means(torch.stack(evidence).cpu().numpy())
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
