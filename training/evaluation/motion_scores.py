"""How samples of the prior move, against the performances of the same clips: what a training run watches.

Posterior decodes are never scored: they look right when prior samples do not.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from ecoface_model.core.constants import FRAME_RATE
from ecoface_model.core.phones import PHONES
from ecoface_model.flame import FlameHead
from ecoface_model.flow_prior import draw_noise
from ecoface_model.motion_generator import MotionGenerator
from ecoface_model.postprocess.lips import aperture
from training.batches.motion import BILABIALS, MotionClips
from training.evaluation.metrics import count_blinks

OPEN_VOWELS = [PHONES.index(name) for name in ("AA", "AE", "AH", "AO", "AW", "AY")]
CLOSED = 0.15  # of the clip's 95th percentile: the lips count as shut


@dataclass
class _Pair:
    """Landmarks of one clip: the performance's and the sample's, (T, 68, 3) metres."""

    true: Float[Tensor, "frames 68 3"]
    sampled: Float[Tensor, "frames 68 3"]
    phone: NDArray[np.int64]


@torch.inference_mode()
def prior_scores(
    generator: MotionGenerator, head: FlameHead, clips: MotionClips, n_clips: int, seed: int
) -> dict[str, float]:
    """Scores of one sample per clip, over clips spread evenly through the split."""
    chosen = np.linspace(0, len(clips.rows) - 1, min(n_clips, len(clips.rows))).astype(int)
    pairs = []
    for number in chosen:
        batch = clips.whole(int(number), generator.config.stride).to(generator.style_normaliser.mean.device)
        n_steps = batch.motion.shape[1] // generator.config.stride
        noise = draw_noise(generator.config, n_steps, torch.Generator().manual_seed(seed + int(number)))
        sampled = generator.sample(
            batch.content, batch.emotion, batch.style, noise.to(generator.style_normaliser.mean.device)
        ).motion
        landmarks = head.landmarks(torch.cat([batch.motion, sampled])).cpu()
        pairs.append(_Pair(landmarks[0], landmarks[1], batch.phone[0].cpu().numpy()))
    return {**_lip_scores(pairs, head.rest_lip_gap()), **_upper_face_scores(pairs)}


def _lip_scores(pairs: list[_Pair], rest: float) -> dict[str, float]:
    true = [(aperture(pair.true) - rest).numpy() for pair in pairs]
    sampled = [(aperture(pair.sampled) - rest).numpy() for pair in pairs]
    relative = [values / max(np.percentile(values, 95), 1e-4) for values in sampled]
    phone = np.concatenate([pair.phone for pair in pairs])
    shut = np.concatenate(relative) < CLOSED
    errors = [(pair.true - pair.sampled)[:, 48:].norm(dim=-1).mean() for pair in pairs]
    return {
        "lip_mm": 1000 * float(torch.stack(errors).mean()),
        "r": float(np.corrcoef(np.concatenate(true), np.concatenate(sampled))[0, 1]),
        "shut_frames_pbm": float(shut[np.isin(phone, BILABIALS)].mean()),
        "shut_frames_vowels": float(shut[np.isin(phone, OPEN_VOWELS)].mean()),
        "pause_aperture": float(np.concatenate(relative)[phone == 0].mean()),
    }


def _upper_face_scores(pairs: list[_Pair]) -> dict[str, float]:
    """Ratios sample / performance of the brows' spread and frame-to-frame change; blinks a minute of both."""
    brows = [[side[:, 17:27, 1] for side in (pair.true, pair.sampled)] for pair in pairs]
    spread = [torch.stack([clip[i].std(dim=0).mean() for clip in brows]).mean() for i in (0, 1)]
    change = [torch.stack([clip[i].diff(dim=0).abs().mean() for clip in brows]).mean() for i in (0, 1)]
    minutes = sum(len(pair.true) for pair in pairs) / FRAME_RATE / 60
    return {
        "brow_spread_ratio": float(spread[1] / spread[0]),
        "brow_change_ratio": float(change[1] / change[0]),
        "blinks_true": sum(count_blinks(pair.true.numpy()) for pair in pairs) / minutes,
        "blinks_sampled": sum(count_blinks(pair.sampled.numpy()) for pair in pairs) / minutes,
    }
