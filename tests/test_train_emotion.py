"""Training of the emotion encoder, at a tiny size on a tiny corpus."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_model import TINY_HUBERT

from ecoface_model.config import EMOTIONS, INTENSITIES, SAMPLE_RATE, EmotionConfig, VisualConfig, paper_config
from ecoface_model.emotion import MelEmotion
from ecoface_model.visual import VisualEmotion
from training.batches_emotion import EmotionClips
from training.clips import UNKNOWN, ClipRow, CorpusError, write_clip, write_manifest
from training.emotion_sounds import cut
from training.emotion_space import Mapped, accuracies, nearest, prototypes
from training.faces import FacesConfig
from training.faces import main as render_faces
from training.train_emotion import (
    ENCODER,
    PROTOTYPES,
    SCORES,
    SPACE,
    VISUAL,
    EmotionEncoders,
    EmotionLossWeights,
    TrainEmotionConfig,
    emotion_losses,
    main,
    standardise,
    weighted,
)
from training.train_emotion_paper import PAPER

TINY = EmotionConfig(feature_dim=16, n_layers=1, n_heads=2, feedforward_dim=32)
TINY_VISUAL = VisualConfig(widths=(4, 4, 8, 8), feature_dim=16, image_size=32)
SECONDS = 1.0


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tones whose pitch is the emotion and whose level the intensity, each with a face of its own."""
    folder = tmp_path_factory.mktemp("corpus")
    time, rows = np.arange(round(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE, []
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for index, emotion in enumerate((*EMOTIONS, UNKNOWN)):
            for level, intensity in enumerate(INTENSITIES[: 1 if index == 0 else 2], start=1):
                for copy in range(2):
                    clip_id = f"{split}-{emotion}-{intensity}-{copy}"
                    wave = 0.05 * level * np.sin(2 * np.pi * 200 * 1.4**index * time + copy)
                    samples = np.round(wave * 32767).astype(np.int16)
                    motion = 0.3 * rng.standard_normal((25, 53)).astype(np.float32)
                    write_clip(folder / f"clips/{clip_id}.npz", samples, motion=motion)
                    rows.append(
                        ClipRow(
                            id=clip_id,
                            speaker="warm",
                            voice="tone",
                            emotion=emotion,
                            intensity=intensity,
                            sentence="Ah.",
                            sentence_id=clip_id,
                            seconds=SECONDS,
                            split=split,
                            file=f"clips/{clip_id}.npz",
                        )
                    )
    write_manifest(folder, rows)
    return folder


@pytest.fixture(scope="module")
def faces(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faces")
    render_faces(FacesConfig(corpus=corpus, out=folder, n_frames=6, image_size=32, n_processes=1))
    return folder


def tiny_config(corpus: Path, faces: Path, run: Path, n_steps: int = 4) -> TrainEmotionConfig:
    return TrainEmotionConfig(
        run=run, corpus=corpus, faces=faces, encoder=TINY, visual=TINY_VISUAL, n_steps=n_steps, n_clips=6,
        n_frames=12, n_frames_seen=3, warm_up=2, ramp=2, log_every=1, score_every=2, device="cpu",
    )  # fmt: skip


def test_a_run_writes_encoder_prototypes_and_picture(corpus: Path, faces: Path, tmp_path: Path) -> None:
    main(tiny_config(corpus, faces, tmp_path / "run"))
    encoder = MelEmotion(TINY)
    encoder.load_state_dict(load_file(tmp_path / "run" / ENCODER))
    levels = load_file(tmp_path / "run" / PROTOTYPES)["prototypes"]
    assert levels.shape == (len(EMOTIONS), 3, 16)
    for emotion in range(len(EMOTIONS)):
        torch.testing.assert_close(levels[emotion, 0], levels[0, 0])
    torch.testing.assert_close(levels[0, 2], levels[0, 0])
    visual = VisualEmotion(TINY_VISUAL)
    visual.load_state_dict(load_file(tmp_path / "run" / VISUAL))
    written = {path.name for path in (tmp_path / "run").iterdir()}
    assert written >= {SPACE, SCORES, "config.json", "log.csv", "losses.png"}


def test_an_interrupted_run_ends_with_the_same_bytes(
    corpus: Path, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(tiny_config(corpus, faces, tmp_path / "whole"))
    calls, real_batch = [], EmotionClips.batch

    def failing_batch(self, *arguments):  # type: ignore[no-untyped-def]
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real_batch(self, *arguments)

    monkeypatch.setattr(EmotionClips, "batch", failing_batch)
    with pytest.raises(KeyboardInterrupt):
        main(tiny_config(corpus, faces, tmp_path / "cut"))
    monkeypatch.undo()
    main(tiny_config(corpus, faces, tmp_path / "cut"))
    for name in (ENCODER, VISUAL, PROTOTYPES):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_convolutions_start_with_channels_of_mean_0_and_deviation_1(corpus: Path, faces: Path) -> None:
    encoder = MelEmotion(TINY)
    waveform = EmotionClips(corpus, faces, "train").batch(np.random.default_rng(0), 8, 12, 3).waveform
    seen: list[torch.Tensor] = []
    standardise(encoder, waveform)
    encoder.conv2.register_forward_hook(lambda *parts: seen.append(parts[2]))
    encoder(waveform)
    torch.testing.assert_close(seen[0].mean(dim=(0, 2)), torch.zeros(16), atol=1e-4, rtol=0.0)
    torch.testing.assert_close(seen[0].std(dim=(0, 2)), torch.ones(16), atol=1e-3, rtol=0.0)


def test_a_batch_hears_and_sees_every_clip_in_two_views(corpus: Path, faces: Path) -> None:
    batch = EmotionClips(corpus, faces, "train").batch(np.random.default_rng(0), 5, 12, 3)
    assert batch.waveform.shape == (10, 12 * 640) and batch.faces.shape == (10, 3, 1, 32, 32)
    assert torch.equal(batch.emotion[::2], batch.emotion[1::2])
    assert torch.equal(batch.intensity == 0, batch.emotion == 0)
    assert not torch.equal(batch.waveform[::2], batch.waveform[1::2])
    assert not torch.equal(batch.faces[::2], batch.faces[1::2])
    assert batch.faces.min() >= 0 and batch.faces.max() <= 1


def test_clips_without_an_emotion_take_no_part(corpus: Path, faces: Path) -> None:
    assert all(row.emotion != UNKNOWN for row in EmotionClips(corpus, faces, "train").rows)


def test_a_split_that_lacks_an_emotion_is_refused(corpus: Path, faces: Path) -> None:
    with pytest.raises(CorpusError, match=r"found none of angry, .* make a larger corpus"):
        EmotionClips(corpus, faces, "test")


def test_a_piece_that_reaches_beyond_its_clip_goes_on_in_silence() -> None:
    sound = np.arange(1, 11, dtype=np.int16) * 3276
    np.testing.assert_allclose(cut(sound, -3, 6), [0, 0, 0, 0.1, 0.2, 0.3], atol=1e-3)
    np.testing.assert_allclose(cut(sound, 8, 4), [0.9, 1.0, 0, 0], atol=1e-3)
    np.testing.assert_allclose(cut(sound, 2, 3), [0.3, 0.4, 0.5], atol=1e-3)
    np.testing.assert_allclose(cut(sound, -1, 12)[[0, 1, 10, 11]], [0, 0.1, 1.0, 0], atol=1e-3)


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


def losses_of(config: TrainEmotionConfig, clips: EmotionClips) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    encoders, batch = EmotionEncoders(config).eval(), clips.batch(np.random.default_rng(0), 6, 12, 3)
    return emotion_losses(
        encoders.audio(batch.waveform), encoders.visual(batch.faces), encoders, batch, config
    )


def test_audio_visual_loss_runs_over_the_steps_that_sound_and_faces_share(
    corpus: Path, faces: Path, tmp_path: Path
) -> None:
    config, clips = tiny_config(corpus, faces, tmp_path), EmotionClips(corpus, faces, "train")
    torch.manual_seed(0)
    encoders, batch = EmotionEncoders(config).eval(), clips.batch(np.random.default_rng(0), 6, 12, 3)
    audio, visual = encoders.audio(batch.waveform), encoders.visual(batch.faces)
    assert len(set(batch.beside.tolist())) > 1
    audio, visual, total = audio.detach(), visual.detach(), 0.0
    for clip in range(6):
        for step in range(6):  # two a frame
            e, v = audio[2 * clip, int(batch.beside[clip]) + step], visual[2 * clip, step]
            total += float((e / e.norm() - v / v.norm()).square().sum()) / 6 / 6
    losses = emotion_losses(audio, visual, encoders, batch, config)
    assert losses["audio_visual"].item() == pytest.approx(total, rel=1e-5)


def test_the_loss_is_eq_6_and_eq_7_of_both_modalities_and_the_labels(
    corpus: Path, faces: Path, tmp_path: Path
) -> None:
    losses = losses_of(tiny_config(corpus, faces, tmp_path), EmotionClips(corpus, faces, "train"))
    weights = EmotionLossWeights(contrastive=1.0, audio_visual=10.0, triplet=100.0, label=1000.0)
    both = {term: losses[f"{term} audio"] + losses[f"{term} visual"] for term in ("contrastive", "triplet")}
    label = losses["label audio"] + losses["label visual"]
    co_contrastive = both["contrastive"] + 10 * losses["audio_visual"]
    for ramp in (1.0, 0.25):
        expected = ramp * (co_contrastive + 100 * both["triplet"]) + 1000 * label
        torch.testing.assert_close(weighted(losses, weights, ramp), expected)


def test_ablations_are_weights_and_a_weight_of_0_leaves_no_gradient(
    corpus: Path, faces: Path, tmp_path: Path
) -> None:
    losses = losses_of(tiny_config(corpus, faces, tmp_path), EmotionClips(corpus, faces, "train"))
    for ablated in ("audio_visual", "triplet"):
        without = dataclasses.replace(EmotionLossWeights(), **{ablated: 0.0})
        left = [value for name, value in losses.items() if name.split()[0] != ablated]
        torch.testing.assert_close(weighted(losses, without, 1.0), torch.stack(left).sum())


def test_every_trained_number_of_both_encoders_has_a_gradient(
    corpus: Path, faces: Path, tmp_path: Path
) -> None:
    config, clips = tiny_config(corpus, faces, tmp_path), EmotionClips(corpus, faces, "train")
    encoders, batch = EmotionEncoders(config), clips.batch(np.random.default_rng(0), 6, 12, 3)
    audio, visual = encoders.audio(batch.waveform), encoders.visual(batch.faces)
    weighted(emotion_losses(audio, visual, encoders, batch, config), config.weights, 1.0).backward()
    for name, parameter in encoders.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


def test_widths_that_differ_and_more_seen_than_heard_are_refused() -> None:
    with pytest.raises(ValueError, match="expected audio and visual features of one width, found 192 and 16"):
        TrainEmotionConfig(visual=TINY_VISUAL)
    with pytest.raises(ValueError, match="expected as many frames heard as seen or more, found 50 and 51"):
        TrainEmotionConfig(n_frames_seen=51)


def test_scores_are_written_for_both_modalities_and_between_them(
    corpus: Path, faces: Path, tmp_path: Path
) -> None:
    main(tiny_config(corpus, faces, tmp_path / "run", n_steps=1))
    scores = json.loads((tmp_path / "run" / SCORES).read_text())
    assert set(scores) >= {"audio", "visual", "retrieval audio to visual", "retrieval by chance"}
    assert all(-1 <= value <= 1 for group in scores.values() for value in group.values())


def test_faces_of_another_size_than_the_encoder_s_are_refused(
    corpus: Path, faces: Path, tmp_path: Path
) -> None:
    config = tiny_config(corpus, faces, tmp_path / "run")
    config = dataclasses.replace(config, visual=dataclasses.replace(TINY_VISUAL, image_size=64))
    with pytest.raises(
        CorpusError, match=r"expected faces of 64 pixels in .*, found 32; run .*--image-size 64"
    ):
        main(config)


def test_the_paper_s_run_has_its_sizes_and_schedule() -> None:
    assert (PAPER.n_steps, PAPER.n_clips, PAPER.learning_rate) == (10_000, 30, 5e-5)
    assert PAPER.encoder == paper_config().emotion and PAPER.visual == paper_config().visual
    assert PAPER.weights == EmotionLossWeights() and PAPER.temperature == TrainEmotionConfig().temperature


def test_an_encoder_of_hubert_s_structure_trains_behind_its_frozen_frontend(
    corpus: Path, faces: Path, tmp_path: Path
) -> None:
    config = dataclasses.replace(
        tiny_config(corpus, faces, tmp_path / "run", n_steps=2),
        encoder=TINY_HUBERT.emotion,
        visual=dataclasses.replace(TINY_VISUAL, feature_dim=32),
        n_clips=1,
        score_every=9,
        n_clips_prototype=1,
    )
    main(config)
    after = load_file(tmp_path / "run" / ENCODER)
    torch.manual_seed(config.seed)
    before = EmotionEncoders(config).audio.state_dict()
    assert after.keys() == before.keys()
    for name, weight in after.items():
        if name.startswith("frontend."):
            assert torch.equal(weight, before[name]), name
    trained = [name for name in after if not torch.equal(after[name], before[name])]
    assert len(trained) > 10 and all(name.startswith("transformer.") for name in trained)
