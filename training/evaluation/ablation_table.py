"""How the rows of the ablations are scored: prior samples of held-out synthetic clips; one table of all."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ecoface_model.core.constants import EMOTIONS, INTENSITIES
from ecoface_model.core.head_file import read_head
from ecoface_model.flame import FlameHead
from ecoface_model.flow_prior import draw_noise
from ecoface_model.motion_generator import MotionGenerator
from ecoface_model.postprocess.lips import aperture
from ecoface_model.renderer.grey import GreyFaces
from ecoface_model.visual import VisualEmotion
from training.batches.motion import MotionBatch, MotionClips
from training.data.clips import SPLITS
from training.evaluation.emotion_space import Mapped, accuracies
from training.evaluation.motion_scores import prior_scores
from training.evaluation.report import SYNTHETIC, markdown_table, write_report
from training.objectives.sync_expert import FRAMES, MAX_SHIFT, SyncExpert, sync_confidence
from training.runs.results import (
    GENERATOR,
    PROTOTYPES,
    VISUAL,
    fill,
    read_emotion_configs,
    read_generator,
    read_tensors,
)
from training.train_emotion import SCORES, TrainEmotionConfig
from training.train_motion import TrainMotionConfig

SPLIT = SPLITS[1]
STEP = "training.train_emotion"
LABELS = [
    (EMOTIONS[0], 0),
    *((name, level + 1) for name in EMOTIONS[1:] for level in range(len(INTENSITIES))),
]

COLUMNS = {
    "lip_mm": "lips off (mm)",
    "r": "opening r",
    "shut_frames_pbm": "P B M shut",
    "shut_frames_vowels": "vowels shut",
    "pause_aperture": "pause opening",
    "lip_spread": "lips between seeds",
    "sync_distance": "sync distance (ours)",
    "sync_confidence": "sync confidence (ours)",
    "seen_emotion": "emotion seen",
    "seen_intensity": "intensity seen",
    "brow_spread_ratio": "brows' spread / true",
    "brow_change_ratio": "brows' change / true",
    "blinks_sampled": "blinks a minute",
    "heard_emotion": "emotion heard",
    "heard_intensity": "intensity heard",
    "face_of_sound": "sound -> face",
    "sound_of_face": "face -> sound",
}
"""Of the table, by the names of the scores."""


@dataclass(frozen=True, kw_only=True)
class TableConfig:
    """How much of the held-out clips is looked at."""

    n_clips: int = 40
    """For the lips, sync, brows and blinks."""
    n_seeds: int = 4
    n_clips_of_seeds: int = 12
    n_clips_seen: int = 5
    """Said with each label and rendered."""
    n_frames_seen: int = 8
    seed: int = 0


@dataclass(frozen=True)
class Judge:
    """Judges that no row trained: the sync-expert, and the eyes of one fully trained emotion stage."""

    sync: SyncExpert
    visual: VisualEmotion
    levels: Float[Tensor, "emotions 3 feature"]
    """The visual encoder's own prototypes."""
    image_size: int

    @classmethod
    def read(cls, emotion: Path, sync: Path) -> "Judge":
        """From a run of the emotion stage and the sync-expert's file.

        Raises:
            ModelFileError: if one of them is missing.
        """
        _, config = read_emotion_configs(emotion)
        visual = VisualEmotion(config)
        fill(visual, emotion / VISUAL, STEP)
        levels = read_tensors(emotion / PROTOTYPES, STEP)["visual"]
        return cls(SyncExpert.load(sync), visual.eval().requires_grad_(False), levels, config.image_size)


class NamelessClips(MotionClips):
    """Clips that do not tell their style, as a generator wants them that never heard of one."""

    def whole(self, number: int, stride: int) -> MotionBatch:
        batch = super().whole(number, stride)
        batch.style.zero_()
        return batch


def row_scores(
    emotion: TrainEmotionConfig, motion: TrainMotionConfig, judge: Judge, config: TableConfig
) -> dict[str, float]:
    """All numbers of one row, by the names in COLUMNS, and what they are compared with."""
    generator, _ = read_generator(motion.run / GENERATOR)
    head = FlameHead.from_file(read_head(motion.head))
    clips = held_out_clips(motion)
    scores = prior_scores(generator, head, clips, config.n_clips, config.seed)
    scores |= sync_scores(generator, head, clips, judge, config)
    scores["lip_spread"] = lip_spread(generator, head, clips, config)
    seen = accuracies(seen_labels(generator, head, clips, judge, config), judge.levels)
    heard = json.loads((emotion.run / SCORES).read_text())
    return scores | {
        "seen_emotion": seen["emotion_accuracy"],
        "seen_intensity": seen["intensity_accuracy"],
        "heard_emotion": heard["audio"]["emotion_accuracy"],
        "heard_intensity": heard["audio"]["intensity_accuracy"],
        "face_of_sound": heard["retrieval audio to visual"]["class_top1"],
        "sound_of_face": heard["retrieval visual to audio"]["class_top1"],
        "found_by_chance": heard["retrieval by chance"]["class_top1"],
    }


def held_out_clips(motion: TrainMotionConfig) -> MotionClips:
    """The clips of the table; a generator without speakers is not asked for one."""
    kind = NamelessClips if motion.speaker_dropout == 1 else MotionClips
    return kind(
        motion.corpus,
        motion.features,
        SPLIT,
        motion.n_variants,
        motion.n_emotion_variants,
        motion.prototypes,
    )


def sampled(
    generator: MotionGenerator, batch: MotionBatch, seeds: list[int]
) -> Float[Tensor, "seeds frames 53"]:
    """Prior samples of one clip, one a seed."""
    n_steps, n = batch.motion.shape[1] // generator.config.stride, len(seeds)
    noise = [draw_noise(generator.config, n_steps, torch.Generator().manual_seed(seed)) for seed in seeds]
    content, emotion, style = (
        value.expand(n, *value.shape[1:]) for value in (batch.content, batch.emotion, batch.style)
    )
    return generator.sample(content, emotion, style, torch.cat(noise)).motion


def spread_evenly(clips: MotionClips, n: int, shortest: int, stride: int) -> list[MotionBatch]:
    """Whole clips of so many frames or more, evenly from the split."""
    long_enough = [k for k in range(len(clips.motions)) if clips.whole_frames(k, stride) >= shortest]
    chosen = np.linspace(0, len(long_enough) - 1, min(n, len(long_enough))).astype(int)
    return [clips.whole(long_enough[index], stride) for index in chosen]


@torch.inference_mode()
def sync_scores(
    generator: MotionGenerator, head: FlameHead, clips: MotionClips, judge: Judge, config: TableConfig
) -> dict[str, float]:
    """Our sync-expert's distance and confidence, means over clips: of samples, and of the performances."""
    found = []
    for batch in spread_evenly(clips, config.n_clips, FRAMES + MAX_SHIFT, generator.config.stride):
        motions = torch.cat([sampled(generator, batch, [config.seed]), batch.motion])
        found.append(
            [sync_confidence(judge.sync, lips, batch.content[0]) for lips in head.landmarks(motions)]
        )
    (distance, confidence), (true_distance, true_confidence) = np.mean(found, axis=0).tolist()
    return {
        "sync_distance": distance,
        "sync_confidence": confidence,
        "sync_distance_true": true_distance,
        "sync_confidence_true": true_confidence,
    }


@torch.inference_mode()
def lip_spread(generator: MotionGenerator, head: FlameHead, clips: MotionClips, config: TableConfig) -> float:
    """Standard deviation of the lips' opening between seeds, over the clip's own opening; mean over clips."""
    shares = []
    for batch in spread_evenly(clips, config.n_clips_of_seeds, 1, generator.config.stride):
        seeds = [config.seed + 1 + k for k in range(config.n_seeds)]
        lips = aperture(head.landmarks(sampled(generator, batch, seeds)))  # (seeds, T) metres
        true = aperture(head.landmarks(batch.motion))[0]  # (T,)
        opening = true.quantile(0.95) - true.quantile(0.05)
        shares.append(lips.std(dim=0).mean() / opening)
    return float(torch.stack(shares).mean())


@torch.inference_mode()
def seen_labels(
    generator: MotionGenerator, head: FlameHead, clips: MotionClips, judge: Judge, config: TableConfig
) -> Mapped:
    """What the judge's eyes see of clips that are said with every label's prototype."""
    faces = GreyFaces(head, judge.image_size)
    features, emotions, levels = [], [], []
    for batch in spread_evenly(clips, config.n_clips_seen, config.n_frames_seen, generator.config.stride):
        start = (batch.motion.shape[1] - config.n_frames_seen) // 2
        for name, level in LABELS:
            asked = torch.tensor(clips.prototypes[EMOTIONS.index(name), level])  # (F,)
            batch.emotion = asked.expand_as(batch.emotion)
            motion = sampled(generator, batch, [config.seed])[:, start : start + config.n_frames_seen]
            features.append(judge.visual(faces(motion)).mean(dim=1)[0])
            emotions.append(EMOTIONS.index(name))
            levels.append(level)
    known = torch.ones(len(levels), dtype=torch.bool)
    return Mapped(torch.stack(features), torch.tensor(emotions), torch.tensor(levels), known)


NOTES = """\
Generators: prior samples of held-out sentences, in each clip's own style and emotion, against performances.
Lips off: mean distance of mouth landmarks. Shut: share of frames (wanted: 1 for P, B, M; 0 for open vowels).
Between seeds: standard deviation of the opening over seeds, as a share of the clip's opening. Sync: by our
sync-expert, not LSE. Emotion and intensity seen: sentences are said with each label, rendered, and named by
the visual encoder of the fully trained emotion stage (chance 1/8 and 1/2). Emotion encoders: emotion and
intensity heard in held-out clips; sound -> face, face -> sound: share of clips whose nearest other clip in
the other modality has the same emotion. One seed a row: small differences are noise."""


def write_table(
    out: Path, rows: Mapping[str, Mapping[str, float]], says: Mapping[str, str], how_short: str
) -> None:
    """ablations.md and ablations.json of the rows that are finished, of `says`, which names all."""
    first = next(iter(rows.values()))
    truth = {
        "sync_distance": first["sync_distance_true"],
        "sync_confidence": first["sync_confidence_true"],
        "blinks_sampled": first["blinks_true"],
        "face_of_sound": first["found_by_chance"],
        "sound_of_face": first["found_by_chance"],
        "heard_emotion": 1 / len(EMOTIONS),
        "heard_intensity": 1 / len(INTENSITIES),
    }
    lines: list[list[object]] = [
        [name, *(row.get(column, float("nan")) for column in COLUMNS)]
        for name, row in {**rows, "(performances; chance)": truth}.items()
    ]
    missing = [name for name in says if name not in rows]
    parts = [
        "# Ablations",
        SYNTHETIC,
        how_short,
        markdown_table(["", *COLUMNS.values()], lines),
        "\n".join(f"- {name}: {text}." for name, text in says.items()),
        *([f"Not finished: {', '.join(missing)}."] if missing else []),
        NOTES,
    ]
    write_report(out, "ablations", "\n\n".join(parts), {"rows": rows, "reference": truth, "runs": how_short})
