"""Training clips as the classifier is fitted to them: in all recordings, alone and relative to voices."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from ecoface_model.core.constants import EMOTIONS
from ecoface_model.postprocess.voice_activity import BENEATH
from ecoface_model.reference_emotion.voice_baseline import NO_BASELINE
from ecoface_model.speech_encoder import EmotionEncoder
from training.data.sources import SYNTHETIC
from training.data.voice_clips import LINES, VoiceClips, heard_as_meant
from training.evaluation.emotion_space import clip_feature

PLAIN = 20.0
"""Weight of neutral synthetic clips beside other emotions' when the classifier is fitted; ours. Neutral lines
of actors are all alike; plain speech of other voices, in other places and at other paces, is neutral too."""
SYNTHETIC_SHARE = 0.47
"""As how many of the real clips all synthetic ones count, however many there are; ours. With less, a corpus
that was never heard is named worse."""


@dataclass(frozen=True)
class View:
    """Clips of one corpus in one recording, with or without a voice baseline."""

    clips: VoiceClips
    variant: int
    chosen: Int[NDArray[np.int64], " views"]
    """Of the corpus's clips."""
    kind: int
    """Of the voice baselines."""
    baselines: list[NDArray[np.float32] | None]
    features: Float[Tensor, "views feature"]
    """Means over a clip's speech of what the encoder gives."""
    weight: Float[Tensor, " views"]

    def labels(self) -> tuple[Int[Tensor, " views"], Int[Tensor, " views"], Bool[Tensor, " views"]]:
        """Emotion, intensity, and whether that is known."""
        clips = self.clips
        emotion, intensity, known = (
            torch.from_numpy(each[self.chosen]) for each in (clips.emotion, clips.intensity, clips.known)
        )
        return emotion, intensity, known

    def frames(
        self, encoder: EmotionEncoder, place: int, most: int, rng: np.random.Generator
    ) -> Float[Tensor, "frames row"]:
        """Rows of at most so many of a clip's frames with speech, drawn anew, relative to the voice."""
        index = int(self.chosen[place])
        spoken = np.flatnonzero(self.clips.speech[index] >= BENEATH)
        if len(spoken) == 0:
            spoken = np.arange(self.clips.n_frames(index))
        if len(spoken) > most:
            spoken = rng.choice(spoken, most, replace=False)
        stored = self.clips.stores[self.variant][self.clips.rows[index].id]
        rows = torch.from_numpy(stored[np.sort(spoken)].astype(np.float32))
        return relative(encoder, rows, self.baselines[place], self.kind)


@torch.no_grad()
def relative(
    encoder: EmotionEncoder,
    rows: Float[Tensor, "frames row"],
    baseline: NDArray[np.float32] | None,
    kind: int,
    trust: float = 1.0,
) -> Float[Tensor, "frames row"]:
    """Rows of one clip relative to its voice, as far as that is known, on the CPU."""
    device = next(encoder.parameters()).device
    usual = None if baseline is None else torch.from_numpy(baseline)[None].to(device)
    how = torch.tensor([kind], device=device), torch.tensor([trust], device=device)
    return encoder.relative(rows[None].to(device), usual, *how)[0].cpu()


def views_of(encoder: EmotionEncoder, corpora: Sequence[VoiceClips], seed: int = 0) -> list[View]:
    """Every recording of every clip by itself, and the first relative to other lines of the voice, which
    counts half.
    """
    views = []
    for clips, n_counted in zip(corpora, counted(corpora), strict=True):
        rng = np.random.default_rng(seed)
        alone = [(variant, NO_BASELINE, 1.0) for variant in range(len(clips.stores))]
        made = [_view(encoder, clips, *each, n_counted, rng) for each in (*alone, (0, LINES, 0.5))]
        views += [view for view in made if view is not None]
    return views


def counted(corpora: Sequence[VoiceClips]) -> list[float]:
    """As how many clips each corpus counts: synthetic speech as SYNTHETIC_SHARE of real, if there is any."""
    synthetic = [all(row.dataset == SYNTHETIC for row in clips.rows) for clips in corpora]
    n_clips = [len(clips.rows) for clips in corpora]
    n_real = sum(n for n, made in zip(n_clips, synthetic, strict=True) if not made)
    n_made = sum(n_clips) - n_real
    scale = SYNTHETIC_SHARE * n_real / n_made if n_real and n_made else 1.0
    return [n * (scale if made else 1.0) for n, made in zip(n_clips, synthetic, strict=True)]


def class_weights(clips: VoiceClips) -> Float[Tensor, " clips"]:
    """Every emotion counts alike, plain synthetic speech `PLAIN` times; all add up to 1."""
    counts = np.bincount(clips.emotion, minlength=len(EMOTIONS))
    weight = 1.0 / counts[clips.emotion]
    weight *= [heard_as_meant(row.agreement) for row in clips.rows]
    synthetic = np.array([row.dataset == SYNTHETIC for row in clips.rows])
    weight[synthetic & (clips.emotion == 0)] *= PLAIN
    return torch.from_numpy(weight / weight.sum()).float()


@torch.no_grad()
def _view(
    encoder: EmotionEncoder,
    clips: VoiceClips,
    variant: int,
    kind: int,
    share: float,
    n_counted: float,
    rng: np.random.Generator,
) -> View | None:
    """None if no voice has other lines enough for that kind of baseline."""
    baselines = [clips.baseline(index, variant, kind, rng) for index in range(len(clips.rows))]
    chosen = [i for i, found in enumerate(baselines) if kind == NO_BASELINE or found is not None]
    if not chosen:
        return None
    features = [clip_feature(encoder, clips, i, baselines[i], kind, variant=variant) for i in chosen]
    weight = share * n_counted * class_weights(clips)[chosen]
    usual = [baselines[i] for i in chosen]
    return View(clips, variant, np.array(chosen), kind, usual, torch.stack(features).cpu(), weight)
