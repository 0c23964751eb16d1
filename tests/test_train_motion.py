"""The motion generator's stage: its batches, its terms, a whole tiny run."""

import contextlib
import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny_corpus import write_tiny_corpus

from ecoface_model.config import MotionGeneratorConfig, VisualConfig
from ecoface_model.visual import VisualEmotion
from training.batches import UNTIMED, EmotionSources, MotionClips
from training.clips import ClipRow, read_clip, read_manifest, write_clip, write_manifest
from training.motion_stage import EmotionLook, JudgeError, LossWeights, read_judges
from training.sync_expert import SyncConfig, SyncExpert
from training.train_motion import GENERATOR, TrainMotionConfig, main

CONTENT, EMOTION, SIZE = 24, 16, 32
VISUAL = VisualConfig(widths=(4, 4, 8, 8), feature_dim=EMOTION, image_size=SIZE)
OWN = EmotionSources(twin=0.0, mean=0.0, prototype=0.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A tiny corpus and two judges that have learned nothing but say they have."""
    folder = tmp_path_factory.mktemp("motion")
    write_tiny_corpus(folder, CONTENT, EMOTION, SIZE)
    torch.manual_seed(0)
    save_file(VisualEmotion(VISUAL).state_dict(), folder / "visual.safetensors")
    expert = SyncExpert(SyncConfig(content_dim=CONTENT, hidden_dim=16, embedding_dim=24))
    expert.held_out = {"loss": 0.5}
    expert.save(folder / "sync.safetensors")
    return folder


def config(folder: Path, run: str, **changes) -> TrainMotionConfig:
    """A run of three steps."""
    generator = MotionGeneratorConfig(
        content_dim=CONTENT, emotion_dim=EMOTION, hidden_dim=16, condition_dim=8, flow_hidden_dim=8,
        n_encoder_layers=2, n_decoder_layers=2, n_steady_layers=2,
    )  # fmt: skip
    whole = TrainMotionConfig(
        run=folder / run, corpus=folder / "corpus", features=folder / "features",
        prototypes=folder / "prototypes.safetensors", visual_weights=folder / "visual.safetensors",
        sync=folder / "sync.safetensors", n_variants=1, n_emotion_variants=1, generator=generator,
        visual=VISUAL, look=EmotionLook(every=2, n_clips=2, n_frames=3), n_steps=4, closure_from=2,
        batch_size=4, n_frames=24, warm_up=1, log_every=1, score_every=2, n_scored_clips=3, device="cpu",
    )  # fmt: skip
    return replace(whole, **changes)


def clips(folder: Path, corpus: str = "corpus", split: str = "train") -> MotionClips:
    """Of the tiny corpus."""
    return MotionClips(folder / corpus, folder / "features", split, 1, 1, folder / "prototypes.safetensors")


def rows_of_log(run: Path) -> list[dict[str, float]]:
    """The log's rows as numbers."""
    with (run / "log.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def trained(folder: Path) -> Path:
    """A whole run."""
    run = config(folder, "whole")
    main(run)
    return run.run


def test_a_run_logs_every_term_of_eq_11_and_writes_what_it_is(folder, trained):
    rows = rows_of_log(trained)
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert set(vars(LossWeights())) <= set(rows[0])
    assert [row["emotion"] > 0 for row in rows] == [False, True, False, True]  # looked at every second step
    assert [row["closure"] > 0 for row in rows] == [False, False, True, True]
    with safe_open(trained / GENERATOR, "pt") as file:
        metadata = file.metadata()
    styles = json.loads(metadata["styles"])
    values = json.loads(metadata["config"])
    generator_config = MotionGeneratorConfig(**values | {"dilations": tuple(values["dilations"])})
    assert styles == list(clips(folder).styles) and generator_config.n_styles == len(styles) == 8
    tensors = load_file(trained / GENERATOR)
    assert not [name for name in tensors if "parametrizations" in name]
    assert tensors["motion_mean"].shape == (1, 53)


class Interrupted(io.StringIO):
    """A terminal whose user presses Ctrl-C when the third step is scored, before its checkpoint."""

    def write(self, text: str) -> int:
        if text.startswith("step 3"):
            raise KeyboardInterrupt
        return super().write(text)


def test_an_interrupted_run_ends_in_the_same_weights(folder, monkeypatch):
    ends = []
    for name, terminal in (("straight", io.StringIO()), ("stopped", Interrupted())):
        run = config(folder, name, score_every=1)
        with monkeypatch.context() as patch:
            patch.setattr("sys.stdout", terminal)
            with pytest.raises(KeyboardInterrupt) if name == "stopped" else contextlib.nullcontext():
                main(run)
        assert (run.run / GENERATOR).exists() == (name == "straight")
        main(run)
        assert [row["step"] for row in rows_of_log(run.run)] == [1, 2, 3, 4]
        ends.append(load_file(run.run / GENERATOR))
    assert all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())


@pytest.mark.parametrize(
    "change",
    [
        {"weights": LossWeights(sync=0.0)},
        {"weights": LossWeights(emotion=0.0)},
        {"speaker_dropout": 1.0},
        {"couplings": 0},
        {"printed": True},
    ],
    ids=["w/o sync", "w/o emotion", "w/o speaker", "w/o flow", "as printed"],
)
def test_ablations_are_configs(folder, change, request):
    wanted = config(folder, request.node.name.replace("/", ""), n_steps=2, closure_from=0)
    if "couplings" in change:
        change = {"generator": replace(wanted.generator, n_couplings=0)}
    if "printed" in change:
        change = {"generator": replace(wanted.generator, steady_face=False, n_slow_channels=0)}
    main(replace(wanted, **change))
    logged = rows_of_log(wanted.run)[-1]
    assert ("sync" in logged) == (change.get("weights", LossWeights()).sync > 0)
    assert ("emotion" in logged) == (change.get("weights", LossWeights()).emotion > 0)
    assert ("steady" in logged) == change.get("generator", wanted.generator).steady_face


def test_judges_that_have_learned_nothing_or_are_missing_are_refused(folder, tmp_path):
    guessing = SyncExpert(SyncConfig(content_dim=CONTENT, hidden_dim=16, embedding_dim=24))
    guessing.held_out = {"loss": 0.9}
    guessing.save(tmp_path / "guessing.safetensors")
    with pytest.raises(JudgeError, match=r"better than guessing .* found a held-out loss of 0.9"):
        read_judges(tmp_path / "guessing.safetensors", folder / "visual.safetensors", VISUAL, LossWeights())
    with pytest.raises(JudgeError, match=r"expected the visual emotion encoder at .* found none"):
        read_judges(folder / "sync.safetensors", tmp_path / "no.safetensors", VISUAL, LossWeights())
    nobody = read_judges(tmp_path / "no", tmp_path / "no", VISUAL, LossWeights(sync=0.0, emotion=0.0))
    assert nobody == (None, None)


def test_a_share_of_crops_does_not_tell_its_style(folder):
    batch = clips(folder).batch(np.random.default_rng(0), 400, 24, OWN, 0.25)
    told = batch.style.sum(dim=1)
    assert set(told.tolist()) == {0.0, 1.0}
    assert (told == 0).float().mean().item() == pytest.approx(0.25, abs=0.06)


def real_corpus(folder: Path, name: str) -> None:
    """The tiny corpus, half of it as another data set has it: no phones, no emotion, one speaker, a range."""
    rows = []
    for number, row in enumerate(read_manifest(folder / "corpus")):
        clip = read_clip(folder / "corpus", row)
        samples = np.round(clip.waveform * 32767).astype(np.int16)
        assert clip.motion is not None
        if number % 2:
            values = {**vars(row), "emotion": "unknown", "speaker": "ada", "dataset": "hdtf"}
            row = ClipRow(**values)
            write_clip(folder / name / row.file, samples, motion=3 * clip.motion + 1)
        else:
            write_clip(
                folder / name / row.file,
                samples,
                clip.phone_start,
                clip.phone_end,
                clip.phone_name,
                clip.motion,
            )
        rows.append(row)
    write_manifest(folder / name, rows)


def test_clips_without_phones_and_emotion_are_trained_on_with_their_sets_statistics(folder):
    real_corpus(folder, "mixed")
    mixed = clips(folder, "mixed")
    assert mixed.datasets == ["hdtf", "synthetic"] and mixed.styles[-1] == "ada"
    statistics = mixed.statistics()
    assert statistics["motion_mean"].shape == (2, 53)
    assert statistics["style_sets"][-1].tolist() == [1.0, 0.0] and statistics["style_sets"][0].tolist() == [
        0,
        1,
    ]
    hdtf = [n for n, row in enumerate(mixed.rows) if row.dataset == "hdtf"]
    frames = np.concatenate([mixed.motions[n] for n in hdtf])
    np.testing.assert_allclose(statistics["motion_mean"][0], frames.mean(0), rtol=1e-4, atol=1e-5)
    item = mixed.whole(hdtf[0])
    assert (item.phone == UNTIMED).all() and not item.closed.any()
    own = mixed.emotion[0][mixed.rows[hdtf[0]].id].astype(np.float32).mean(0)
    np.testing.assert_allclose(item.label[0].numpy(), own, atol=1e-5)
    main(config(folder, "mixed run", corpus=folder / "mixed", n_steps=2))
    generator = load_file(folder / "mixed run" / GENERATOR)
    assert generator["motion_std"].shape == (2, 53)
