"""Where clips lie in the emotion encoders' space: prototypes, how well they tell emotions apart, a picture.

Every score here is on synthetic emotion and says nothing about people; printed lines say so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from ecoface_model.core.constants import EMOTIONS, FEATURES_PER_FRAME, INTENSITIES
from ecoface_model.reference_emotion.voice_baseline import NO_BASELINE
from ecoface_model.speech_encoder import EmotionEncoder
from ecoface_model.visual import VisualEmotion
from training.data.clips import ClipRow
from training.data.face_store import FaceStore
from training.data.voice_clips import VoiceClips
from training.objectives.emotion import mean_over_speech

N_LEVELS = len(INTENSITIES) + 1
NEUTRAL = 0


@dataclass(frozen=True)
class Mapped:
    """Clips as their mean features over time, with what they were meant to express."""

    features: Float[Tensor, "clips feature"]
    emotion: Int[Tensor, " clips"]
    intensity: Int[Tensor, " clips"]
    known: Bool[Tensor, " clips"]
    """Whether anybody said how strong."""


@dataclass(frozen=True)
class Space:
    """The same held-out clips heard and seen, and what training clips are like on average."""

    audio: Mapped
    visual: Mapped
    audio_levels: Float[Tensor, "emotions 3 feature"]
    visual_levels: Float[Tensor, "emotions 3 feature"]


@torch.no_grad()
def map_clips(encoder: EmotionEncoder, clips: VoiceClips, chosen: Sequence[int] | None = None) -> Mapped:
    """Mean features over the speech of whole clips as they sound, all or some, without a voice baseline."""
    places = np.arange(len(clips.rows)) if chosen is None else np.asarray(chosen)
    features = torch.stack([clip_feature(encoder, clips, int(index)) for index in places])
    labels = (torch.from_numpy(each[places]) for each in (clips.emotion, clips.intensity, clips.known))
    return Mapped(features, *labels)


def clip_feature(
    encoder: EmotionEncoder,
    clips: VoiceClips,
    index: int,
    baseline: NDArray[np.float32] | None = None,
    kind: int = NO_BASELINE,
    trust: float = 1.0,
    variant: int = 0,
) -> Float[Tensor, " feature"]:
    """The mean over the speech of one whole clip, on the CPU."""
    device = next(encoder.parameters()).device
    piece = clips.piece(index, variant, 0, clips.n_frames(index))
    rows, speech = (torch.from_numpy(each)[None].to(device) for each in (piece.rows, piece.speech))
    usual = None if baseline is None else torch.from_numpy(baseline)[None].to(device)
    features = encoder.of_front(
        rows, usual, torch.tensor([kind], device=device), torch.tensor([trust], device=device)
    )
    return mean_over_speech(features, speech.repeat_interleave(FEATURES_PER_FRAME, dim=1))[0].cpu()


@torch.no_grad()
def map_faces(encoder: VisualEmotion, rows: Sequence[ClipRow], faces: FaceStore) -> Mapped:
    """Mean features of pieces of clips as they look (no augmentation)."""
    device = next(encoder.parameters()).device
    seen = [row for row in rows if row.id in faces]
    pieces = (faces[row.id].faces[:, None].astype(np.float32) / 255 for row in seen)
    features = [
        encoder(torch.from_numpy(piece)[None].to(device)).mean(dim=1)[0].cpu() for piece in pieces
    ]  # one at a time, for they differ in length
    return Mapped(
        torch.stack(features),
        torch.tensor([EMOTIONS.index(row.emotion) for row in seen]),
        torch.tensor([row.intensity_level for row in seen]),
        torch.ones(len(seen), dtype=torch.bool),
    )


def joint_prototypes(corpora: Sequence[Mapped]) -> Float[Tensor, "emotions 3 feature"]:
    """Prototypes of several corpora: each counts alike in every class that it has.

    The first has all classes, and stands for those that the others lack (calm and surprised, where the voices
    are CREMA-D's).
    """
    means = prototypes(corpora[0])
    counts = torch.ones(means.shape[:2])
    for mapped in corpora[1:]:
        for emotion in range(len(EMOTIONS)):
            for level in (0, 1, 2):
                neutral = emotion == NEUTRAL or level == 0
                members = (mapped.emotion == (NEUTRAL if neutral else emotion)) & mapped.known
                members &= torch.tensor(neutral) | (mapped.intensity == level)
                if members.any():
                    means[emotion, level] += mapped.features[members].mean(dim=0)
                    counts[emotion, level] += 1
    return means / counts[..., None]


def prototypes(mapped: Mapped) -> Float[Tensor, "emotions 3 feature"]:
    """Mean features of each emotion at intensity 0, 1, 2; intensity 0, and all of neutral, is neutral."""
    neutral = mapped.features[mapped.emotion == NEUTRAL].mean(dim=0)
    levels = neutral.repeat(len(EMOTIONS), N_LEVELS, 1)  # (emotions, 3, F)
    for emotion in range(1, len(EMOTIONS)):
        for level in range(1, N_LEVELS):
            members = (mapped.emotion == emotion) & (mapped.intensity == level) & mapped.known
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
