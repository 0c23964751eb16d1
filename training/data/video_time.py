"""From a recording's own clock to 25 frames a second, by time: when each video frame was shown, and what the
face did in between."""

from pathlib import Path
from typing import Any

import av
import numpy as np
from jaxtyping import Float, Float32
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from ecoface_model.core.constants import EXPRESSION_DIM, FRAME_RATE, MOTION_DIM
from ecoface_model.core.tracker import TrackerOutput
from training.data.clips import CorpusError

LONGEST_GAP = (
    0.25  # seconds without a face that are filled in; ours, shorter than a syllable with its neighbours
)
LENGTH_TOLERANCE = 2  # frames by which tracker and video may differ: tools count the ends differently
WHOLE = 0.98  # share of the frames which the header promises

Times = Float[NDArray[np.float64], " frames"]


def frame_times(video: Path, *, has_sound: bool) -> Times:
    """Seconds at which the frames of a video appear, after its own sound begins if that is used.

    PyAV reads every frame's time stamp; the pictures are the tracker's business and need no decoding here.

    Raises:
        CorpusError: if it is no video, breaks off, or has fewer than two frames.
    """
    try:
        with av.open(str(video)) as container:
            if not container.streams.video:
                raise CorpusError(f"expected pictures in {video.name}, found none; use the audio-video file")
            stream = container.streams.video[0]
            packets = (p for p in container.demux(stream) if p.pts is not None and not p.is_discard)
            ticks = sorted(packet.pts for packet in packets)
            promised, tick = stream.frames, float(stream.time_base)
            start = ticks[0] * tick if ticks else 0.0
            if has_sound and container.streams.audio:
                sound = container.streams.audio[0]
                start = float((sound.start_time or 0) * sound.time_base)
    except (av.FFmpegError, OSError) as error:
        raise CorpusError(
            f"expected a whole video in {video.name}, found a damaged one ({error.strerror}); copy it again"
        ) from error
    if len(ticks) < max(2, WHOLE * promised):
        raise CorpusError(
            f"expected {max(2, promised)} frames in the video {video.name}, found {len(ticks)}; copy it again"
        )
    return np.array(ticks) * tick - start


def times_of(
    output: TrackerOutput, video: Times, tracker_fps: float | None
) -> Float[NDArray[np.float64], " tracked"]:
    """Seconds of every tracked frame: by the output's own rate, by the given one, or frame by frame.

    Raises:
        CorpusError: if the output is of another length than the video.
    """
    fps = output.fps or tracker_fps
    step = float(np.median(np.diff(video)))
    if fps is None:
        n_wanted, tolerance, missing = len(video), LENGTH_TOLERANCE, LONGEST_GAP / step
    else:
        n_wanted = round((video[-1] - video[0] + step) * fps)
        tolerance, missing = max(LENGTH_TOLERANCE, round(0.1 * fps)), LONGEST_GAP * fps
    n_found = int(output.frame[-1]) + 1
    if not n_wanted - max(tolerance, missing) <= n_found <= n_wanted + tolerance:
        raise CorpusError(
            f"expected {n_wanted} tracked frames for this video, found {n_found}; track this very file, or"
            " give the tracker's rate with --tracker-fps"
        )
    if fps is None:
        times = np.concatenate([video, video[-1] + step * np.arange(1, LENGTH_TOLERANCE + 1)])[output.frame]
    else:
        times = video[0] + output.frame / fps
    return np.asarray(times, np.float64)


def clock(times: Times, n_frames: int) -> Float[NDArray[np.float64], " wanted"]:
    """The times 0, 1/25, 2/25 ... s at which a motion is wanted from what was seen at other times.

    Raises:
        CorpusError: if the face is lost for longer than a quarter of a second.
    """
    wanted = np.arange(n_frames) / FRAME_RATE
    known = np.concatenate([[min(0.0, times[0])], times, [max(wanted[-1], times[-1])]])
    longest = int(np.diff(known).argmax())
    if len(times) < 2 or known[longest + 1] - known[longest] > LONGEST_GAP + 1 / FRAME_RATE:
        raise CorpusError(
            f"expected a face in every quarter of a second, found none from {known[longest]:.2f} to"
            f" {known[longest + 1]:.2f} s; track this clip again"
        )
    return wanted


def at_frame_rate(
    times: Times,
    expression: Float[NDArray[Any], "frames 50"],
    jaw: Float[NDArray[Any], "frames 3"],
    n_frames: int,
) -> Float32[NDArray[np.float32], "wanted 53"]:
    """The motion at 25 fps: the expression linear in time, the jaw along the shortest turn between rotations.

    Raises:
        CorpusError: if the face is lost for longer than a quarter of a second.
    """
    wanted = clock(times, n_frames)
    motion = np.empty((n_frames, MOTION_DIM), np.float32)
    for column in range(EXPRESSION_DIM):
        motion[:, column] = np.interp(wanted, times, expression[:, column])
    within = np.clip(wanted, times[0], times[-1])
    motion[:, EXPRESSION_DIM:] = Slerp(times, Rotation.from_rotvec(jaw))(within).as_rotvec()
    return motion


def meshes_at_frame_rate(
    times: Times, meshes: Float[NDArray[Any], "frames vertices 3"], n_frames: int
) -> Float[NDArray[np.float64], "wanted vertices 3"]:
    """Meshes at 25 fps, linear in time: at 60 Hz a lip moves on a straight line from one to the next.

    Raises:
        CorpusError: if meshes are missing for longer than a quarter of a second.
    """
    wanted = np.clip(clock(times, n_frames), times[0], times[-1])
    after = np.clip(np.searchsorted(times, wanted, side="right"), 1, len(times) - 1)
    share = ((wanted - times[after - 1]) / (times[after] - times[after - 1]))[:, None, None]
    between: NDArray[np.float64] = meshes[after - 1] * (1 - share) + meshes[after] * share
    return between
