"""Small folders in the forms of RAVDESS, HDTF, MEAD and VOCASET, with real videos, sounds and meshes.

Every face moves as `face(time)`, so that a clip can be held against what it was made from. All is synthetic.
"""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile

NTSC = Fraction(30000, 1001)  # RAVDESS's frames per second


def face(times: np.ndarray) -> np.ndarray:
    """(T, 53): slow waves of the expression, a jaw that opens to 0.3 rad and turns a little."""
    times = np.asarray(times)[:, None]
    expression = np.sin(0.3 * np.arange(1, 51) + 2 * times) * np.linspace(2, 0.2, 50)
    jaw = np.concatenate([0.15 + 0.15 * np.sin(3 * times), 0.03 * np.cos(2 * times), 0.01 * times], axis=1)
    return np.concatenate([expression, jaw], axis=1)


def tone(seconds: float, rate: int, level: float = 0.3) -> np.ndarray:
    """A voice-like buzz with pauses."""
    time = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * 140 * time) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time))).astype(
        np.float32
    )


def write_video(
    path: Path, seconds: float, fps: Fraction = NTSC, *, level: float | None = 0.3, fast_start: bool = False
) -> int:
    """An mp4 of 32 x 32 pixels, with a soundtrack unless level is None; gives its number of frames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    n_frames = round(seconds * fps)
    options = {"movflags": "faststart"} if fast_start else {}
    with av.open(str(path), "w", options=options) as container:
        pictures = container.add_stream("mpeg4", rate=fps)
        pictures.width = pictures.height = 32
        pictures.pix_fmt = "yuv420p"
        sound = container.add_stream("aac", rate=48_000, layout="mono") if level is not None else None
        for index in range(n_frames):
            picture = av.VideoFrame.from_ndarray(np.full((32, 32, 3), index % 256, np.uint8), format="rgb24")
            container.mux(pictures.encode(picture))
        container.mux(pictures.encode())
        if sound is not None:
            samples = tone(seconds, 48_000, level)
            for start in range(0, len(samples), 1024):
                block = av.AudioFrame.from_ndarray(
                    samples[None, start : start + 1024], format="fltp", layout="mono"
                )
                block.sample_rate, block.pts = 48_000, start
                container.mux(sound.encode(block))
            container.mux(sound.encode())
    return n_frames


def write_sound(path: Path, seconds: float, rate: int = 22_050, level: float = 0.3) -> None:
    """A wav, or an m4a as MEAD's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".wav":
        soundfile.write(path, tone(seconds, rate, level), rate)
        return
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        samples = tone(seconds, 48_000, level)
        for start in range(0, len(samples), 1024):
            block = av.AudioFrame.from_ndarray(
                samples[None, start : start + 1024], format="fltp", layout="mono"
            )
            block.sample_rate, block.pts = 48_000, start
            container.mux(stream.encode(block))
        container.mux(stream.encode())


def write_emoca(folder: Path, motion: np.ndarray, *, first: int = 1, skipped: tuple[int, ...] = ()) -> None:
    """Codes as EMOCA's video demo saves them: 000001_000/exp.npy, pose.npy, shape.npy ..."""
    for index, frame in enumerate(motion):
        if index not in skipped:
            place = folder / f"{first + index:06d}_000"
            place.mkdir(parents=True)
            np.save(place / "exp.npy", frame[:50].astype(np.float32))
            np.save(place / "pose.npy", np.concatenate([[0.1, 0.2, 0.3], frame[50:]]).astype(np.float32))
            np.save(place / "shape.npy", np.zeros(100, np.float32))


def write_ply(
    path: Path, vertices: np.ndarray, faces: np.ndarray, *, form: str = "binary_little_endian"
) -> None:
    """A mesh of triangles; colours follow the coordinates, as scanners write them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = (
        f"ply\nformat {form} 1.0\ncomment synthetic\nelement vertex {len(vertices)}\nproperty float x\n"
        f"property float y\nproperty float z\nproperty uchar red\nelement face {len(faces)}\n"
        "property list uchar int vertex_indices\nend_header\n"
    )
    if form == "ascii":
        lines = [f"{x:.9g} {y:.9g} {z:.9g} 7" for x, y, z in vertices] + [
            f"3 {a} {b} {c}" for a, b, c in faces
        ]
        path.write_text(header + "\n".join(lines) + "\n")
        return
    order = "<" if form == "binary_little_endian" else ">"
    table = np.empty(len(vertices), [("xyz", f"{order}f4", 3), ("red", "u1")])
    table["xyz"], table["red"] = vertices, 7
    triangles = np.empty(len(faces), [("n", "u1"), ("corner", f"{order}i4", 3)])
    triangles["n"], triangles["corner"] = 3, faces
    path.write_bytes(header.encode() + table.tobytes() + triangles.tobytes())
