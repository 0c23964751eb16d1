"""Ablations: each row changes what its name says and nothing else; rows that are finished stay."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_corpus import write_tiny_corpus, write_tiny_voices
from tiny_stages import CONTENT_DIM, EMOTION_DIM, IMAGE_SIZE, emotion_config

from ecoface_model.config import MotionGeneratorConfig
from ecoface_model.core.head_file import read_head
from ecoface_model.flame import FlameHead
from ecoface_model.flow_prior import FlowPrior, draw_noise
from ecoface_model.postprocess.lips import aperture
from training import ablations, train_emotion
from training.evaluation import ablation_table
from training.evaluation.ablation_table import TableConfig
from training.objectives.sync_expert import SyncConfig, SyncExpert
from training.runs.motion_stage import EmotionLook
from training.runs.results import read_generator
from training.runs.run import RunError
from training.train_motion import TrainMotionConfig

ROWS = ("full", "w/o speaker-aware", "w/o L_va")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> ablations.AblationsConfig:
    """A finished tiny table of three rows."""
    folder = tmp_path_factory.mktemp("ablations")
    write_tiny_corpus(folder, CONTENT_DIM, EMOTION_DIM, IMAGE_SIZE)
    write_tiny_voices(folder / "voices", EMOTION_DIM)
    judge = emotion_config(folder, folder / "judge")
    train_emotion.main(judge)
    torch.manual_seed(0)
    expert = SyncExpert(SyncConfig(content_dim=CONTENT_DIM, hidden_dim=16, embedding_dim=24))
    expert.held_out = {"loss": 0.1}
    expert.save(folder / "sync.safetensors")
    tiny = ablations.AblationsConfig(
        out=folder / "out",
        corpus=folder / "corpus",
        features=folder / "features",
        faces=folder / "faces",
        sync=folder / "sync.safetensors",
        judge=folder / "judge",
        n_train_clips=30,
        n_val_clips=6,
        emotion=dataclasses.replace(judge, n_steps=2, voices=None),
        motion=TrainMotionConfig(
            generator=MotionGeneratorConfig(
                content_dim=CONTENT_DIM, emotion_dim=EMOTION_DIM, hidden_dim=12, condition_dim=4
            ),
            look=EmotionLook(every=1, n_clips=1, n_frames=2),
            n_variants=1,
            n_emotion_variants=1,
            n_steps=1,
            batch_size=2,
            log_every=1,
            n_frames=16,
            score_every=1,
            n_scored_clips=1,
            device="cpu",
        ),
        table=TableConfig(n_clips=2, n_seeds=2, n_clips_of_seeds=2, n_clips_seen=1, n_frames_seen=2),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ablations, "ABLATIONS", {name: ablations.ABLATIONS[name] for name in ROWS})
        ablations.main(tiny)
    return tiny


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """The numbers of a config by their dotted names."""
    if not dataclasses.is_dataclass(value):
        return {name: value}
    parts = [flat(getattr(value, f.name), f"{name}.{f.name}") for f in dataclasses.fields(value)]
    return {key: item for part in parts for key, item in part.items()}


def changes(name: str) -> dict[str, Any]:
    """What a row's two stages have otherwise than the row "full", but for where they lie."""
    config, found = ablations.AblationsConfig(), {}
    full = ablations.stages(config, "full", ablations.ABLATIONS["full"], Path("corpus"))
    row = ablations.stages(config, name, ablations.ABLATIONS[name], Path("corpus"))
    for stage, one, other in zip(("emotion", "motion"), full, row, strict=True):
        before, after = flat(one, stage), flat(other, stage)
        found |= {key: v for key, v in after.items() if v != before[key] and not isinstance(v, Path)}
    return found


ONE_LATENT = {"motion.generator.steady_face": False, "motion.generator.n_slow_channels": 0}
CHANGES: dict[str, dict[str, Any]] = {
    "full": {},
    "as printed": ONE_LATENT
    | dict.fromkeys((f"motion.weights.{x}" for x in ("velocity", "lips", "closure")), 0),
    "w/o L_emo": {"motion.weights.emotion": 0},
    "w/o L_sync": {"motion.weights.sync": 0},
    "w/o flow prior": {"motion.generator.n_couplings": 0},
    "w/o speaker-aware": {"motion.speaker_dropout": 1},
    "w/o L_va": {"emotion.weights.audio_visual": 0},
    "w/o L_triplet": {"emotion.weights.triplet": 0},
    "w/o steady face": ONE_LATENT,
}


@pytest.mark.parametrize("name", ablations.ABLATIONS)
def test_a_row_changes_what_its_name_says_and_nothing_else(name):
    assert changes(name) == CHANGES[name]


def test_rows_share_an_emotion_stage_just_where_its_config_is_the_same():
    config = ablations.AblationsConfig()
    runs: dict[Path, set[str]] = {}
    for name, ablation in ablations.ABLATIONS.items():
        emotion, motion = ablations.stages(config, name, ablation, Path("corpus"))
        runs.setdefault(emotion.run, set()).add(repr(emotion))
        assert motion.prototypes.parent == motion.visual_weights.parent == emotion.run
    assert len(runs) == 3 and all(len(configs) == 1 for configs in runs.values())


def test_a_flow_prior_without_couplings_leaves_the_latent_as_it_is():
    torch.manual_seed(0)
    z, condition = torch.randn(2, 16, 5), torch.randn(2, 8, 5)
    plain = FlowPrior(MotionGeneratorConfig(n_couplings=0), 8)
    assert plain(z, condition) is z and plain.inverse(z, condition) is z
    assert not list(plain.parameters())


@pytest.mark.slow
def test_the_table_has_every_finished_row_and_names_what_it_is_of(config):
    text = (config.out / "ablations.md").read_text()
    rows = json.loads((config.out / "ablations.json").read_text())["rows"]
    assert list(rows) == list(ROWS) and all(f"| {name} |" in text for name in ROWS)
    assert "Synthetic" in text and "1 steps of 2 crops" in text and "Not finished" not in text
    for scores in rows.values():
        assert ablation_table.COLUMNS.keys() <= scores.keys()


@pytest.mark.slow
def test_rows_that_are_missing_are_named(config, tmp_path):
    rows = json.loads((config.out / "ablations.json").read_text())["rows"]
    ablation_table.write_table(tmp_path, {"full": rows["full"]}, {"full": "a", "w/o L_va": "b"}, "short")
    assert "Not finished: w/o L_va." in (tmp_path / "ablations.md").read_text()


@pytest.mark.slow
def test_finished_rows_are_kept_and_missing_ones_made(config, monkeypatch):
    monkeypatch.setattr(ablations, "ABLATIONS", {name: ablations.ABLATIONS[name] for name in ROWS})
    scores = [config.out / ablations.folder_name(name) / ablations.ROW_SCORES for name in ROWS]
    before = [path.read_text() for path in scores]
    times = [path.stat().st_mtime_ns for path in scores]
    scores[1].unlink()
    ablations.main(config)
    assert [path.read_text() for path in scores] == before
    assert [path.stat().st_mtime_ns == time for path, time in zip(scores, times, strict=True)] == [
        True,
        False,
        True,
    ]


@pytest.mark.slow
def test_another_config_is_refused_in_the_same_folder(config):
    with pytest.raises(RunError, match=r"expected ablations of this config in .*another folder"):
        ablations.main(dataclasses.replace(config, n_train_clips=8))


@pytest.mark.slow
def test_a_generator_that_never_heard_of_speakers_is_not_asked_for_one(config):
    ablation = ablations.ABLATIONS["w/o speaker-aware"]
    _, motion = ablations.stages(config, "w/o speaker-aware", ablation, config.out / "corpus")
    assert not ablation_table.held_out_clips(motion).whole(0, 4).style.any()
    _, motion = ablations.stages(config, "full", ablations.ABLATIONS["full"], config.out / "corpus")
    assert ablation_table.held_out_clips(motion).whole(0, 4).style.sum() == 1


@pytest.mark.slow
def test_generators_are_scored_on_as_many_held_out_clips_as_the_config_says(config):
    _, motion = ablations.stages(config, "full", ablations.ABLATIONS["full"], config.out / "corpus")
    assert len(ablation_table.held_out_clips(motion).rows) == config.n_val_clips


@pytest.mark.slow
def test_lips_between_seeds_are_spread_as_a_loop_says(config):
    _, motion = ablations.stages(config, "full", ablations.ABLATIONS["full"], config.out / "corpus")
    clips, head = ablation_table.held_out_clips(motion), FlameHead.from_file(read_head())
    generator, _ = read_generator(motion.run / "generator.safetensors")
    found = ablation_table.lip_spread(generator, head, clips, config.table)
    by_hand = []
    for number in (0, len(clips.rows) - 1):
        batch = clips.whole(number, 4)
        openings = []
        for seed in (1, 2):
            steps = batch.motion.shape[1] // 4
            noise = draw_noise(generator.config, steps, torch.Generator().manual_seed(seed))
            said = generator.sample(batch.content, batch.emotion, batch.style, noise).motion
            openings.append(aperture(head.landmarks(said))[0].numpy())
        low, high = np.quantile(aperture(head.landmarks(batch.motion))[0].numpy(), [0.05, 0.95])
        by_hand.append(np.std(openings, axis=0, ddof=1).mean() / (high - low))
    assert found == pytest.approx(np.mean(by_hand), rel=1e-3)
