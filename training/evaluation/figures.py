"""The paper's figures, drawn from what was trained: `python -m training.evaluate figures`.

Emotion spaces with and without the triplet loss (Figs. 3b, 8, 9), exchanges of emotion (Figs. 12 to 15), the
losses of runs, and the sync-expert's curve. What was not trained is not drawn.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray

from ecoface_model.core.atomic_write import atomic_write
from ecoface_model.core.constants import EMOTIONS, FRAME_RATE
from ecoface_model.core.npz import json_object
from ecoface_model.emotion import build_emotion
from ecoface_model.renderer.portrait import Portrait
from ecoface_model.visual import VisualEmotion
from training import train_sync
from training.batches.emotion import EmotionClips
from training.data.clips import CorpusError
from training.data.face_store import FaceStore
from training.data.voice_clips import VoiceClips
from training.evaluation import emotion_space
from training.evaluation.emotion_space import Space, map_clips, map_faces
from training.evaluation.exchange import style_of
from training.evaluation.held_out import HeldOut, Motion, Stage, balanced, held_out, rows_of
from training.runs.results import (
    ENCODER,
    PROTOTYPES,
    VISUAL,
    fill,
    fill_emotion,
    read_emotion_configs,
    read_tensors,
)
from training.runs.run import LOG, RunError, draw_log

PICTURE = (320, 256)  # pixels, height and width, of one face on a sheet
N_MOMENTS = 6
INK, PAPER = "#d7dade", "#24272c"
Kind = tuple[str, str]
"""Emotion and intensity."""

STEP = "training.train_emotion"


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Where what is drawn was trained; each figure is drawn where its source is given."""

    model: Path | None = None
    """Model file of the exchanges; the default model if not given."""
    corpus: Path = Path("work/corpus")
    split: str = "test"
    features: Path = Path("work/features")
    """Front features, which the run's encoder was trained on."""
    faces: Path = Path("work/faces")
    emotion: Path | None = None
    """Run of train_emotion, for Figs. 3b and 9."""
    without_triplet: Path | None = None
    """Run of train_emotion without the triplet loss, for Fig. 8."""
    n_clips: int = 20
    """Validation clips of each emotion and intensity in the emotion spaces."""
    sync: Path | None = None
    """Run of train_sync."""
    runs: tuple[Path, ...] = ()
    """Runs whose losses are drawn."""
    out: Path = Path("work/evaluation")
    seed: int = 0
    device: str | None = None


@dataclass(frozen=True)
class Sheet:
    """One exchange: a content, and the references of other sentences and speakers that lend it emotions."""

    name: str
    content: Kind
    references: tuple[tuple[Kind, ...], ...]
    """Of each row; two kinds follow one another in time."""


SHEETS = (
    Sheet(
        "fig12", ("neutral", "normal"),
        ((("surprised", "strong"),), (("happy", "normal"),), (("angry", "strong"),), (("sad", "strong"),)),
    ),
    Sheet(
        "fig13", ("happy", "strong"),
        ((("sad", "strong"),), (("angry", "strong"),), (("fearful", "strong"),), (("disgust", "strong"),)),
    ),
    Sheet(
        "fig14", ("sad", "strong"),
        ((("happy", "strong"),), (("surprised", "strong"),), (("angry", "strong"),), (("calm", "normal"),)),
    ),
    Sheet("fig15", ("neutral", "normal"), ((("happy", "strong"), ("sad", "normal")),)),
)  # fmt: skip


def figures(config: Figures) -> None:
    """Draw all that can be drawn, and print where it is."""
    config.out.mkdir(parents=True, exist_ok=True)
    drawn = [*draw_sheets(config)]
    for run, name in (
        (config.emotion, "fig9_emotion_space"),
        (config.without_triplet, "fig8_without_triplet"),
    ):
        if run is not None:
            drawn.append(config.out / f"{name}.png")
            emotion_space.draw(space_of(run, config), drawn[-1])
    if config.sync is not None:
        drawn.append(config.out / "sync_curve.png")
        train_sync.draw_curve(shift_curve(config.sync / train_sync.SCORES), drawn[-1])
    for run in config.runs:
        drawn.append(config.out / f"losses_{run.name}.png")
        draw_log(_present(run / LOG), drawn[-1])
    print("\n".join(str(path) for path in drawn))


def _present(path: Path) -> Path:
    """A run's file.

    Raises:
        RunError: if it is not there.
    """
    if not path.is_file():
        raise RunError(f"expected {path.name} of a finished run in {path.parent}, found none; train it first")
    return path


def shift_curve(scores: Path) -> dict[int, float]:
    """Mean cosine by shift, as the sync stage wrote it."""
    text = _present(scores).read_text()
    try:
        values = json_object(text)["cosine_by_shift"]
        return {int(shift): float(cosine) for shift, cosine in values.items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"expected cosines by shift in {scores}, found a damaged file or another; train it again"
        ) from error


def space_of(run: Path, config: Figures) -> Space:
    """Validation clips in the emotion space of a run, heard and seen."""
    encoder, sizes = read_emotion_configs(run)
    audio, visual = build_emotion(encoder), VisualEmotion(sizes)
    fill_emotion(audio, run / ENCODER)
    fill(visual, run / VISUAL, STEP)
    levels = read_tensors(run / PROTOTYPES, STEP)
    voices = VoiceClips(config.corpus, config.features, "val", 1)
    clips = EmotionClips(voices, FaceStore(config.faces), None)
    chosen = clips.evenly(config.n_clips).tolist()
    return Space(
        map_clips(audio.eval(), voices, chosen),
        map_faces(visual.eval(), [voices.rows[index] for index in chosen], clips.faces),
        levels["prototypes"],
        levels["visual"],
    )


def draw_sheets(config: Figures) -> list[Path]:
    """The exchanges of `SHEETS`, one picture each.

    Raises:
        CorpusError: if the split lacks a kind of clip that they need.
    """
    stage = Stage.open(config.model, config.device)
    portrait = Portrait(stage.file, PICTURE, torch.device(stage.ecoface.device))
    by_kind = clips_by_kind(config)
    paths = []
    for number, sheet in enumerate(SHEETS):
        content, references = choose(sheet, by_kind, number)
        motions = speak_sheet(stage, config.seed, content, references)
        moments = moments_of(stage.lip_clip(content, motions["own emotion"]).millimetres)
        pictures = np.stack([draw_row(stage, portrait, motion, moments) for motion in motions.values()])
        paths.append(config.out / f"{sheet.name}_exchange.png")
        draw_sheet(paths[-1], title_of(content), pictures, list(motions), moments)
    return paths


def clips_by_kind(config: Figures) -> dict[Kind, list[HeldOut]]:
    """A few held-out clips of each emotion and intensity, the longest first."""
    rows = rows_of(config.corpus, config.split, labelled=True)
    taken = balanced(rows, 6 * (2 * len(EMOTIONS) - 1), lambda row: (row.emotion, row.intensity), config.seed)
    kinds: dict[Kind, list[HeldOut]] = {}
    for clip in sorted(held_out(config.corpus, taken), key=lambda clip: -len(clip.motion)):
        kinds.setdefault((clip.row.emotion, clip.row.intensity), []).append(clip)
    return kinds


def choose(
    sheet: Sheet, by_kind: dict[Kind, list[HeldOut]], number: int
) -> tuple[HeldOut, dict[str, list[HeldOut]]]:
    """A sheet's content, and the clips that each row takes its emotion from."""
    wanted = {sheet.content, *(kind for row in sheet.references for kind in row)}
    if absent := sorted(wanted - by_kind.keys()):
        raise CorpusError(
            f"expected held-out clips of {' '.join(absent[0])} for {sheet.name}, found none; "
            "take another split"
        )
    of_content = by_kind[sheet.content]
    content = of_content[number % len(of_content)]
    references = {
        ", then ".join(" ".join(kind) for kind in row): [by_kind[kind][0] for kind in row]
        for row in sheet.references
    }
    return content, references


def speak_sheet(
    stage: Stage, seed: int, content: HeldOut, references: dict[str, list[HeldOut]]
) -> dict[str, Motion]:
    """Row title -> the content with its own emotion, then with each reference's."""
    how: dict[str, Any] = {"style": style_of(stage, content), "seed": seed}
    motions = {"own emotion": stage.speak(content, **how)}
    for name, clips in references.items():
        sound = np.concatenate([clip.waveform for clip in clips])
        motions[name] = stage.speak(content, emotion_from=sound, **how)
    return motions


def moments_of(opening: NDArray[np.floating[Any]]) -> list[int]:
    """Frames to show: one in the middle of each of as many even parts of the clip.

    It is the part's widest, and in every third part the most closed.
    """
    moments = []
    for number, part in enumerate(np.array_split(np.arange(len(opening)), N_MOMENTS)):
        middle = part[len(part) // 5 : len(part) - len(part) // 5]
        place = opening[middle].argmin() if number % 3 == 2 else opening[middle].argmax()
        moments.append(int(middle[place]))
    return moments


@torch.inference_mode()
def draw_row(
    stage: Stage, portrait: Portrait, motion: Motion, moments: list[int]
) -> UInt8[NDArray[Any], "moments height width 3"]:
    """The face at the moments."""
    vertices = stage.head.vertices(torch.from_numpy(motion[moments]))
    return np.asarray(portrait.render(vertices).cpu().numpy())


def title_of(content: HeldOut) -> str:
    """What is said, and how it was meant."""
    row = content.row
    kind = f"{row.emotion} {row.intensity}" if row.intensity_level else row.emotion
    return f"Content ({kind}, synthetic voice): “{row.sentence}”"


def draw_sheet(
    path: Path,
    title: str,
    pictures: UInt8[NDArray[Any], "rows moments height width 3"],
    names: list[str],
    moments: list[int],
) -> None:
    """Pictures in rows, with their names to the left and their times above."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, columns, height, width = pictures.shape[:4]
    sheet = pictures.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, 3)
    left, top = 190, 64
    wide, tall = left + sheet.shape[1], top + sheet.shape[0]
    figure = Figure((wide / 100, tall / 100), dpi=100, facecolor=PAPER)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((left / wide, 0, sheet.shape[1] / wide, sheet.shape[0] / tall))
    axes.imshow(sheet, interpolation="nearest", aspect="auto")
    axes.set_axis_off()
    figure.text(0.01, 1 - 18 / tall, title, color=INK, fontsize=12, va="center")
    for column, frame in enumerate(moments):
        x = (left + (column + 0.5) * width) / wide
        figure.text(
            x, 1 - 48 / tall, f"{frame / FRAME_RATE:.2f} s", color=INK, fontsize=10, ha="center", va="center"
        )
    for row, name in enumerate(names):
        y = 1 - (top + (row + 0.5) * height) / tall
        figure.text(0.01, y, name.replace(", ", ",\n"), color=INK, fontsize=12, va="center")
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png")
