"""The times of a binary glTF, put right: Blender's exporter multiplies where it should divide by fps_base.

At 29.97 frames a second its times are 0.2 % short, and a minute's speech would end 0.12 s early. Blender's
importer makes the same mistake, so that Blender alone never shows it.
"""

import json
import struct
from pathlib import Path

import numpy as np

HEAD, CHUNK = struct.Struct("<4sII"), struct.Struct("<I4s")
UNNOTICED = 1e-6  # of the whole


def set_span(path: Path, seconds: float) -> None:
    """Scale the times of all keys so that from the first to the last there are so many seconds."""
    data = path.read_bytes()
    length, _kind = CHUNK.unpack_from(data, HEAD.size)
    content = json.loads(data[HEAD.size + CHUNK.size :][:length])
    binary = bytearray(data[HEAD.size + CHUNK.size + length + CHUNK.size :])
    inputs = {
        sampler["input"] for animation in content.get("animations", ()) for sampler in animation["samplers"]
    }
    times = {index: _times(content, binary, index) for index in inputs}
    span = max((float(np.ptp(each)) for each in times.values()), default=0.0)
    if span == 0 or abs(seconds / span - 1) < UNNOTICED:
        return
    for index, each in times.items():
        each *= np.float32(seconds / span)  # in place, in the binary chunk
        content["accessors"][index] |= {"min": [float(each.min())], "max": [float(each.max())]}
    text = json.dumps(content, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    chunks = [CHUNK.pack(len(text), b"JSON"), text, CHUNK.pack(len(binary), b"BIN\0"), bytes(binary)]
    whole = b"".join(chunks)
    path.write_bytes(HEAD.pack(b"glTF", 2, HEAD.size + len(whole)) + whole)


def _times(content: dict, binary: bytearray, index: int) -> np.ndarray:
    """The seconds of one accessor, as a view of the binary chunk."""
    accessor = content["accessors"][index]
    view = content["bufferViews"][accessor["bufferView"]]
    offset = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    return np.frombuffer(binary, "<f4", accessor["count"], offset)
