"""Features of a corpus, computed once."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_corpus import write_store, write_tiny_corpus

from ecoface_model.config import ContentConfig, EmotionConfig
from ecoface_model.content import build_content
from ecoface_model.emotion import build_emotion
from training import features
from training.data.clips import ClipRow, CorpusError, read_clip, read_manifest, write_manifest
from training.data.feature_store import FeatureStore
from training.features import FeaturesConfig, Front, cached_fronts, main

CONTENT = ContentConfig(feature_dim=24, n_layers=1, n_heads=2, feedforward_dim=32)
EMOTION = EmotionConfig(feature_dim=16, n_layers=1, n_heads=2, feedforward_dim=32)


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> FeaturesConfig:
    folder: Path = tmp_path_factory.mktemp("features")
    write_tiny_corpus(folder, 24, 16, 8)
    torch.manual_seed(0)
    content = build_content(CONTENT)
    emotion = build_emotion(EMOTION, content)
    emotion.state_std.fill_(0.1)  # random states differ little
    save_file(content.state_dict(), folder / "content.safetensors")
    save_file(emotion.own_state(), folder / "emotion.safetensors")
    return FeaturesConfig(
        corpus=folder / "corpus", folder=folder / "made", content_weights=folder / "content.safetensors",
        emotion_weights=folder / "emotion.safetensors", content=CONTENT, emotion=EMOTION, n_variants=2,
        device="cpu",
    )  # fmt: skip


def changed(config: FeaturesConfig, **values) -> FeaturesConfig:
    return FeaturesConfig(**{**vars(config), **values})


def encoder_of(config: FeaturesConfig, kind: str) -> torch.nn.Module:
    """The encoder whose features these are, put together here."""
    content = build_content(CONTENT)
    content.load_state_dict(load_file(config.content_weights))
    emotion = build_emotion(EMOTION, content)
    emotion.load_own_state(load_file(config.emotion_weights))
    return {"content": content, "front": Front(emotion), "emotion": emotion}[kind].eval()


@pytest.mark.parametrize("kind", ["content", "front", "emotion"])
def test_the_first_variant_hears_clips_as_they_are_and_the_second_a_recording(config, kind):
    config = changed(config, folder=config.folder.parent / kind)
    main(changed(config, kind=kind))
    encoder = encoder_of(config, kind)
    row = read_manifest(config.corpus)[1]
    waveform = torch.from_numpy(read_clip(config.corpus, row).waveform)
    with torch.inference_mode():
        heard = encoder(waveform[None])[0].numpy()
    plain, recorded = (FeatureStore(config.folder, kind, variant)[row.id] for variant in (0, 1))
    assert plain.shape == ((1 if kind == "front" else 2) * round(len(waveform) / 640), heard.shape[1])
    np.testing.assert_allclose(plain.astype(np.float32), heard, rtol=1e-2, atol=1e-2)
    assert np.abs(recorded.astype(np.float32) - heard).max() > 0.02


def test_all_clips_of_a_voice_are_recorded_alike_for_the_front(config, tmp_path, monkeypatch):
    seeds: dict[str, list[list[int]]] = {"front": [], "content": []}
    rows = read_manifest(config.corpus)[:6]
    voices = ["anna", "ben"]
    rows = [ClipRow(**vars(row) | {"voice": voices[n % 2]}) for n, row in enumerate(rows)]
    (tmp_path / "clips").symlink_to((config.corpus / "clips").resolve())
    write_manifest(tmp_path, rows)
    real, heard, strengths = features.augment, [], []

    def remembered(waveform, rng, strength):
        heard.append(rng.bit_generator.state["state"]["state"])
        strengths.append(strength)
        return real(waveform, rng, strength=strength)

    monkeypatch.setattr(features, "augment", remembered)
    for kind in seeds:
        heard.clear()
        main(changed(config, corpus=tmp_path, folder=tmp_path / kind, kind=kind, n_variants=3))
        seeds[kind] = [heard[1:7], heard[8:14]]  # each variant first hears a clip to see its width
    for variant in seeds["front"]:
        assert len(set(variant[::2])) == len(set(variant[1::2])) == 1 and variant[0] != variant[1]
    assert seeds["front"][0][0] != seeds["front"][1][0], "another recording in each variant"
    assert all(len(set(variant)) == 6 for variant in seeds["content"])
    assert set(strengths) == {features.FULL}
    heard.clear(), strengths.clear()
    main(changed(config, corpus=tmp_path, folder=tmp_path / "front", kind="front", n_variants=5))
    poor = heard[8:14]  # after the fourth variant, which is good
    assert len(set(poor)) == 6 and set(strengths[7:]) == {features.POOR}, (
        "each clip in a poor recording of its own"
    )


def test_the_front_s_third_variant_hears_another_vocal_tract(config, tmp_path, monkeypatch):
    monkeypatch.setattr(features, "augment", lambda waveform, *_, **__: waveform)
    main(changed(config, folder=tmp_path, kind="front", n_variants=3))
    row = read_manifest(config.corpus)[1]
    plain, recorded, other = (
        FeatureStore(tmp_path, "front", variant)[row.id].astype(np.float32) for variant in range(3)
    )
    np.testing.assert_array_equal(recorded, plain)
    assert other.shape == plain.shape and np.abs(other - plain).max() > 0.02


def test_emotion_from_the_cached_front_is_what_the_sound_gives(config, tmp_path):
    main(changed(config, folder=tmp_path / "sound", kind="emotion", n_variants=1))
    cached = changed(config, folder=tmp_path / "cached", content_weights=tmp_path / "none", n_variants=1)
    main(changed(config, folder=cached.folder, kind="front", n_variants=1))
    main(changed(cached, kind="emotion"))  # needs no content weights, as nothing is heard again
    for row in read_manifest(config.corpus):
        sound, front = (FeatureStore(f, "emotion", 0)[row.id] for f in (tmp_path / "sound", cached.folder))
        assert sound.shape == front.shape
        np.testing.assert_allclose(front.astype(np.float32), sound.astype(np.float32), atol=0.02)


def test_emotion_is_taken_from_the_front_of_the_same_variant(config, tmp_path):
    rng, rows = np.random.default_rng(0), read_manifest(config.corpus)
    for variant in (0, 1):
        stored = {row.id: rng.standard_normal((round(row.seconds * 25), 48)) for row in rows}
        write_store(tmp_path, "front", variant, stored)
    main(changed(config, folder=tmp_path, kind="emotion"))
    encoder = encoder_of(config, "emotion")
    for variant in (0, 1):
        front = FeatureStore(tmp_path, "front", variant)[rows[3].id].astype(np.float32)
        with torch.inference_mode():
            expected = encoder.of_front(torch.from_numpy(front)[None])[0].numpy()
        found = FeatureStore(tmp_path, "emotion", variant)[rows[3].id].astype(np.float32)
        np.testing.assert_allclose(found, expected, rtol=1e-2, atol=1e-2)


def test_a_front_that_lacks_clips_is_not_used(config, tmp_path):
    rows = read_manifest(config.corpus)
    write_store(tmp_path, "front", 0, {rows[0].id: np.zeros((round(rows[0].seconds * 25), 48))})
    assert cached_fronts(changed(config, folder=tmp_path, n_variants=1), rows) == []
    assert len(cached_fronts(changed(config, folder=tmp_path, n_variants=1), rows[:1])) == 1
    assert cached_fronts(changed(config, folder=tmp_path, n_variants=2), rows[:1]) == []


def test_encoders_of_two_fronts_are_refused(config):
    hubert = ContentConfig(kind="hubert", feature_dim=24, n_heads=2)
    with pytest.raises(ValueError, match="an emotion encoder on one front, found 'hubert' and 'whisper'"):
        changed(config, kind="emotion", content=hubert)


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


@pytest.mark.parametrize("text", ["[]", "{", '{"a": [0, 7]}', "[" * 100_000])
def test_a_damaged_store_is_one_sentence(tmp_path, text):
    (tmp_path / "content_0.json").write_text(text)
    (tmp_path / "content_0.f16").write_bytes(bytes(12))
    with pytest.raises(CorpusError, match=r"expected whole features in .*content_0.json and its .f16, found"):
        FeatureStore(tmp_path, "content", 0)
