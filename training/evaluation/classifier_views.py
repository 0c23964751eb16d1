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
from ecoface_model.reference_emotion.voice_baseline import KINDS, NO_BASELINE, trust
from ecoface_model.speech_encoder import EmotionEncoder
from training.data.sources import SYNTHETIC
from training.data.voice_clips import FEWEST_LINES, LINES, NEUTRAL, VoiceClips, heard_as_meant
from training.evaluation.emotion_space import clip_feature

PLAIN = 20.0
"""Weight of neutral synthetic clips beside other emotions' when the classifier is fitted; ours. Neutral lines
of actors are all alike; plain speech of other voices, in other places and at other paces, is neutral too."""
SYNTHETIC_SHARE = 0.47
"""As how many of the real clips all synthetic ones count, however many there are; ours. With less, a corpus
that was never heard is named worse."""
RELATIVE_SHARE = 1.0
"""Weight of the clips relative to baselines of either kind beside that of one recording of them; ours."""
BASELINE_LINES = {LINES: (5, 60), NEUTRAL: (1, 8)}
"""Fewest and most lines of a drawn baseline, as users have them; ours. A classifier that hears voices
relative to few lines, other ones at each step, names those better that it hears without."""


@dataclass(frozen=True)
class Relative:
    """A voice baseline of one clip, its kind, and how far it is trusted."""

    baseline: NDArray[np.float32] | None = None
    kind: int = NO_BASELINE
    trust: float = 1.0


ALONE = Relative()


@dataclass(frozen=True)
class View:
    """Clips of one corpus in one recording, with or without a voice baseline."""

    clips: VoiceClips
    variant: int
    chosen: Int[NDArray[np.int64], " views"]
    """Of the corpus's clips."""
    kind: int
    """Of the voice baselines."""
    relative_to: list[Relative]
    """Baselines drawn once, as `features` have them."""
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
        """Rows of at most so many of a clip's frames with speech, relative to the voice: all drawn anew."""
        index = int(self.chosen[place])
        spoken = np.flatnonzero(self.clips.speech[index] >= BENEATH)
        if len(spoken) == 0:
            spoken = np.arange(self.clips.n_frames(index))
        if len(spoken) > most:
            spoken = rng.choice(spoken, most, replace=False)
        stored = self.clips.stores[self.variant][self.clips.rows[index].id]
        rows = torch.from_numpy(stored[np.sort(spoken)].astype(np.float32))
        return relative(
            encoder, rows, drawn_baseline(self.clips, index, self.variant, self.kind, rng) or ALONE
        )


@torch.no_grad()
def relative(
    encoder: EmotionEncoder, rows: Float[Tensor, "frames row"], to: Relative
) -> Float[Tensor, "frames row"]:
    """Rows of one clip relative to its voice, as far as that is known, on the CPU."""
    device = next(encoder.parameters()).device
    usual = None if to.baseline is None else torch.from_numpy(to.baseline)[None].to(device)
    how = torch.tensor([to.kind], device=device), torch.tensor([to.trust], device=device)
    return encoder.relative(rows[None].to(device), usual, *how)[0].cpu()


def drawn_baseline(
    clips: VoiceClips, index: int, variant: int, kind: int, rng: np.random.Generator
) -> Relative | None:
    """The usual row of a clip's voice, of some of its other lines; None if there are too few.

    Lines in any mood have to be many to choose from: a few are of one mood.
    """
    if kind == NO_BASELINE:
        return ALONE
    n_others = len(clips.others(index, kind))
    if n_others < (FEWEST_LINES if kind == LINES else 1):
        return None
    fewest, most = np.log(BASELINE_LINES[kind])
    n_lines = min(round(np.exp(rng.uniform(fewest, most))), n_others)
    baseline = clips.baseline(index, variant, kind, rng, n_lines)
    return Relative(baseline, kind, trust(KINDS[kind - 1], n_lines))


def views_of(encoder: EmotionEncoder, corpora: Sequence[VoiceClips], seed: int = 0) -> list[View]:
    """Every recording of every clip by itself, and the first relative to other lines of the voice, and to
    neutral ones.
    """
    views = []
    for clips, n_counted in zip(corpora, counted(corpora), strict=True):
        rng = np.random.default_rng(seed)
        alone = [(variant, NO_BASELINE, 1.0) for variant in range(len(clips.stores))]
        to_voices = [(0, kind, RELATIVE_SHARE) for kind in BASELINE_LINES]
        made = [_view(encoder, clips, *each, n_counted, rng) for each in (*alone, *to_voices)]
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
    drawn = [drawn_baseline(clips, index, variant, kind, rng) for index in range(len(clips.rows))]
    chosen = [index for index, found in enumerate(drawn) if found is not None]
    if not chosen:
        return None
    relative_to = [found for found in drawn if found is not None]
    features = [
        clip_feature(encoder, clips, index, to.baseline, to.kind, to.trust, variant)
        for index, to in zip(chosen, relative_to, strict=True)
    ]
    weight = share * n_counted * class_weights(clips)[chosen]
    return View(clips, variant, np.array(chosen), kind, relative_to, torch.stack(features).cpu(), weight)
