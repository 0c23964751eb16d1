"""Where clips lie in the emotion encoders' space: prototypes, how well they tell emotions apart, a picture.

Every score here is on synthetic emotion and says nothing about people; printed lines say so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize

from ecoface_model.config import EMOTIONS, INTENSITIES, SAMPLES_PER_FRAME
from ecoface_model.content import SpeechEncoder
from ecoface_model.visual import VisualEmotion
from training.clips import ClipRow

N_LEVELS = len(INTENSITIES) + 1
NEUTRAL = 0


@dataclass(frozen=True)
class Mapped:
    """Clips as their mean features over time, with what they were meant to express."""

    features: Float[Tensor, "clips feature"]
    emotion: Int[Tensor, " clips"]
    intensity: Int[Tensor, " clips"]


@dataclass(frozen=True)
class Space:
    """The same held-out clips heard and seen, and what training clips are like on average."""

    audio: Mapped
    visual: Mapped
    audio_levels: Float[Tensor, "emotions 3 feature"]
    visual_levels: Float[Tensor, "emotions 3 feature"]


def map_clips(
    encoder: SpeechEncoder, waveforms: Sequence[NDArray[np.int16]], rows: Sequence[ClipRow]
) -> Mapped:
    """Mean features of whole clips as they sound (no augmentation)."""
    whole = (waveform[: len(waveform) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME] for waveform in waveforms)
    return _map(encoder, (sound.astype(np.float32) / 32768 for sound in whole), rows)


def map_faces(encoder: VisualEmotion, faces: Sequence[NDArray[np.uint8]], rows: Sequence[ClipRow]) -> Mapped:
    """Mean features of pieces of clips as they look (no augmentation)."""
    return _map(encoder, (piece[:, None].astype(np.float32) / 255 for piece in faces), rows)


@torch.no_grad()
def _map(encoder: nn.Module, inputs: Iterable[NDArray[np.float32]], rows: Sequence[ClipRow]) -> Mapped:
    """One clip at a time, for they differ in length."""
    device = next(encoder.parameters()).device
    training = encoder.training
    encoder.eval()
    features = [encoder(torch.from_numpy(one)[None].to(device)).mean(dim=1)[0].cpu() for one in inputs]
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
    return confusion_table(mapped.emotion.numpy(), nearest(mapped.features, levels)[0].numpy())


def confusion_table(meant: Int[NDArray[Any], " clips"], found: Int[NDArray[Any], " clips"]) -> str:
    """The same of emotions that were told in any way."""
    lines = [" " * 10 + " ".join(f"{name[:7]:>7}" for name in EMOTIONS)]
    for index, name in enumerate(EMOTIONS):
        of_it = found[meant == index]
        shares = [float((of_it == other).mean()) if len(of_it) else 0.0 for other in range(len(EMOTIONS))]
        lines.append(f"{name:<10}" + " ".join(f"{share:7.2f}" for share in shares))
    return "\n".join(lines)


def draw(space: Space, path: Path) -> None:
    """t-SNE of the audio alone (as Figs. 8 and 9), and of audio and visual together (Fig. 3b).

    Colour is emotion; a full mark is strong, a square neutral, a triangle a face.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(18, 8))
    alone = _places(space.audio.features)
    _scatter(left, alone, space.audio, "o", label=True)
    together = _places(torch.cat([space.audio.features, space.visual.features]))
    _scatter(right, together[: len(alone)], space.audio, "o")
    _scatter(right, together[len(alone) :], space.visual, "^")
    left.set_title("Audio, held-out synthetic clips")
    right.set_title("Audio (round) and visual (triangles) together; ringed: means of an intensity")
    left.legend(fontsize=7, ncols=2)
    for axes in (left, right):
        axes.set(xticks=[], yticks=[])
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


def _places(features: Float[Tensor, "clips feature"]) -> NDArray[np.float32]:
    """t-SNE of the features' directions: (clips, 2)."""
    from sklearn.manifold import TSNE

    unit = normalize(features, dim=-1).numpy()
    tsne = TSNE(perplexity=min(30, len(unit) / 4), random_state=0, init="pca")
    places: NDArray[np.float32] = tsne.fit_transform(unit)
    return places


def _scatter(
    axes: Any, places: NDArray[np.float32], mapped: Mapped, marker: str, label: bool = False
) -> None:
    from matplotlib import pyplot

    colours = pyplot.get_cmap("tab10")
    for index, name in enumerate(EMOTIONS):
        for level in range(N_LEVELS):
            members = ((mapped.emotion == index) & (mapped.intensity == level)).numpy()
            if not members.any():
                continue
            shape = "s" if (level, marker) == (0, "o") else marker
            face = "none" if level == 1 else colours(index)
            text = f"{name} {('', *INTENSITIES)[level]}" if label else None
            axes.scatter(*places[members].T, 18, marker=shape, ec=colours(index), fc=face, label=text)
            mean = places[members].mean(axis=0)
            axes.scatter(*mean, 240, marker=shape, c="black")
            face = "white" if level == 1 else colours(index)
            axes.scatter(*mean, 130, marker=shape, ec=colours(index), fc=face, linewidths=3)


def _similarity(
    features: Float[Tensor, "clips feature"], levels: Float[Tensor, "emotions 3 feature"]
) -> Float[Tensor, "clips emotions 3"]:
    return torch.einsum("cf,elf->cel", normalize(features, dim=-1), normalize(levels, dim=-1))
