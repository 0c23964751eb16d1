"""Training of the emotion encoder, at a tiny size on a tiny corpus."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ecoface_model.config import EMOTIONS, INTENSITIES, SAMPLE_RATE, EmotionConfig
from ecoface_model.emotion import MelEmotion
from training.batches_emotion import EmotionClips, cut
from training.clips import ClipRow, CorpusError, write_clip, write_manifest
from training.emotion_space import Mapped, accuracies, nearest, prototypes
from training.train_emotion import ENCODER, PROTOTYPES, SPACE, TrainEmotionConfig, main, standardise

TINY = EmotionConfig(feature_dim=16, n_layers=1, n_heads=2, feedforward_dim=32)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tones whose pitch is the emotion and whose level the intensity."""
    folder = tmp_path_factory.mktemp("corpus")
    time, rows = np.arange(SAMPLE_RATE) / SAMPLE_RATE, []
    for split in ("train", "val"):
        for index, emotion in enumerate(EMOTIONS):
            for level, intensity in enumerate(INTENSITIES[: 1 if index == 0 else 2], start=1):
                for copy in range(2):
                    clip_id = f"{split}-{emotion}-{intensity}-{copy}"
                    wave = 0.05 * level * np.sin(2 * np.pi * 200 * 1.4**index * time + copy)
                    samples, ends = np.round(wave * 32767).astype(np.int16), np.array([1.0], np.float32)
                    write_clip(folder / f"clips/{clip_id}.npz", samples, ends - 1, ends, ["AA"])
                    rows.append(
                        ClipRow(
                            id=clip_id,
                            speaker="warm",
                            voice="tone",
                            emotion=emotion,
                            intensity=intensity,
                            sentence="Ah.",
                            sentence_id=clip_id,
                            seconds=1.0,
                            split=split,
                            file=f"clips/{clip_id}.npz",
                        )
                    )
    write_manifest(folder, rows)
    return folder


def tiny_config(corpus: Path, run: Path, n_steps: int = 4) -> TrainEmotionConfig:
    return TrainEmotionConfig(
        run=run, corpus=corpus, encoder=TINY, n_steps=n_steps, n_clips=6, n_frames=12, warm_up=2, ramp=2,
        log_every=1,
        score_every=2, device="cpu",
    )  # fmt: skip


def test_a_run_writes_encoder_prototypes_and_picture(corpus: Path, tmp_path: Path) -> None:
    main(tiny_config(corpus, tmp_path / "run"))
    encoder = MelEmotion(TINY)
    encoder.load_state_dict(load_file(tmp_path / "run" / ENCODER))
    levels = load_file(tmp_path / "run" / PROTOTYPES)["prototypes"]
    assert levels.shape == (len(EMOTIONS), 3, 16)
    for emotion in range(len(EMOTIONS)):
        torch.testing.assert_close(levels[emotion, 0], levels[0, 0])
    torch.testing.assert_close(levels[0, 2], levels[0, 0])
    assert {p.name for p in (tmp_path / "run").iterdir()} >= {SPACE, "config.json", "log.csv", "losses.png"}


def test_an_interrupted_run_ends_with_the_same_bytes(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(tiny_config(corpus, tmp_path / "whole"))
    calls, real_batch = [], EmotionClips.batch

    def failing_batch(self, *arguments):  # type: ignore[no-untyped-def]
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real_batch(self, *arguments)

    monkeypatch.setattr(EmotionClips, "batch", failing_batch)
    with pytest.raises(KeyboardInterrupt):
        main(tiny_config(corpus, tmp_path / "cut"))
    monkeypatch.undo()
    main(tiny_config(corpus, tmp_path / "cut"))
    assert (tmp_path / "cut" / ENCODER).read_bytes() == (tmp_path / "whole" / ENCODER).read_bytes()


def test_convolutions_start_with_channels_of_mean_0_and_deviation_1(corpus: Path) -> None:
    encoder, waveform = (
        MelEmotion(TINY),
        EmotionClips(corpus, "train").batch(np.random.default_rng(0), 8, 12).waveform,
    )
    seen: list[torch.Tensor] = []
    standardise(encoder, waveform)
    encoder.conv2.register_forward_hook(lambda *parts: seen.append(parts[2]))
    encoder(waveform)
    torch.testing.assert_close(seen[0].mean(dim=(0, 2)), torch.zeros(16), atol=1e-4, rtol=0.0)
    torch.testing.assert_close(seen[0].std(dim=(0, 2)), torch.ones(16), atol=1e-3, rtol=0.0)


def test_a_batch_hears_every_clip_twice_in_different_recordings(corpus: Path) -> None:
    batch = EmotionClips(corpus, "train").batch(np.random.default_rng(0), 5, 12)
    assert batch.waveform.shape == (10, 12 * 640)
    assert torch.equal(batch.emotion[::2], batch.emotion[1::2])
    assert torch.equal(batch.intensity == 0, batch.emotion == 0)
    assert not torch.equal(batch.waveform[::2], batch.waveform[1::2])


def test_a_split_that_lacks_an_emotion_is_refused(corpus: Path) -> None:
    with pytest.raises(CorpusError, match=r"found none of angry, .* make a larger corpus"):
        EmotionClips(corpus, "test")


def test_short_clips_are_put_into_silence_and_long_ones_cut() -> None:
    rng = np.random.default_rng(0)
    assert cut(np.full(10, 16384, np.int16), 30, rng).sum() == pytest.approx(5)
    assert cut(np.full(90, 16384, np.int16), 30, rng).tolist() == [0.5] * 30


def test_prototypes_are_class_means_and_find_their_own_clips() -> None:
    directions = torch.eye(15)
    emotion = torch.tensor([0, *(e for e in range(1, 8) for _ in range(2))])
    intensity = torch.tensor([0, *([1, 2] * 7)])
    mapped = Mapped(directions.repeat(2, 1), emotion.repeat(2), intensity.repeat(2))
    levels = prototypes(mapped)
    torch.testing.assert_close(levels[3, 2], directions[6])
    found = nearest(directions, levels)
    assert torch.equal(found[0], emotion) and torch.equal(found[1], intensity)
    assert accuracies(mapped, levels) == {"emotion_accuracy": 1.0, "intensity_accuracy": 1.0}
