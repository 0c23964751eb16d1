"""A sheet of pictures: evenly spaced moments and the ones that matter, over curves of the whole clip."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from ecoface_model.arrays import NDArray
from ecoface_model.core.head_file import FlameFile
from ecoface_model.core.head_mesh import HeadLandmarks, HeadMesh
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.postprocess.lips import aperture
from ecoface_model.preview.soundtrack import Soundtrack
from ecoface_model.renderer.portrait import Portrait

COLUMNS, ROWS = 5, 3
STRIP = 190  # pixels of the curves below the pictures
APART = 3  # frames at least between two moments that matter
INK, PAPER, ACCENT = "#d7dade", "#24272c", "#e8a15c"


def write_sheet(
    path: Path, motion: FlameMotion, file: FlameFile, portrait: Portrait, track: Soundtrack | None
) -> None:
    """Draw the sheet as .png."""
    opening = _opening(motion, file) if file.has_landmarks else None
    moments = choose_moments(motion, opening)
    pictures = portrait.render(posed(HeadMesh(file), motion, list(moments))).cpu().numpy()
    _draw(path, motion, moments, pictures, opening, track)


def posed(mesh: HeadMesh, motion: FlameMotion, frames: slice | list[int]) -> torch.Tensor:
    """Vertices (n, V, 3) in metres of some frames, their head turned and their eyes looking."""
    head, gaze = (None if curves is None else curves[frames] for curves in (motion.head, motion.gaze))
    return torch.from_numpy(mesh.vertices(motion.motion[frames], head, gaze))


def choose_moments(motion: FlameMotion, opening: NDArray[np.float32] | None) -> dict[int, str]:
    """Frames to show in order of time, each with why: "" for those that fill the gaps evenly."""
    chosen: dict[int, str] = {}
    distance = np.full(motion.n_frames, motion.n_frames)  # of each frame to the nearest chosen one

    def add(frame: int, reason: str) -> None:
        if distance[frame] >= APART:
            chosen[frame] = reason
            np.minimum(distance, np.abs(np.arange(motion.n_frames) - frame), out=distance)

    if opening is not None:
        add(int(opening.argmax()), "widest")
        spoken = np.flatnonzero(opening >= min(0.5 * opening.max(), opening.max()))  # lips may never part
        between = opening[spoken[0] : spoken[-1] + 1]
        add(int(spoken[0] + between.argmin()), "lips meet")
    strength = np.linalg.norm(motion.expression - np.median(motion.expression, axis=0), axis=1)
    add(int(strength.argmax()), "most expression")
    add(0, "")
    add(motion.n_frames - 1, "")
    while len(chosen) < COLUMNS * ROWS and distance.max() > 0:
        frame = int(distance.argmax())
        chosen[frame] = ""
        np.minimum(distance, np.abs(np.arange(motion.n_frames) - frame), out=distance)
    return dict(sorted(chosen.items()))


def _opening(motion: FlameMotion, file: FlameFile) -> NDArray[np.float32]:
    """Distance in mm between the lips of every frame, from where they just touch."""
    head = HeadLandmarks(file)
    distance = aperture(head.of(motion.motion.astype(np.float32))) - head.rest_lip_gap()
    millimetres: NDArray[np.float32] = (1000 * distance).astype(np.float32)
    return millimetres


def _draw(
    path: Path,
    motion: FlameMotion,
    moments: dict[int, str],
    pictures: NDArray[np.uint8],
    opening: NDArray[np.float32] | None,
    track: Soundtrack | None,
) -> None:
    """Pictures with their times above, the clip's curves below."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height, width = pictures.shape[1:3]
    rows = -(-len(pictures) // COLUMNS)
    sheet = np.empty((rows * height, COLUMNS * width, 3), np.uint8)
    sheet[:] = np.array([0x24, 0x27, 0x2C], np.uint8)
    for index, picture in enumerate(pictures):
        top, left = index // COLUMNS * height, index % COLUMNS * width
        sheet[top : top + height, left : left + width] = picture
    tall = len(sheet) + STRIP
    figure = Figure((sheet.shape[1] / 100, tall / 100), dpi=100, facecolor=PAPER)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, STRIP / tall, 1, 1 - STRIP / tall))
    axes.imshow(sheet, interpolation="nearest", aspect="auto")
    axes.set_axis_off()
    for index, (frame, reason) in enumerate(moments.items()):
        left, top = index % COLUMNS * width, index // COLUMNS * height
        axes.text(left + 10, top + 22, f"{frame / motion.fps:.2f} s", color=INK, fontsize=11)
        axes.text(left + width - 10, top + 22, reason, color=ACCENT, fontsize=11, ha="right")
    _draw_curves(
        figure.add_axes((0.035, 36 / tall, 0.95, (STRIP - 50) / tall)), motion, moments, opening, track
    )
    figure.savefig(path, format="png")


def _draw_curves(
    axes: Any,
    motion: FlameMotion,
    moments: dict[int, str],
    opening: NDArray[np.float32] | None,
    track: Soundtrack | None,
) -> None:
    """Lip opening over time, the sound behind it, the moments as lines."""
    times = np.arange(motion.n_frames) / motion.fps
    if track is not None:
        sound = axes.twinx()
        blocks = np.array_split(track.samples.mean(0), 1200)
        edges = np.linspace(0, motion.seconds, len(blocks))
        low, high = ([float(edge(block)) for block in blocks] for edge in (np.min, np.max))
        sound.fill_between(edges, low, high, color=INK, alpha=0.22, linewidth=0)
        peak = max(1e-3, max(high), -min(low))
        sound.set_ylim(-peak, peak)
        sound.set_axis_off()
    if opening is not None:
        axes.plot(times, opening, color=ACCENT, linewidth=1.4)
        axes.set_ylabel("lips, mm", color=INK, fontsize=9)
    for frame in moments:
        axes.axvline(frame / motion.fps, color=INK, linewidth=0.6, alpha=0.5)
    axes.set_xlim(0, motion.seconds)
    axes.set_xlabel("s", color=INK, fontsize=9, labelpad=0)
    axes.set_facecolor("none")
    axes.tick_params(colors=INK, labelsize=8)
    for side in axes.spines.values():
        side.set_visible(False)
