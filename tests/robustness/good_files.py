"""One good file of every kind that EcoFace reads, to be damaged."""

import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

import av  # noqa: E402
import soundfile  # noqa: E402

from .takes import good_properties  # noqa: E402

RATE = 16_000
SOUNDS = {
    "wav": ("wav", "PCM_16"), "float.wav": ("wav", "FLOAT"), "flac": ("flac", None), "aiff": ("aiff", None),
    "ogg": ("ogg", "VORBIS"), "mp3": ("mp3", "libmp3lame"), "m4a": ("ipod", "aac"),
    "opus": ("ogg", "libopus"), "mkv": ("matroska", "aac"),
}  # fmt: skip
"""Suffix: container and codec. libsndfile writes the first five, FFmpeg the others."""


def write_all(folder: Path) -> dict[str, Path]:
    """By kind, the paths of the good files, and what the tries need beside them."""
    from flame_samples import write_flame
    from tiny_model import INFO, write_tiny_model

    from ecoface_blender.heads.mapping import Row, write_preset
    from ecoface_blender.request import GenerationRequest
    from ecoface_model.core.head_file import read_head
    from ecoface_model.core.motion_file import FlameMotion

    speech, rate = soundfile.read(ROOT / "demo" / "speech.wav", dtype="float32")
    speech = speech[: 3 * rate]
    good = {f"sound .{suffix}": folder / f"good.{suffix}" for suffix in SOUNDS}
    for suffix, (container, codec) in SOUNDS.items():
        _write_sound(folder / f"good.{suffix}", speech, rate, container, codec)
    head = read_head()
    INFO["head"] = head.name
    good["model"] = write_tiny_model(folder / "good.safetensors", graphs=False)
    motion = np.random.default_rng(0).normal(0, 0.1, (50, 53)).astype(np.float32)
    good["motion"] = folder / "good.npz"
    FlameMotion(motion=motion, fps=25.0, metadata={"head": head.name}).write(good["motion"])
    good["FLAME file"] = write_flame(folder)
    FlameMotion(motion=motion, fps=25.0, metadata={"head": "FLAME (good)"}).write(folder / "flame.npz")
    good["mapping"] = folder / "good.json"
    rows = [
        Row(source="jawOpen", target="Open", gain=2.0),
        Row(source="Jaw Pitch", target="jaw", kind="BONE"),
    ]
    write_preset(good["mapping"], rows)
    good["table"] = folder / "good.csv"
    lines = "".join(f"good.wav,line {n},ben,happy:1.5,{n},npz fbx\n" for n in range(6))
    good["table"].write_text("audio,name,style,emotion,seed,outputs\n" + lines)
    asked = GenerationRequest(
        scene="Scene", speaker="Anna", head=head.name, sound=str(folder / "good.wav"), first_frame=1.0,
        emotion="happy:1.5", baseline={"mean": [0.1, 0.2]}, frames=(3, 30),
    )  # fmt: skip
    good["stored request"] = folder / "good.request"
    good["stored request"].write_text(json.dumps({"line": asked.stored(), "first_frame": 1.0}))
    good["take in a .blend"] = folder / "good.take"
    good["take in a .blend"].write_bytes(good_properties(folder))
    return good


def _write_sound(path: Path, samples: np.ndarray, rate: int, container: str, codec: str | None) -> None:
    if container in ("wav", "flac", "aiff") or codec == "VORBIS":
        soundfile.write(path, samples, rate, format=container.upper(), subtype=codec)
        return
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=48_000)
        stream.layout = "mono"
        resampler = av.AudioResampler("fltp" if codec != "libopus" else "flt", "mono", 48_000)
        frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.sample_rate = rate
        fifo = av.AudioFifo()
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            part.pts = None
            fifo.write(part)
        size = stream.codec_context.frame_size or 960
        while (part := fifo.read(size, partial=True)) is not None:
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
