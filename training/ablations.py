"""Ablations as configs: the paper's "w/o" rows and its own form of the generator, trained one after another.

python -m training.ablations --out work/ablations

Short runs at a reduced size, on the synthetic corpus: they rank what the terms do, and are no models to use.
A run that was stopped goes on; finished rows are kept. The table grows with every row.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import tyro

from ecoface_model.config import MotionGeneratorConfig
from ecoface_model.core.atomic_write import atomic_write
from training.data.clips import SPLITS, read_manifest, write_manifest
from training.evaluation.ablation_table import SPLIT, Judge, TableConfig, row_scores, write_table
from training.evaluation.held_out import balanced
from training.runs.motion_stage import EmotionLook
from training.runs.results import ENCODER, GENERATOR, PROTOTYPES, VISUAL
from training.runs.run import CONFIG, RunError
from training.runs.script import run_script
from training.train_emotion import SCORES, TrainEmotionConfig
from training.train_motion import TrainMotionConfig

from . import features, train_emotion, train_motion

ROW_SCORES = "ablation.json"


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """What a row changes; everything else is as in the row "full"."""

    says: str
    """Of the row, for the table's reader."""
    emotion_weights: Mapping[str, float] = field(default_factory=dict)
    """Of `EmotionLossWeights`."""
    motion_weights: Mapping[str, float] = field(default_factory=dict)
    """Of `LossWeights`."""
    generator: Mapping[str, int | bool] = field(default_factory=dict)
    """Of `MotionGeneratorConfig`."""
    motion: Mapping[str, float] = field(default_factory=dict)
    """Of `TrainMotionConfig`."""


_ONE_LATENT = {"steady_face": False, "n_slow_channels": 0}
ABLATIONS = {
    "full": Ablation(says="everything"),
    "as printed": Ablation(
        says="the paper's generator, z drives the whole face, by the four terms of Eq. (11) alone",
        generator=_ONE_LATENT,
        motion_weights={"velocity": 0.0, "lips": 0.0, "closure": 0.0},
    ),
    "w/o L_emo": Ablation(says="no visual emotion term, Eq. (11)", motion_weights={"emotion": 0.0}),
    "w/o L_sync": Ablation(says="no sync-expert, Eq. (12)", motion_weights={"sync": 0.0}),
    "w/o flow prior": Ablation(says="a plain Gaussian prior", generator={"n_couplings": 0}),
    "w/o speaker-aware": Ablation(
        says="no crop tells its style, and none is asked for", motion={"speaker_dropout": 1.0}
    ),
    "w/o L_va": Ablation(says="both modalities apart, no Eq. (5)", emotion_weights={"audio_visual": 0.0}),
    "w/o L_triplet": Ablation(says="no order of intensities, Eq. (7)", emotion_weights={"triplet": 0.0}),
    "w/o steady face": Ablation(says="z drives the whole face, but by all our terms", generator=_ONE_LATENT),
}


def short_emotion() -> TrainEmotionConfig:
    """The emotion stage of a row; run, corpus and faces are set by the table."""
    return TrainEmotionConfig(
        n_steps=200,
        n_clips=8,
        n_frames=36,
        n_variants=1,
        warm_up=20,
        ramp=60,
        score_every=200,
        n_fit_steps=500,
    )


def short_motion() -> TrainMotionConfig:
    """The motion stage of a row; its paths are set by the table."""
    return TrainMotionConfig(
        generator=MotionGeneratorConfig(
            hidden_dim=96, condition_dim=32, n_encoder_layers=4, flow_hidden_dim=32
        ),
        look=EmotionLook(n_clips=4, n_frames=4),
        n_variants=1,
        n_emotion_variants=1,
        n_steps=300,
        closure_from=240,
        batch_size=12,
        n_frames=48,
        learning_rate=1e-3,
        warm_up=50,
        average=0.98,
        log_every=25,
        score_every=300,
        n_scored_clips=4,
    )


@dataclass(frozen=True, kw_only=True)
class AblationsConfig:
    """One table; the same folder goes on with the same config only."""

    out: Path = Path("work/ablations")
    corpus: Path = Path("work/corpus")
    features: Path = Path("work/features")
    """Content and front features; emotion features are computed anew for each emotion stage."""
    faces: Path = Path("work/faces")
    sync: Path = Path("work/sync/sync.safetensors")
    judge: Path = Path("work/emotion")
    """Run folder of the emotion stage whose visual encoder names what all rows show."""
    n_train_clips: int = 500
    """On which the generators are trained; the emotion stages see the whole training split."""
    n_val_clips: int = 60
    """Held out, of which generators are scored."""
    emotion: TrainEmotionConfig = field(default_factory=short_emotion)
    motion: TrainMotionConfig = field(default_factory=short_motion)
    table: TableConfig = field(default_factory=TableConfig)


def main(config: AblationsConfig) -> None:
    """Train and score the rows that are not finished; write the table after each.

    Raises:
        RunError: if the folder holds a table of another config.
        CorpusError, ModelFileError: if corpus, features, faces or judges are missing.
    """
    hold_config(config)
    judge = Judge.read(config.judge, config.sync)
    corpus = small_corpus(config)
    rows: dict[str, dict[str, float]] = {}
    for name, ablation in ABLATIONS.items():
        path = config.out / folder_name(name) / ROW_SCORES
        if not path.is_file():
            emotion, motion = stages(config, name, ablation, corpus)
            train_row(config, emotion, motion)
            scores = row_scores(emotion, motion, judge, config.table)
            with atomic_write(path) as temporary:
                temporary.write_text(json.dumps(scores, indent=1))
        rows[name] = json.loads(path.read_text())
        write_table(config.out, rows, {name: one.says for name, one in ABLATIONS.items()}, how_short(config))
    print((config.out / "ablations.md").read_text())


def stages(
    config: AblationsConfig, name: str, ablation: Ablation, corpus: Path
) -> tuple[TrainEmotionConfig, TrainMotionConfig]:
    """The two stages' configs of a row; rows with the same emotion stage share its folder."""
    changed = "_".join(sorted(ablation.emotion_weights))
    run = config.out / (f"emotion_without_{changed}" if changed else "emotion")
    emotion = dataclasses.replace(
        config.emotion,
        run=run,
        corpus=config.corpus,
        features=config.features,
        faces=config.faces,
        weights=dataclasses.replace(config.emotion.weights, **ablation.emotion_weights),
    )
    motion = dataclasses.replace(
        config.motion,
        run=config.out / folder_name(name),
        corpus=corpus,
        features=run / "features",
        prototypes=run / PROTOTYPES,
        visual_weights=run / VISUAL,
        visual=config.emotion.visual,
        sync=config.sync,
        weights=dataclasses.replace(config.motion.weights, **ablation.motion_weights),
        generator=dataclasses.replace(config.motion.generator, **ablation.generator),  # type: ignore[arg-type]
        **ablation.motion,  # type: ignore[arg-type]
    )
    return emotion, motion


def train_row(config: AblationsConfig, emotion: TrainEmotionConfig, motion: TrainMotionConfig) -> None:
    """Train what is not there yet: emotion encoders, their features of the small corpus, generator."""
    if not (emotion.run / SCORES).is_file():
        train_emotion.main(emotion)
    motion.features.mkdir(exist_ok=True)
    for kind, n_variants in (("content", motion.n_variants), ("front", motion.n_emotion_variants)):
        for variant in range(n_variants):
            for suffix in ("json", "f16"):
                link(motion.features / f"{kind}_{variant}.{suffix}", config.features)
    features.main(
        features.FeaturesConfig(
            corpus=motion.corpus,
            folder=motion.features,
            kind="emotion",
            emotion_weights=emotion.run / ENCODER,
            emotion=emotion.encoder,
            n_variants=motion.n_emotion_variants,
            device=motion.device,
        )
    )
    if not (motion.run / GENERATOR).is_file():
        print(f"{motion.run}", flush=True)
        train_motion.main(motion)


def small_corpus(config: AblationsConfig) -> Path:
    """A corpus of some of the clips, evenly of each emotion, intensity and style; its files are links."""
    folder = config.out / "corpus"
    folder.mkdir(exist_ok=True)
    rows = read_manifest(config.corpus)
    chosen = []
    for split, n in ((SPLITS[0], config.n_train_clips), (SPLIT, config.n_val_clips)):
        of_split = [row for row in rows if row.split == split]
        chosen += balanced(of_split, n, lambda row: (row.emotion, row.intensity_level, row.speaker), 0)
    for path in config.corpus.iterdir():
        if path.is_dir():
            link(folder / path.name, config.corpus)
    write_manifest(folder, chosen)
    return folder


def link(path: Path, folder: Path) -> None:
    """A symbolic link to the file of the same name in another folder."""
    if not path.is_symlink():
        path.symlink_to((folder / path.name).resolve())


def hold_config(config: AblationsConfig) -> None:
    """Refuse to mix rows of different configs in one table."""
    config.out.mkdir(parents=True, exist_ok=True)
    path, text = config.out / CONFIG, json.dumps(dataclasses.asdict(config), indent=2, default=str)
    if not path.exists():
        with atomic_write(path) as temporary:
            temporary.write_text(text)
    if path.read_text() != text:
        raise RunError(
            f"expected ablations of this config in {config.out}, found another's: take another folder or "
            f"delete it"
        )


def folder_name(row: str) -> str:
    """A row's name, fit for a folder."""
    return row.replace("w/o", "without").replace(" ", "_")


def how_short(config: AblationsConfig) -> str:
    """What the table says of its runs."""
    emotion, motion = config.emotion, config.motion
    return (
        f"Short runs at a reduced size, one seed a row: emotion stage {emotion.n_steps} steps of "
        f"{emotion.n_clips} clips; generator {motion.n_steps} steps of {motion.batch_size} crops of "
        f"{motion.n_frames} frames, hidden width {motion.generator.hidden_dim}, on {config.n_train_clips} "
        f"clips. Rows with the same emotion stage share it."
    )


if __name__ == "__main__":
    run_script(lambda: main(tyro.cli(AblationsConfig)))
