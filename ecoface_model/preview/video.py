"""Motion as people watch it: a video with sound, or a sheet of the moments that matter."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from ecoface_model.arrays import NDArray
from ecoface_model.core.atomic_write import atomic_write
from ecoface_model.core.constants import FRAME_RATE
from ecoface_model.core.errors import RequestError
from ecoface_model.core.head_file import FlameFile, read_head
from ecoface_model.core.head_mesh import HeadMesh
from ecoface_model.core.motion_file import FlameMotion, check_head
from ecoface_model.preview.sheet import posed, write_sheet
from ecoface_model.preview.soundtrack import Soundtrack, read_soundtrack
from ecoface_model.renderer.portrait import Portrait

KINDS = (".mp4", ".png")
FRAMES_AT_ONCE = 8
TILE = (400, 320)  # pixels of a picture on a sheet
BT709, LIMITED_RANGE = 1, 1  # FFmpeg's numbers for what players take for granted

Progress = Callable[[str, int, int], None]
"""Told the stage, and how much of it is done of how much."""


def write_preview(
    motion: FlameMotion,
    out: Path | str,
    sound: Path | None = None,
    head: Path | None = None,
    device: torch.device | None = None,
    progress: Progress | None = None,
) -> None:
    """Draw a motion: a video at 25 fps for a name ending in .mp4, a sheet of pictures for .png.

    Args:
        sound: what the face says, in any file with sound; cut or filled with silence to the motion's length.
        head: file of the head that the motion belongs to; the reference head if not given.

    Raises:
        RequestError: if the suffix is none of ours, or the file cannot be written.
        MotionError: if the motion belongs to another head.
        HeadError: if the head cannot be read.
        SoundError: if the sound cannot be read.
    """
    out = Path(out)
    kind = out.suffix.lower()
    if kind not in KINDS:
        raise RequestError(
            f"expected a name ending in {' or '.join(KINDS)} for a preview, found '{out.name}'"
        )
    file = read_head(head)
    check_head(motion, file.name)
    motion = motion.resample(float(FRAME_RATE))
    track = None if sound is None else read_soundtrack(sound, motion.n_frames / FRAME_RATE)
    device = device or torch.device("cpu")
    with atomic_write(out) as temporary, _one_thread_each() as workers:
        if kind == ".mp4":
            frames = pictures(motion, file, Portrait(file, device=device), workers, progress)
            write_video(temporary, frames, track)
        else:
            write_sheet(temporary, motion, file, Portrait(file, TILE, device), track)


def pictures(
    motion: FlameMotion,
    file: FlameFile,
    portrait: Portrait,
    workers: int = 1,
    progress: Progress | None = None,
) -> Iterator[NDArray[np.uint8]]:
    """A picture (height, width, 3) of every frame in order; `workers` threads draw ahead of what is taken."""
    mesh = HeadMesh(file)

    def draw(frames: slice) -> NDArray[np.uint8]:
        drawn: NDArray[np.uint8] = portrait.render(posed(mesh, motion, frames)).cpu().numpy()
        return drawn

    done, pending = 0, deque[Future[NDArray[np.uint8]]]()
    with ThreadPoolExecutor(workers) as pool:
        for first in range(0, motion.n_frames, FRAMES_AT_ONCE):
            pending.append(pool.submit(draw, slice(first, first + FRAMES_AT_ONCE)))
            if len(pending) <= 2 * workers:
                continue
            yield from (drawn := pending.popleft().result())
            done += len(drawn)
            if progress:
                progress("Drawing", done, motion.n_frames)
        while pending:
            yield from pending.popleft().result()
    if progress:
        progress("Drawing", motion.n_frames, motion.n_frames)


@contextmanager
def _one_thread_each() -> Iterator[int]:
    """Torch on one thread, and how many it had: cores share out frames better than parts of frames."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield before
    finally:
        torch.set_num_threads(before)


def write_video(path: Path, frames: Iterator[NDArray[np.uint8]], track: Soundtrack | None) -> None:
    """H.264 (yuv420p, BT.709) at exactly 25 fps and, if there is sound, AAC of the same length."""
    import av

    first = next(frames)
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=FRAME_RATE, options={"crf": "18", "preset": "veryfast"})
        video.height, video.width = first.shape[:2]
        video.pix_fmt = "yuv420p"
        codec = video.codec_context
        codec.color_primaries = codec.color_trc = codec.colorspace = BT709
        codec.color_range = LIMITED_RANGE
        audio = track.add_to(container) if track else None
        for index, picture in enumerate(chain((first,), frames)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
                format="yuv420p", src_color_range="JPEG", dst_color_range="MPEG", dst_colorspace="ITU709"
            )
            frame.pts, frame.time_base = index, Fraction(1, FRAME_RATE)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if track and audio:
            track.encode(container, audio)
