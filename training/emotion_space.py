"""Where clips lie in the emotion encoder's space: prototypes, how well they tell emotions apart, a picture.

Every score here is on synthetic emotion and says nothing about people; printed lines say so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from ecoface_model.config import EMOTIONS, INTENSITIES, SAMPLES_PER_FRAME
from ecoface_model.content import SpeechEncoder
from training.clips import ClipRow

N_LEVELS = len(INTENSITIES) + 1
NEUTRAL = 0


@dataclass(frozen=True)
class Mapped:
    """Clips as their mean features over time, with what they were meant to express."""

    features: Float[Tensor, "clips feature"]
    emotion: Int[Tensor, " clips"]
    intensity: Int[Tensor, " clips"]


@torch.no_grad()
def map_clips(
    encoder: SpeechEncoder, waveforms: Sequence[NDArray[np.int16]], rows: Sequence[ClipRow]
) -> Mapped:
    """Mean features of whole clips, as they are (no augmentation), one at a time."""
    device = next(encoder.parameters()).device
    training, features = encoder.training, []
    encoder.eval()
    for waveform in waveforms:
        n_samples = len(waveform) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME
        sound = torch.from_numpy(waveform[:n_samples].astype(np.float32) / 32768)
        features.append(encoder(sound[None].to(device)).mean(dim=1)[0].cpu())
    encoder.train(training)
    return Mapped(
        torch.stack(features),
        torch.tensor([EMOTIONS.index(row.emotion) for row in rows]),
        torch.tensor([row.intensity_level for row in rows]),
    )


def prototypes(mapped: Mapped) -> Float[Tensor, "emotions 3 feature"]:
    """Mean features of each emotion at intensity 0, 1, 2; intensity 0, and all of neutral, is neutral."""
    neutral = mapped.features[mapped.emotion == NEUTRAL].mean(dim=0)
    levels = neutral.repeat(len(EMOTIONS), N_LEVELS, 1)  # (emotions, 3, F)
    for emotion in range(1, len(EMOTIONS)):
        for level in range(1, N_LEVELS):
            members = (mapped.emotion == emotion) & (mapped.intensity == level)
            assert members.any(), f"the corpus has clips of {EMOTIONS[emotion]} at intensity {level}"
            levels[emotion, level] = mapped.features[members].mean(dim=0)
    return levels


def nearest(
    features: Float[Tensor, "clips feature"], levels: Float[Tensor, "emotions 3 feature"]
) -> tuple[Int[Tensor, " clips"], Int[Tensor, " clips"]]:
    """The emotion and intensity of the prototype in each clip's direction; neutral has intensity 0."""
    similarity = _similarity(features, levels)  # (clips, emotions, 3)
    similarity[:, 1:, 0] = -torch.inf  # neutral again
    best = similarity.flatten(1).argmax(dim=1)
    emotion, level = best // N_LEVELS, best % N_LEVELS
    return emotion, torch.where(emotion == NEUTRAL, 0, level)


def accuracies(mapped: Mapped, levels: Float[Tensor, "emotions 3 feature"]) -> dict[str, float]:
    """Shares of clips put to their emotion, and (knowing the emotion) to their intensity.

    Emotion is a mean over emotions, so that chance is 1/8; intensity leaves neutral out, so chance is 1/2.
    """
    emotion, _ = nearest(mapped.features, levels)
    right = (emotion == mapped.emotion).float()
    per_emotion = [right[mapped.emotion == e].mean().item() for e in sorted(set(mapped.emotion.tolist()))]
    acted = mapped.emotion != NEUTRAL
    own = _similarity(mapped.features[acted], levels)[torch.arange(int(acted.sum())), mapped.emotion[acted]]
    level = own[:, 1:].argmax(dim=1) + 1
    intensity = (level == mapped.intensity[acted]).float().mean().item()
    return {"emotion_accuracy": float(np.mean(per_emotion)), "intensity_accuracy": intensity}


def confusion(mapped: Mapped, levels: Float[Tensor, "emotions 3 feature"]) -> str:
    """A table of shares: rows what was meant, columns what was found."""
    emotion, _ = nearest(mapped.features, levels)
    lines = [" " * 10 + " ".join(f"{name[:7]:>7}" for name in EMOTIONS)]
    for index, name in enumerate(EMOTIONS):
        found = emotion[mapped.emotion == index]
        shares = [
            (found == other).float().mean().item() if len(found) else 0.0 for other in range(len(EMOTIONS))
        ]
        lines.append(f"{name:<10}" + " ".join(f"{share:7.2f}" for share in shares))
    return "\n".join(lines)


def draw(mapped: Mapped, path: Path) -> None:
    """t-SNE of the clips (as the paper's Figs. 8 and 9): colour is emotion, a full dot is strong."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from sklearn.manifold import TSNE

    unit = normalize(mapped.features, dim=-1).numpy()
    places = TSNE(perplexity=min(30, len(unit) / 4), random_state=0, init="pca").fit_transform(unit)
    figure, axes = pyplot.subplots(figsize=(9, 8))
    colours = pyplot.get_cmap("tab10")
    for index, name in enumerate(EMOTIONS):
        for level, (marker, filled) in {0: ("s", True), 1: ("o", False), 2: ("o", True)}.items():
            members = ((mapped.emotion == index) & (mapped.intensity == level)).numpy()
            face = colours(index) if filled else "none"
            label = f"{name} {('', *INTENSITIES)[level]}" if members.any() else None
            axes.scatter(
                *places[members].T, 18, marker=marker, edgecolors=colours(index), facecolors=face, label=label
            )
    axes.legend(fontsize=7, ncols=2)
    axes.set_title("Synthetic validation clips in the emotion space")
    figure.savefig(path, dpi=90)
    pyplot.close(figure)


def _similarity(
    features: Float[Tensor, "clips feature"], levels: Float[Tensor, "emotions 3 feature"]
) -> Float[Tensor, "clips emotions 3"]:
    return torch.einsum("cf,elf->cel", normalize(features, dim=-1), normalize(levels, dim=-1))
