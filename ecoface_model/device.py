"""The one place that names devices and engines: which to compute on, and in what precision.

PyTorch is imported inside the functions: an engine without it asks here, too.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ecoface_model.core.errors import RequestError
from ecoface_model.core.processors import processors

if TYPE_CHECKING:
    import torch

DEVICES = ("cuda", "mps", "cpu")  # in order of preference
WITHOUT_DOUBLE = "mps"  # the one that knows no float64
TORCH, ONNX = "torch", "onnx"
ENGINES = (TORCH, ONNX)
HOW_TO_GET_TORCH = 'pip install "ecoface[torch]"'


def choose_engine(device: str | None, engine: str | None, *, with_graphs: bool) -> str:
    """The engine asked for, or else the one that suits: TORCH or ONNX.

    PyTorch on a graphics card, where it sees one and nothing else is asked for; on the processor ONNX
    Runtime, which is there sooner, where the model carries graphs for it; else PyTorch.

    Args:
        device: as `choose_device` takes it.
        engine: one of ENGINES; the same motion comes of both.
        with_graphs: whether the model file carries them.

    Raises:
        RequestError: if what was asked for is not installed, or an engine does not run on the device.
    """
    if engine not in (None, *ENGINES):
        raise RequestError(f"expected an engine among {', '.join(ENGINES)}, found {engine!r}; leave it out")
    on_processor = device == "cpu" or (device is None and not torch_sees_a_card())
    if engine == ONNX:
        if device not in (None, "cpu"):
            raise RequestError(
                f"expected the engine torch for the device {device!r}, found onnx, which runs on the cpu; "
                "leave one of them out"
            )
        if not is_installed("onnxruntime"):
            raise RequestError("expected ONNX Runtime, found none; pip install onnxruntime")
        return ONNX
    if engine is None and on_processor and with_graphs and is_installed("onnxruntime"):
        return ONNX
    if is_installed("torch"):
        return TORCH
    if engine is None and on_processor and is_installed("onnxruntime"):
        return ONNX  # which will say that the model has no graphs
    if engine is None and on_processor:
        raise RequestError("expected ONNX Runtime or PyTorch, found neither; pip install onnxruntime")
    raise RequestError(f"expected PyTorch for this, found none; {HOW_TO_GET_TORCH}")


def working() -> tuple[str, str]:
    """The engine that runs the default model here, with its version, and its device.

    Raises:
        RequestError: if none is installed.
    """
    if choose_engine(None, None, with_graphs=True) == ONNX:
        import onnxruntime

        return f"ONNX Runtime {onnxruntime.__version__}", "cpu"
    import torch

    return f"PyTorch {torch.__version__}", str(choose_device())


def hardware(device: str) -> str:
    """A device in words, such as "2 cores", or the name of a graphics card."""
    if device.startswith("cuda"):
        import torch

        return str(torch.cuda.get_device_name(device))
    if device.startswith("mps"):
        return "Apple's graphics card"
    return "1 core" if processors() == 1 else f"{processors()} cores"


def expect_packages(use: str, extra: str, *packages: str) -> None:
    """See that what something needs beside the engine is there.

    Raises:
        RequestError: if it is not.
    """
    missing = [package for package in packages if not is_installed(package)]
    if missing:
        raise RequestError(
            f'expected {" and ".join(missing)} for {use}, found none; pip install "ecoface[{extra}]"'
        )


def is_installed(package: str) -> bool:
    """Whether it can be imported, without doing so."""
    try:
        return find_spec(package) is not None
    except ValueError:  # somebody has blocked it
        return False


def torch_sees_a_card() -> bool:
    """Whether PyTorch is there and sees a graphics card; a build for processors alone is not asked."""
    if not is_installed("torch") or (sys.platform != "darwin" and _is_for_processors()):
        return False
    return any(_is_present(kind) for kind in DEVICES[:-1])


def choose_device(name: str | None = None) -> torch.device:
    """PyTorch's device asked for, or else the fastest there is: CUDA, then MPS, then the CPU.

    Raises:
        RequestError: if `name` is no device, or one that this machine does not have.
    """
    import torch

    if name is None:
        return torch.device(next(device for device in DEVICES if _is_present(device)))
    kind, _, index = expect_device(name).partition(":")
    if not _is_present(kind) or (kind == "cuda" and int(index or 0) >= torch.cuda.device_count()):
        present = ", ".join(device for device in DEVICES if _is_present(device))
        raise RequestError(
            f"device {name!r} is not on this machine, which has {present}; leave it out to choose"
        )
    return torch.device(name)


def expect_device(name: str) -> str:
    """The name of a device, if it is one.

    Raises:
        RequestError: if it is none.
    """
    kind, _, index = name.partition(":")
    if kind not in DEVICES or not (index == "" or index.isdigit()):
        raise RequestError(
            f"expected a device among {', '.join(DEVICES)}, found {name!r}; leave it out to choose"
        )
    return name


@contextmanager
def inference_on(device: torch.device) -> Iterator[None]:
    """On CUDA: half precision, and convolutions that give the same bytes every time; elsewhere, no change."""
    import torch

    with ExitStack() as settings:
        if device.type == "cuda" and torch.cuda.is_available():
            settings.enter_context(torch.autocast(device.type, torch.float16))
            same_bytes = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True)
            settings.enter_context(same_bytes)
        yield


def training_precision(device: torch.device) -> AbstractContextManager[object]:
    """On CUDA: bfloat16, whose range needs no scaling of the loss; elsewhere, no change."""
    import torch

    if device.type == "cuda" and torch.cuda.is_available():
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Float32 inside a stretch of half precision: for spectra, whose range a half cannot hold."""
    import torch

    return torch.autocast(device.type, enabled=False)


def give_back_memory() -> None:
    """Let others, such as a renderer, have what is kept for later of the graphics card, and by malloc."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library than glibc
            ctypes.CDLL(None).malloc_trim(0)
    torch = sys.modules.get("torch")  # what was never imported keeps nothing
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def _is_present(kind: str) -> bool:
    import torch

    if kind == "cuda":
        return torch.cuda.is_available()
    return kind == "cpu" or torch.backends.mps.is_available()


def _is_for_processors() -> bool:
    """Whether the PyTorch that is installed says that it knows no cards: a second's import saved."""
    spec = find_spec("torch")
    version = Path(spec.origin).with_name("version.py") if spec and spec.origin else None
    if version is None or not version.is_file():
        return False
    told = [line.split("=", 1) for line in version.read_text("utf-8").splitlines() if "=" in line]
    values = {name.split(":")[0].strip(): value.strip() for name, value in told}
    return all(values.get(kind) == "None" for kind in ("cuda", "hip", "xpu"))
