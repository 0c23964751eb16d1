"""What the frozen audio encoder hears in all clips, and their prosody, kept; batches of single moments."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm import tqdm

from ecoface_model.config import SAMPLES_PER_FRAME
from ecoface_model.content import SpeechEncoder
from ecoface_model.device import inference_on
from ecoface_model.hearing import Hearing
from training.emotion_sounds import EmotionSounds
from training.losses_emotion import labels_of

HEARING = "hearing.safetensors"
"""What training.train_hearing writes."""


@dataclass(frozen=True)
class Moments:
    """Single steps of sounds, each with its kind."""

    ids: list[str]
    heard: Float[Tensor, "moments feature"]
    """The encoder's."""
    prosody: Float[Tensor, "moments measures"]
    kind: Int[Tensor, " moments"]
    """`losses_emotion.labels_of`."""

    def to(self, device: torch.device) -> "Moments":
        return Moments(self.ids, self.heard.to(device), self.prosody.to(device), self.kind.to(device))

    def rows(self, rows: slice) -> "Moments":
        """Some of them."""
        return Moments(self.ids[rows], self.heard[rows], self.prosody[rows], self.kind[rows])


class HeardClips:
    """Every clip of a split as it is and in other recordings (0.8 GB in half precision for 3 h, thrice)."""

    def __init__(
        self, sounds: EmotionSounds, encoder: SpeechEncoder, hearing: Hearing, n_variants: int, seed: int
    ) -> None:
        """Hear them all; variant 0 is the clip as it is."""
        self.ids = [row.id for row in sounds.rows] * n_variants
        emotion = torch.tensor([sounds.emotion(index) for index in range(len(sounds.rows))])
        intensity = torch.tensor([row.intensity_level for row in sounds.rows])
        self.kinds = labels_of(emotion, intensity).repeat(n_variants).numpy()
        self.members = [np.flatnonzero(self.kinds == kind) for kind in range(self.kinds.max() + 1)]
        self.heard, self.prosody = [], []
        jobs = [(variant, index) for variant in range(n_variants) for index in range(len(sounds.rows))]
        for variant, index in tqdm(jobs, desc="hearing", mininterval=5):
            heard, prosody = _listen(encoder, hearing, _sound(sounds, index, variant, seed))
            self.heard.append(heard)
            self.prosody.append(prosody)

    def batch(self, rng: np.random.Generator, n_moments: int) -> Moments:
        """Moments anywhere in clips: one in eight neutral, as of each emotion; intensities evenly."""
        emotions = rng.integers((len(self.members) + 1) // 2, size=n_moments)
        kinds = np.where(emotions == 0, 0, 2 * emotions - rng.integers(2, size=n_moments))
        clips = [int(rng.choice(self.members[kind])) for kind in kinds]
        steps = [int(rng.integers(len(self.heard[clip]))) for clip in clips]
        heard = torch.stack([self.heard[clip][step] for clip, step in zip(clips, steps, strict=True)])
        prosody = torch.stack([self.prosody[clip][step] for clip, step in zip(clips, steps, strict=True)])
        ids = [self.ids[clip] for clip in clips]
        return Moments(ids, heard.float(), prosody.float(), torch.from_numpy(kinds))

    def whole(self, clip: int) -> Moments:
        """All moments of one clip."""
        heard, prosody = self.heard[clip].float(), self.prosody[clip].float()
        kinds = torch.full((len(heard),), int(self.kinds[clip]))
        return Moments([self.ids[clip]] * len(heard), heard, prosody, kinds)


def _sound(sounds: EmotionSounds, index: int, variant: int, seed: int) -> Float[Tensor, "1 samples"]:
    rng = np.random.default_rng([seed, variant, index])
    n_frames = len(sounds.waveforms[index]) // SAMPLES_PER_FRAME
    if variant:
        return torch.from_numpy(sounds.recording(index, 0, n_frames, 1.0, rng))[None]
    whole = sounds.waveforms[index][: n_frames * SAMPLES_PER_FRAME].astype(np.float32) / 32768
    return torch.from_numpy(whole)[None]


@torch.inference_mode()
def _listen(
    encoder: SpeechEncoder, hearing: Hearing, waveform: Float[Tensor, "1 samples"]
) -> tuple[Float[Tensor, "steps feature"], Float[Tensor, "steps measures"]]:
    waveform = waveform.to(hearing.usual.device)
    with inference_on(waveform.device):
        features, prosody = encoder(waveform), hearing.measure(waveform)
    return features[0].half().cpu(), prosody[0].half().cpu()
