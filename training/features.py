"""Frozen encoders' features of a whole corpus, computed once: content and emotion at 50 Hz, float16 on disk.

Variant 0 hears every clip as it is, the others hear it through `augment` (noise, room, band, level), so that
the generator learns to read both.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import tyro
from jaxtyping import Float
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor
from tqdm import tqdm

from ecoface_model.config import FEATURE_RATE, FEATURES_PER_FRAME, SAMPLE_RATE, ContentConfig, EmotionConfig
from ecoface_model.content import SpeechEncoder, build_content
from ecoface_model.device import choose_device, inference_on
from ecoface_model.emotion import build_emotion

from .clips import ClipRow, CorpusError, read_clip, read_manifest
from .synthetic.augment import augment


@dataclass(frozen=True, kw_only=True)
class FeaturesConfig:
    """What is computed, and from which encoders."""

    corpus: Path = Path("work/corpus")
    folder: Path = Path("work/features")
    content_weights: Path = Path("work/whisper_tiny_en.safetensors")
    emotion_weights: Path = Path("work/emotion/encoder.safetensors")
    kind: Literal["content", "emotion"] = "content"
    content: ContentConfig = field(default_factory=ContentConfig)
    emotion: EmotionConfig = field(default_factory=EmotionConfig)
    """As train_emotion trained it."""
    hubert: Path | None = None
    """A transformers folder of hubert-large-ls960-ft, for content of the kind "hubert"."""
    n_variants: int = 3
    seed: int = 0
    device: str | None = None


class FeatureStore:
    """Features of one kind and variant, one row of `index` per clip."""

    def __init__(self, folder: Path, kind: str, variant: int) -> None:
        """Open a finished store.

        Raises:
            CorpusError: if it was not made yet.
        """
        index = folder / f"{kind}_{variant}.json"
        if not index.exists():
            raise CorpusError(
                f"expected features in {index}, found none: run `python -m training.features` first."
            )
        self.spans: dict[str, tuple[int, int]] = json.loads(index.read_text())
        steps = max(stop for _, stop in self.spans.values())
        data = np.memmap(index.with_suffix(".f16"), np.float16, "r")
        self.data = data.reshape(steps, -1)

    def __getitem__(self, clip_id: str) -> NDArray[np.float16]:
        """(2T, F) of one clip."""
        start, stop = self.spans[clip_id]
        return self.data[start:stop]


def build(
    config: FeaturesConfig, variant: int, rows: list[ClipRow], encoder: SpeechEncoder, feature_dim: int
) -> None:
    """Write one variant's store, or leave a finished one of the same clips as it is."""
    config.folder.mkdir(parents=True, exist_ok=True)
    index = config.folder / f"{config.kind}_{variant}.json"
    if index.exists() and set(json.loads(index.read_text())) == {row.id for row in rows}:
        return
    n_steps = {
        row.id: FEATURES_PER_FRAME * round(row.seconds * FEATURE_RATE / FEATURES_PER_FRAME) for row in rows
    }
    stops = np.cumsum(list(n_steps.values()))
    spans = {row.id: (int(stop) - n_steps[row.id], int(stop)) for row, stop in zip(rows, stops, strict=True)}
    part = index.with_suffix(".part")
    data = np.memmap(part, np.float16, "w+", shape=(int(stops[-1]), feature_dim))
    for number, row in enumerate(tqdm(rows, desc=f"{config.kind} {variant}", mininterval=5)):
        waveform = read_clip(config.corpus, row).waveform
        if variant:
            waveform = augment(waveform, np.random.default_rng([config.seed, variant, number]))
        start, stop = spans[row.id]
        data[start:stop] = encode(encoder, torch.from_numpy(waveform), stop - start).numpy()
    data.flush()
    os.replace(part, index.with_suffix(".f16"))
    index.write_text(json.dumps(spans))


@torch.inference_mode()
def encode(
    encoder: SpeechEncoder, waveform: Float[Tensor, " samples"], n_steps: int
) -> Float[Tensor, "steps feature"]:
    """Features of one clip, of which exactly 2T steps are wanted."""
    wanted = n_steps * SAMPLE_RATE // FEATURE_RATE
    waveform = torch.nn.functional.pad(waveform[:wanted], (0, max(0, wanted - len(waveform))))
    device = next(encoder.parameters()).device
    with inference_on(device):
        features: Tensor = encoder(waveform[None].to(device))[0].float().cpu()
    assert len(features) == n_steps, (len(features), n_steps)
    return features


def main(config: FeaturesConfig) -> None:
    """Compute the features of every clip in the manifest."""
    encoder = trained_encoder(config).eval().to(choose_device(config.device))
    feature_dim = config.content.feature_dim if config.kind == "content" else config.emotion.feature_dim
    rows = read_manifest(config.corpus)
    for variant in range(config.n_variants):
        build(config, variant, rows, encoder, feature_dim)


def trained_encoder(config: FeaturesConfig) -> SpeechEncoder:
    """The frozen encoder of the wanted kind.

    Raises:
        CorpusError: if its weights are missing.
        ModelFileError: if the HuBERT folder is none.
    """
    if config.kind == "content" and config.content.kind == "hubert":
        from ecoface_model.hubert import HubertContent, load_hubert

        if config.hubert is None:
            raise CorpusError(
                "expected a folder of hubert-large-ls960-ft for content of the kind 'hubert', found none; "
                "download it and say --hubert FOLDER"
            )
        content = build_content(config.content)
        assert isinstance(content, HubertContent)
        load_hubert(content, config.hubert)
        return content
    encoder = build_content(config.content) if config.kind == "content" else build_emotion(config.emotion)
    weights = config.content_weights if config.kind == "content" else config.emotion_weights
    if not weights.is_file():
        step = "training.whisper_weights" if config.kind == "content" else "training.train_emotion"
        raise CorpusError(f"expected weights at {weights}, found none; run `python -m {step}` first")
    encoder.load_state_dict({name: value.float() for name, value in load_file(weights).items()})
    return encoder


if __name__ == "__main__":
    main(tyro.cli(FeaturesConfig))
