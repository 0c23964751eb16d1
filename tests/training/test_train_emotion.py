"""Training of the emotion encoders, at a tiny size on a tiny corpus and tiny recorded voices."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_corpus import write_store, write_tiny_corpus, write_tiny_voices
from tiny_model import TINY_HUBERT

from ecoface_model.classifier import EmotionClassifier
from ecoface_model.config import EmotionConfig, VisualConfig, paper_config
from ecoface_model.core.constants import EMOTIONS
from ecoface_model.emotion import build_emotion
from ecoface_model.visual import VisualEmotion
from training.batches.emotion import EmotionClips
from training.data.clips import CorpusError, read_manifest
from training.data.sources import SOURCES
from training.runs.results import CLASSIFIER, ENCODER, PROTOTYPES, VISUAL
from training.train_emotion import (
    NO_VOICES,
    SCORES,
    SPACE,
    EmotionEncoders,
    EmotionLossWeights,
    TrainEmotionConfig,
    emotion_losses,
    main,
    read_clips,
    started,
    weighted,
)
from training.train_emotion_paper import PAPER

TINY = EmotionConfig(feature_dim=16, n_layers=1, n_heads=2, feedforward_dim=32, hidden_dim=8, frame_units=4)
TINY_VISUAL = VisualConfig(widths=(4, 4, 8, 8), feature_dim=16, image_size=32)
N_CLIPS, N_REAL = 6, 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("emotion")
    write_tiny_corpus(folder, 8, 16, 32, n_variants=2)
    write_tiny_voices(folder / "voices", 16, n_variants=2)
    return folder


def tiny_config(folder: Path, run: Path, n_steps: int = 4, **changes: object) -> TrainEmotionConfig:
    config = TrainEmotionConfig(
        run=run, corpus=folder / "corpus", features=folder / "features", faces=folder / "faces",
        voices=folder / "voices", n_variants=2, n_voice_variants=2, encoder=TINY, visual=TINY_VISUAL,
        n_steps=n_steps, n_clips=N_CLIPS, n_real=N_REAL, n_frames=12, n_frames_seen=3, warm_up=2, ramp=2,
        log_every=1, score_every=2, n_fit_steps=20, device="cpu",
    )  # fmt: skip
    return dataclasses.replace(config, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    """A whole run with recorded voices."""
    main(tiny_config(folder, folder / "run"))
    return folder / "run"


def test_a_run_writes_encoders_classifier_prototypes_and_picture(run: Path) -> None:
    build_emotion(TINY).load_own_state(load_file(run / ENCODER))
    assert not [name for name in load_file(run / ENCODER) if name.startswith("front")]
    classifier = EmotionClassifier(16, build_emotion(TINY).row_dim, TINY.hidden_dim, TINY.frame_units)
    classifier.load_state_dict(load_file(run / CLASSIFIER))
    assert classifier.hidden_to_labels.weight.abs().max() > 0, "fitted at the end"
    VisualEmotion(TINY_VISUAL).load_state_dict(load_file(run / VISUAL))
    for levels in load_file(run / PROTOTYPES).values():
        assert levels.shape == (len(EMOTIONS), 3, 16)
        for emotion in range(len(EMOTIONS)):
            torch.testing.assert_close(levels[emotion, 0], levels[0, 0])
        torch.testing.assert_close(levels[0, 2], levels[0, 0])
    written = {path.name for path in run.iterdir()}
    assert written >= {SPACE, SCORES, SOURCES, "config.json", "log.csv", "losses.png"}


def test_scores_are_written_for_both_modalities_between_them_and_for_voices(run: Path) -> None:
    scores = json.loads((run / SCORES).read_text())
    assert set(scores) >= {"audio", "visual", "retrieval audio to visual", "retrieval by chance"}
    assert scores["synthetic"].keys() >= {"single clips", "relative to 5 lines"}
    assert scores["recorded voices"].keys() == {
        "single clips", "relative to 5 lines", "relative to 1 neutral line",
    }  # fmt: skip
    assert all(-1 <= value <= 1 for group in scores.values() for value in group.values())


def test_a_run_says_what_it_was_trained_on(run: Path, folder: Path) -> None:
    synthetic, real = json.loads((run / SOURCES).read_text())
    assert (synthetic["dataset"], synthetic["licence"], synthetic["n_clips"]) == ("synthetic", "", 30)
    assert (real["dataset"], real["licence"]) == ("crema-d", "ODbL 1.0, contents DbCL 1.0")
    rows = [row for row in read_manifest(folder / "voices") if row.split == "train"]
    assert (real["n_clips"], real["n_voices"]) == (len(rows), 2)
    assert real["emotions"] == ["neutral", "sad", "angry"]


@pytest.mark.slow
def test_an_interrupted_run_ends_with_the_same_bytes(
    run: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, real_batch = [], EmotionClips.batch

    def failing_batch(self, *arguments):  # type: ignore[no-untyped-def]
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real_batch(self, *arguments)

    monkeypatch.setattr(EmotionClips, "batch", failing_batch)
    with pytest.raises(KeyboardInterrupt):
        main(tiny_config(folder, tmp_path / "cut"))
    monkeypatch.undo()
    main(tiny_config(folder, tmp_path / "cut"))
    for name in (ENCODER, CLASSIFIER, VISUAL, PROTOTYPES):
        assert (tmp_path / "cut" / name).read_bytes() == (run / name).read_bytes()


@pytest.mark.slow
def test_without_voices_it_says_what_it_cannot_learn_and_goes_on(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(tiny_config(folder, tmp_path / "run", n_steps=1, voices=None))
    assert NO_VOICES in capsys.readouterr().out
    assert "recorded voices" not in json.loads((tmp_path / "run" / SCORES).read_text())
    assert len(json.loads((tmp_path / "run" / SOURCES).read_text())) == 1


def test_the_front_is_brought_to_mean_0_and_deviation_1_of_the_voices(folder: Path, tmp_path: Path) -> None:
    config = tiny_config(folder, tmp_path)
    train = read_clips(config, "train")
    audio = started(config, train).audio
    assert train.real is not None
    mean, std = train.real.statistics()
    np.testing.assert_allclose(audio.state_mean.flatten(), mean, rtol=1e-5)
    np.testing.assert_allclose(audio.state_std.flatten(), std, rtol=1e-5)


def features_of(encoders: EmotionEncoders, batch) -> tuple[torch.Tensor, torch.Tensor]:  # type: ignore[no-untyped-def]
    heard = encoders.audio.of_front(batch.rows, batch.baseline, batch.kind)
    return heard, encoders.visual(batch.faces)


def drawn(config: TrainEmotionConfig):  # type: ignore[no-untyped-def]
    return read_clips(config, "train").batch(np.random.default_rng(0), N_CLIPS, N_REAL, 12, 3)


def losses_of(config: TrainEmotionConfig) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    encoders, batch = EmotionEncoders(config).eval(), drawn(config)
    return emotion_losses(*features_of(encoders, batch), encoders, batch, config)


def test_audio_visual_loss_runs_over_the_steps_that_sound_and_faces_share(
    folder: Path, tmp_path: Path
) -> None:
    config = tiny_config(folder, tmp_path)
    torch.manual_seed(0)
    encoders, batch = EmotionEncoders(config).eval(), drawn(config)
    audio, visual = features_of(encoders, batch)
    assert len(set(batch.beside.tolist())) > 1
    audio, visual, total = audio.detach(), visual.detach(), 0.0
    for clip in range(N_CLIPS):
        for step in range(6):  # two a frame
            e, v = audio[2 * clip, int(batch.beside[clip]) + step], visual[2 * clip, step]
            total += float((e / e.norm() - v / v.norm()).square().sum()) / 6 / N_CLIPS
    losses = emotion_losses(audio, visual, encoders, batch, config)
    assert losses["audio_visual"].item() == pytest.approx(total, rel=1e-5)


def test_the_loss_is_eq_6_and_eq_7_of_both_modalities_and_the_labels(folder: Path, tmp_path: Path) -> None:
    losses = losses_of(tiny_config(folder, tmp_path))
    weights = EmotionLossWeights(contrastive=1.0, audio_visual=10.0, triplet=100.0, label=1000.0)
    both = {term: losses[f"{term} audio"] + losses[f"{term} visual"] for term in ("contrastive", "triplet")}
    label = losses["label audio"] + losses["label visual"]
    co_contrastive = both["contrastive"] + 10 * losses["audio_visual"]
    for ramp in (1.0, 0.25):
        expected = ramp * (co_contrastive + 100 * both["triplet"]) + 1000 * label
        torch.testing.assert_close(weighted(losses, weights, ramp), expected)


def test_ablations_are_weights_and_a_weight_of_0_leaves_no_gradient(folder: Path, tmp_path: Path) -> None:
    losses = losses_of(tiny_config(folder, tmp_path))
    for ablated in ("audio_visual", "triplet"):
        weights = EmotionLossWeights()
        without = dataclasses.replace(weights, **{ablated: 0.0})
        left = [
            getattr(weights, name.split()[0]) * value
            for name, value in losses.items()
            if name.split()[0] != ablated
        ]
        torch.testing.assert_close(weighted(losses, without, 1.0), torch.stack(left).sum())


def test_every_trained_number_has_a_gradient_and_the_front_has_none(folder: Path, tmp_path: Path) -> None:
    config = tiny_config(folder, tmp_path)
    encoders, batch = EmotionEncoders(config), drawn(config)
    losses = emotion_losses(*features_of(encoders, batch), encoders, batch, config)
    weighted(losses, config.weights, 1.0).backward()
    for name, parameter in encoders.named_parameters():
        own = name.removeprefix("classifier.")
        if name.startswith("audio.front.") or own.startswith(("rows_to_", "frame_units_to_", "hidden_to_")):
            assert not parameter.requires_grad, name
        else:
            assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


def test_widths_that_differ_and_more_seen_than_heard_are_refused() -> None:
    with pytest.raises(ValueError, match="expected audio and visual features of one width, found 192 and 16"):
        TrainEmotionConfig(visual=TINY_VISUAL)
    with pytest.raises(ValueError, match="expected as many frames heard as seen or more, found 50 and 51"):
        TrainEmotionConfig(n_frames=50, n_frames_seen=51)


def test_faces_of_another_size_than_the_encoder_s_are_refused(folder: Path, tmp_path: Path) -> None:
    visual = dataclasses.replace(TINY_VISUAL, image_size=64)
    with pytest.raises(
        CorpusError, match=r"expected faces of 64 pixels in .*, found 32; run .*--image-size 64"
    ):
        main(tiny_config(folder, tmp_path / "run", visual=visual))


def test_the_paper_s_run_has_its_sizes_and_schedule() -> None:
    assert (PAPER.n_steps, PAPER.n_clips, PAPER.learning_rate) == (10_000, 30, 5e-5)
    assert PAPER.encoder == paper_config().emotion and PAPER.visual == paper_config().visual
    assert PAPER.weights == EmotionLossWeights() and PAPER.temperature == TrainEmotionConfig().temperature


@pytest.mark.slow
def test_an_encoder_of_hubert_s_structure_trains_behind_its_frozen_frontend(
    folder: Path, tmp_path: Path
) -> None:
    rows = read_manifest(folder / "corpus")
    rng = np.random.default_rng(0)
    noise = {row.id: rng.standard_normal((round(row.seconds * 25), 2 * 32)) for row in rows}
    write_store(tmp_path / "features", "front", 0, noise)
    config = tiny_config(
        folder,
        tmp_path / "run",
        n_steps=2,
        encoder=TINY_HUBERT.emotion,
        visual=dataclasses.replace(TINY_VISUAL, feature_dim=32),
        features=tmp_path / "features",
        voices=None,
        n_variants=1,
        n_clips=1,
        score_every=9,
    )
    main(config)
    after = load_file(tmp_path / "run" / ENCODER)
    torch.manual_seed(config.seed)
    before = EmotionEncoders(config).audio.own_state()
    assert after.keys() == before.keys() and all(name.startswith("transformer.") for name in after)
    assert sum(not torch.equal(after[name], before[name]) for name in after) > 10
