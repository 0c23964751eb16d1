"""Frozen encoders' features of a whole corpus, computed once, float16 on disk.

Content and emotion are at 50 Hz, the front of the emotion encoder, on which it is trained, at 25 Hz.

Variant 0 hears every clip as it is, the others hear it through `augment` (noise, room, band, level), so that
the generator learns to read both. From variant 2 on, the front hears voices of another length of vocal tract;
from variant 4 on, every clip in a poor recording of its own.
"""

import json
import os
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import tyro
from jaxtyping import Float, Float16
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from tqdm import tqdm

from ecoface_model.config import LOOK_AHEAD, ContentConfig, EmotionConfig
from ecoface_model.content import at_usual_level, build_content
from ecoface_model.core.atomic_write import atomic_write
from ecoface_model.core.constants import FEATURES_PER_FRAME, FRAME_RATE, SAMPLES_PER_FRAME
from ecoface_model.device import choose_device, inference_on
from ecoface_model.emotion import WhisperEmotion, build_emotion, rows_of_states
from ecoface_model.speech_encoder import EmotionEncoder, SpeechEncoder
from training.data.augment import FULL, Augmentation, augment
from training.data.clips import ClipRow, CorpusError, read_clip, read_manifest
from training.data.feature_store import FeatureStore
from training.data.vocal_tract import draw_stretch, stretched
from training.runs.script import run_script

FIRST_STRETCHED, FIRST_POOR = 2, 4
"""Variants of the front: voices of other vocal tracts from the first on, poor recordings from the second."""
POOR = Augmentation(room=0.3, band=0.6, noise=0.7, noise_ratio=(5.0, 20.0))
"""To which the classifier is fitted beside good recordings; ours."""


@dataclass(frozen=True, kw_only=True)
class FeaturesConfig:
    """What is computed, and from which encoders."""

    corpus: Path = Path("work/corpus")
    folder: Path = Path("work/features")
    content_weights: Path = Path("work/whisper_tiny_en.safetensors")
    emotion_weights: Path = Path("work/emotion/encoder.safetensors")
    kind: Literal["content", "front", "emotion"] = "content"
    content: ContentConfig = field(default_factory=lambda: ContentConfig(look_ahead=LOOK_AHEAD))
    emotion: EmotionConfig = field(default_factory=EmotionConfig)
    """As train_emotion trained it."""
    hubert: Path | None = None
    """A transformers folder of hubert-large-ls960-ft, for content of the kind "hubert"."""
    n_variants: int = 3
    seed: int = 0
    device: str | None = None

    def __post_init__(self) -> None:
        if self.kind == "emotion" and self.content.kind != self.emotion.kind:
            raise ValueError(
                f"expected a content and an emotion encoder on one front, found {self.content.kind!r} and "
                f"{self.emotion.kind!r}"
            )


def build(
    config: FeaturesConfig,
    variant: int,
    rows: list[ClipRow],
    encoder: nn.Module,
    front: FeatureStore | None = None,
) -> None:
    """Write one variant's store, or leave a finished one of the same clips as it is.

    With a store of the front, an emotion encoder goes on from there, and no sound is heard again.
    """
    config.folder.mkdir(parents=True, exist_ok=True)
    index = config.folder / f"{config.kind}_{variant}.json"
    if index.exists() and set(json.loads(index.read_text())) == {row.id for row in rows}:
        return
    per_frame = 1 if config.kind == "front" else FEATURES_PER_FRAME
    n_steps = {row.id: per_frame * round(row.seconds * FRAME_RATE) for row in rows}
    stops = np.cumsum(list(n_steps.values()))
    spans = {row.id: (int(stop) - n_steps[row.id], int(stop)) for row, stop in zip(rows, stops, strict=True)}
    part = index.with_suffix(".part")

    def features_of(number: int, row: ClipRow) -> Float[Tensor, "steps feature"]:
        if front is not None:
            assert isinstance(encoder, EmotionEncoder)
            return encode_front(encoder, front[row.id])
        waveform, stretch = read_clip(config.corpus, row).waveform, {}
        if variant:
            rng = np.random.default_rng(_recording(config, variant, number, row))
            if isinstance(encoder, Front) and variant >= FIRST_STRETCHED:
                stretch = {"stretch": draw_stretch(rng)}
            poor = isinstance(encoder, Front) and variant >= FIRST_POOR
            waveform = augment(waveform, rng, strength=POOR if poor else FULL)
        return encode(encoder, torch.from_numpy(waveform), n_steps[row.id] // per_frame, **stretch)

    width = features_of(0, rows[0]).shape[1]
    data = np.memmap(part, np.float16, "w+", shape=(int(stops[-1]), width))
    for number, row in enumerate(tqdm(rows, desc=f"{config.kind} {variant}", mininterval=5)):
        start, stop = spans[row.id]
        data[start:stop] = features_of(number, row).numpy()
    data.flush()
    os.replace(part, index.with_suffix(".f16"))
    with atomic_write(index) as temporary:
        temporary.write_text(json.dumps(spans))


@torch.inference_mode()
def encode(
    encoder: nn.Module, waveform: Float[Tensor, " samples"], frames: int, **how: float
) -> Float[Tensor, "steps feature"]:
    """Features of one clip, exactly its frames of motion long; `how` goes to the encoder."""
    wanted = frames * SAMPLES_PER_FRAME
    waveform = torch.nn.functional.pad(waveform[:wanted], (0, max(0, wanted - len(waveform))))
    device = next(encoder.parameters()).device
    with inference_on(device):
        features: Tensor = encoder(waveform[None].to(device), **how)[0].float().cpu()
    assert len(features) in (frames, FEATURES_PER_FRAME * frames), (len(features), frames)
    return features


@torch.inference_mode()
def encode_front(
    encoder: EmotionEncoder, rows: Float16[NDArray[np.float16], "frames row"]
) -> Float[Tensor, "steps feature"]:
    """Emotion features of one clip from what the front gave of it."""
    device = next(encoder.parameters()).device
    with inference_on(device):
        features = encoder.of_front(torch.from_numpy(rows.astype(np.float32))[None].to(device))
        return features[0].float().cpu()


def cached_fronts(config: FeaturesConfig, rows: list[ClipRow]) -> list[FeatureStore]:
    """The front's rows of the same clips, a store for each variant; none if they are not all there."""
    wanted = {row.id for row in rows}
    try:
        stores = [FeatureStore(config.folder, "front", variant) for variant in range(config.n_variants)]
    except CorpusError:
        return []
    return stores if all(wanted <= store.spans.keys() for store in stores) else []


def _recording(config: FeaturesConfig, variant: int, number: int, row: ClipRow) -> list[int]:
    """The seed of a clip's recording; of the front, all clips of a voice are recorded alike, if not poorly.

    The emotion encoder compares them with the voice's baseline, which is heard through the same microphone.
    """
    by_voice = config.kind == "front" and variant < FIRST_POOR
    return [config.seed, variant, zlib.crc32(row.voice.encode()) if by_voice else number]


class Front(nn.Module):
    """The frozen front of an emotion encoder: the rows on which it is trained."""

    def __init__(self, encoder: EmotionEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(
        self, waveform: Float[Tensor, "batch samples"], stretch: float = 1.0
    ) -> Float[Tensor, "batch frames row"]:
        """(B, T, R) of 640 T samples; a front without spectra, HuBERT's, leaves the voice as it is."""
        if stretch == 1 or not isinstance(self.encoder, WhisperEmotion):
            return self.encoder.front_rows(waveform)
        front = self.encoder.front
        log_mel = at_usual_level(front.log_mel(waveform), front.measure(waveform))
        return rows_of_states(front.states_of_mel(stretched(log_mel, stretch)))


def main(config: FeaturesConfig) -> None:
    """Compute the features of every clip in the manifest; emotion from the front, where that is there."""
    rows = read_manifest(config.corpus)
    fronts = cached_fronts(config, rows) if config.kind == "emotion" else []
    encoder = emotion_encoder(config, None) if fronts else trained_encoder(config)
    encoder = encoder.eval().to(choose_device(config.device))
    for variant in range(config.n_variants):
        build(config, variant, rows, encoder, fronts[variant] if fronts else None)


def emotion_encoder(config: FeaturesConfig, content: SpeechEncoder | None) -> EmotionEncoder:
    """The trained one, behind the front of `content`.

    Raises:
        CorpusError: if its weights are missing.
    """
    encoder = build_emotion(config.emotion, content or build_content(config.content))
    encoder.load_own_state(_weights(config.emotion_weights, "training.train_emotion"))
    return encoder


def trained_encoder(config: FeaturesConfig) -> nn.Module:
    """The frozen encoder of the wanted kind.

    Raises:
        CorpusError: if its weights are missing.
        ModelFileError: if the HuBERT folder is none.
    """
    if config.content.kind == "hubert" and config.hubert is None:
        raise CorpusError(
            "expected a folder of hubert-large-ls960-ft for an encoder of the kind 'hubert', found none; "
            "download it and say --hubert FOLDER"
        )
    content = build_content(config.content)
    if config.hubert is not None:
        from ecoface_model.hubert import HubertContent, load_hubert

        assert isinstance(content, HubertContent)
        load_hubert(content, config.hubert)
    else:
        content.load_state_dict(_weights(config.content_weights, "training.whisper_weights"))
    if config.kind == "content":
        return content
    if config.kind == "front":
        return Front(build_emotion(replace(config.emotion, kind=config.content.kind), content))
    return emotion_encoder(config, content)


def _weights(path: Path, step: str) -> dict[str, Tensor]:
    if not path.is_file():
        raise CorpusError(f"expected weights at {path}, found none; run `python -m {step}` first")
    return {name: value.float() for name, value in load_file(path).items()}


if __name__ == "__main__":
    run_script(lambda: main(tyro.cli(FeaturesConfig)))
