"""Features of a corpus, computed once."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_corpus import write_tiny_corpus

from ecoface_model.config import ContentConfig, EmotionConfig
from ecoface_model.content import build_content
from ecoface_model.emotion import build_emotion
from training.clips import CorpusError, read_clip, read_manifest
from training.features import FeaturesConfig, FeatureStore, main

CONTENT = ContentConfig(feature_dim=24, n_layers=1, n_heads=2, feedforward_dim=32)
EMOTION = EmotionConfig(feature_dim=16, n_layers=1, n_heads=2, feedforward_dim=32)


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> FeaturesConfig:
    folder: Path = tmp_path_factory.mktemp("features")
    write_tiny_corpus(folder, 24, 16, 8)
    torch.manual_seed(0)
    for name, encoder in (("content", build_content(CONTENT)), ("emotion", build_emotion(EMOTION))):
        save_file(encoder.state_dict(), folder / f"{name}.safetensors")
    return FeaturesConfig(
        corpus=folder / "corpus", folder=folder / "made", content_weights=folder / "content.safetensors",
        emotion_weights=folder / "emotion.safetensors", content=CONTENT, emotion=EMOTION, n_variants=2,
        device="cpu",
    )  # fmt: skip


def changed(config: FeaturesConfig, **values) -> FeaturesConfig:
    return FeaturesConfig(**{**vars(config), **values})


@pytest.mark.parametrize("kind", ["content", "emotion"])
def test_the_first_variant_hears_clips_as_they_are_and_the_second_a_recording(config, kind):
    main(changed(config, kind=kind))
    encoder = build_content(CONTENT) if kind == "content" else build_emotion(EMOTION)
    encoder.load_state_dict(load_file(config.folder.parent / f"{kind}.safetensors"))
    row = read_manifest(config.corpus)[1]
    waveform = torch.from_numpy(read_clip(config.corpus, row).waveform)
    with torch.inference_mode():
        heard = encoder.eval()(waveform[None])[0].numpy()
    plain, recorded = (FeatureStore(config.folder, kind, variant)[row.id] for variant in (0, 1))
    assert plain.shape == (2 * round(len(waveform) / 640), heard.shape[1])
    np.testing.assert_allclose(plain.astype(np.float32), heard, rtol=1e-2, atol=1e-2)
    assert np.abs(recorded.astype(np.float32) - heard).max() > 0.05


def test_finished_stores_are_left_as_they_are(config):
    main(changed(config, kind="content"))
    store = config.folder / "content_0.f16"
    before = store.stat().st_mtime_ns
    main(changed(config, kind="content"))
    assert store.stat().st_mtime_ns == before


def test_missing_weights_and_stores_are_named_with_the_step_that_makes_them(config, tmp_path):
    with pytest.raises(
        CorpusError, match=r"expected weights at .*none; run `python -m training.train_emotion`"
    ):
        main(changed(config, kind="emotion", folder=tmp_path, emotion_weights=tmp_path / "no.safetensors"))
    with pytest.raises(CorpusError, match="say --hubert FOLDER"):
        main(
            changed(config, folder=tmp_path, content=ContentConfig(kind="hubert", feature_dim=24, n_heads=2))
        )
    with pytest.raises(CorpusError, match=r"run `python -m training.features` first"):
        FeatureStore(tmp_path, "content", 0)
